"""A run as a page that steps: one HTML file that needs nothing else.

`data` says what is on it, as a JSON document; `drawing` lays the tables out; `build` puts data, script and style into one file. The
script, `page.js`, draws whatever the document says and knows nothing of the protocols.
"""
