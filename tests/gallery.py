"""``python -m tests.gallery``: write traces/gallery/ anew, one shortest witness for each known finding.

To be run when the tables changed; the difference then belongs into the commit that changed them.
"""

from __future__ import annotations

import sys

from lockstep.api import file_name
from properties.findings import FINDINGS
from tests.runs import GALLERY, witnesses
from traces.files import to_text, write


def main() -> int:
    traces = witnesses()
    gone = [name for name in FINDINGS if name not in traces]
    if gone:
        print(f"no witness for {', '.join(gone)}: nothing was written", file=sys.stderr)
        return 1
    kept = {file_name(trace): to_text(trace) for trace in traces.values()}
    for path in GALLERY.glob("*.json"):
        if path.name not in kept:
            path.unlink()
    for name, text in kept.items():
        write(GALLERY / name, text)
    print(f"{len(kept)} witnesses in {GALLERY}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
