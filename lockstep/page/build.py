"""The page as one file: data, script and style put into the template, with a policy under which it can reach no network."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from lockstep.chances import kept_for
from lockstep.page.data import Document, page_data
from traces.replay import Run

# Characters that could end the element the data stands in, or the script's line; JSON may write them as codes.
CODES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def page(run: Run) -> str:
    """A run as a page, with what is known of who could have prevented it."""
    return html(page_data(run, kept_for(run.trace)))


@dataclass(frozen=True)
class Parts:
    """What a page has besides the drawing of a run: more style and script, and HTML above the steps' buttons, between the step and the
    drawing, and beside it all. `connects`: the script may ask the server that the page came from."""

    style: str = ""
    script: str = ""
    above: str = ""
    between: str = ""
    aside: str = ""
    connects: bool = False


DRAWING = Parts()


def html(document: Document | None, parts: Parts = DRAWING, title: str = "") -> str:
    """A document of `page_data` as a page; with None, and a title, one that has yet to be given its run by its script."""
    style, script = part(__package__, "page.css") + parts.style, part(__package__, "page.js") + parts.script
    return Template(part(__package__, "page.html")).substitute(
        policy=policy(parts), title=escape(document["title"] if document else title), style=style, script=script, data=embedded(document),
        above=parts.above, between=parts.between, aside=parts.aside)


def embedded(document: Any) -> str:
    """A document as JSON that may stand in a script element."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).translate(CODES)


def policy(parts: Parts = DRAWING) -> str:
    """What a page's Content-Security-Policy says: its one style, its one script, and nothing else."""
    style, script = part(__package__, "page.css") + parts.style, part(__package__, "page.js") + parts.script
    connects = "; connect-src 'self'" if parts.connects else ""
    return f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}{connects}; base-uri 'none'; form-action 'none'"


@cache
def part(package: str, name: str) -> str:
    """A text file of a package."""
    return (files(package) / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """As a policy names what it lets run (CSP 3, 8.1)."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
