"""A trace as a Python test that anybody with Lockstep can run."""

from __future__ import annotations

import re

from model.trace import to_document
from traces.replay import Run

_TEST = '''"""{title}

Run it with: python -m pytest {file}
"""

from model.trace import from_document
from traces.replay import replay

TRACE = {document}


def test_{name}():
    run = replay(from_document(TRACE))
    assert len(run.outcomes) == {length}


if __name__ == "__main__":
    test_{name}()
'''


def python_test(run: Run) -> str:
    """A complete test module: replays the trace and fails if it is no longer a run that ends as it claims."""
    from pprint import pformat

    trace = run.trace
    name = re.sub(r"\W+", "_", trace.finding or trace.property or "run").lower()
    what = f"{trace.property} is violated in {trace.length} steps" if trace.property else f"A run of {trace.length} steps by {trace.engine}"
    what += "" if trace.loop is None else ", endless"
    title = f"{what}, slice {trace.slice}, preset {trace.preset}."
    document = pformat(to_document(trace), width=120, sort_dicts=False)
    return _TEST.format(title=title, file=f"test_{name}.py", document=document, name=name, length=trace.length)
