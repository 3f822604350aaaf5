"""The page as one file: data, script and style put into the template, with a policy under which it can reach no network."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from lockstep.chances import kept_for
from lockstep.page.data import Document, page_data
from traces.replay import Run

# Characters that could end the element the data stands in, or the script's line; JSON may write them as codes.
CODES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def page(run: Run) -> str:
    """A run as a page, with what is known of who could have prevented it."""
    return html(page_data(run, kept_for(run.trace)))


def html(document: Document) -> str:
    """A document of `page_data` as a page."""
    style, script = _part("page.css"), _part("page.js")
    policy = f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; base-uri 'none'; form-action 'none'"
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":")).translate(CODES)
    return Template(_part("page.html")).substitute(policy=policy, title=escape(document["title"]), style=style, script=script, data=data)


@cache
def _part(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """As a policy names what it lets run (CSP 3, 8.1)."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
