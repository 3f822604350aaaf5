"""The site: `python -m docs site [-o DIR]` makes HTML of the pages in docs/, which stay plain Markdown that a code host shows as well.

Sphinx reads them (docs/conf.py; docs/decisions/043 says why Sphinx). As it reads a page, the navigation is added, anchors are told to it,
and a run's sequence diagram becomes the project's own ladder. Nothing is fetched, neither now nor by the pages. A warning, such as of a
link that leads nowhere, is an error.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.finding_pages import replayed
from docs.pages import ROOT
from traces.svg import svg

DOCS = ROOT / "docs"
DEFAULT = ROOT / "out" / "site"
EXTRA = "the generator of the site is not installed; it comes with: pip install '.[docs]'"
# The order of the navigation, with a short title where the page's own is long. A page of docs/ that is not named here comes after these, in
# the order of the alphabet; one that is not there is left out.
ORDER = {"reading-the-model": "Reading the model", "findings/README": "Findings", "lifecycle": "Lifecycle", "ledger": "Ledger",
         "numbers": "Numbers", "lints": "Lints", "auditing-your-routers": "Your routers", "exploring": "", "learning": "", "tables": "",
         "findings": "What a finding is", "readings": "", "engines": "Engines", "graphs": "Graphs", "performance": "", "adding": "",
         "decisions": ""}
PARENTS = {"tables": "tables/*", "decisions": "decisions/*", "findings/README": "findings/[FL]-*", "adding": "adding-*"}
LADDERS = "_ladders"
_ANCHOR = re.compile(r'<a id="([^"]+)"></a>')
_TO_ANCHOR = re.compile(r"\]\(([^)#]*)#([^)]+)\)")
_FOLDER = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#]*)\)")
_MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"accTitle: (.*\(([FL]-\d+/[^)\s]+)\).*)")


class BuildError(Exception):
    """The site cannot be built, or not without warnings: these, a line each."""


def build(out: Path, docs: Path = DOCS) -> int:
    """Build the site of the pages in a folder, as docs/conf.py says. The number of pages. Raises BuildError."""
    try:
        from sphinx.application import Sphinx
        from sphinx.errors import SphinxError
        from sphinx.util.docutils import docutils_namespace, patch_docutils
    except ImportError:
        raise BuildError(EXTRA) from None
    warnings = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="lockstep-site-") as doctrees:
        try:
            with patch_docutils(str(DOCS)), docutils_namespace():
                app = Sphinx(docs, DOCS, out, doctrees, "html", status=None, warning=warnings, freshenv=True)
                app.build(force_all=True)
        except SphinxError as error:
            raise BuildError(str(error)) from None
    if warnings.getvalue():
        raise BuildError(warnings.getvalue().strip())
    return len(app.env.found_docs)


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls."""
    from pygments.lexers.special import TextLexer

    app.add_lexer("output", TextLexer)
    app.connect("source-read", _read)
    app.connect("build-finished", _draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Any, name: str, source: list[str]) -> None:
    """A page on its way to Sphinx."""
    docs = Path(app.srcdir)
    page = docs / f"{name}.md"
    text = _MERMAID.sub(lambda found: _ladder(found[0], name), source[0])
    text = _ANCHOR.sub(lambda found: f"{found[0]}[]{{#{_named(found[1])}}}", text)
    text = _TO_ANCHOR.sub(lambda found: f"]({found[1]}#{_named(found[2])})", text)
    text = _FOLDER.sub(lambda found: f"`{found[2].lstrip('./')}`" if (page.parent / found[2]).is_dir() else found[0], text)
    below = list(children(name, docs))
    if below:
        lines = [f"{ORDER[one]} </{one}>" if ORDER.get(one) else f"/{one}" for one in below]
        text += "\n".join(["", "```{toctree}", ":hidden:", "", *lines, "```", ""])
    source[0] = text


def _named(anchor: str) -> str:
    """An anchor as Sphinx can know it, beside the one that stands in the page; W-3.4-7 has a dot, which would begin a class."""
    return anchor.replace(".", "-")


def children(name: str, docs: Path = DOCS) -> Iterator[str]:
    """The pages below a page in the navigation."""
    there = {str(path.relative_to(docs).with_suffix("")) for path in docs.rglob("*.md")}
    if name == "index":
        own = {child for parent in PARENTS for child in children(parent, docs)}
        yield from (one for one in ORDER if one in there)
        yield from sorted(there - {"index", *ORDER, *own})
    elif name in PARENTS:
        yield from sorted(one for one in there if Path(one).match(PARENTS[name]))


def alone() -> list[str]:
    """The pages that have none below and are below the front page: there is nothing to show at their side."""
    return ["index", *(one for one in children("index") if one not in PARENTS)]


def _ladder(block: str, page: str) -> str:
    """A sequence diagram of a known run as a picture; another one stays as it is."""
    found = _NAME.search(block)
    if found is None:
        return block
    picture = "../" * page.count("/") + f"{LADDERS}/{found[2].replace('/', '-')}.svg"
    return "\n".join(["```{raw} html", '<figure class="ladder">',
                      f'<a href="{picture}"><img src="{picture}" loading="lazy" alt="{found[1]}"></a>',
                      "<figcaption>The same run drawn. Select it to see it alone.</figcaption></figure>", "```"])


def _draw(app: Any, failure: Exception | None) -> None:
    """The ladders, and what keeps a code host from leaving out folders that begin with `_`."""
    folder = Path(app.outdir)
    (folder / LADDERS).mkdir(exist_ok=True)
    (folder / ".nojekyll").touch()
    for name, run in replayed().items():
        (folder / LADDERS / f"{name.replace('/', '-')}.svg").write_text(svg(run), encoding="utf-8")
