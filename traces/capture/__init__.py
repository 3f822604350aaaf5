"""Reading packet captures: from a file's bytes to IP datagrams, TCP segments, ESP, ISAKMP and BGP messages.

Nothing here judges. Every reader takes any bytes: what is malformed is left out or said, never raised, except where the file as a whole is
no capture (`files.CaptureError`).
"""
