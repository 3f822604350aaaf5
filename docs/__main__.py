"""Renew what the pages show: ``python -m docs [tables] [findings] [pages] [ledger] [facts]``, from the root of the repository.

tables: docs/tables/NAME.md, the golden rendering of every table, in a second. findings: docs/findings/, a page a finding, from the
kept witnesses and facts, in a second. pages: the outputs of the commands, and the parts that are made from the model, in
README.md and docs/; that runs the searches, about two minutes. ledger: docs/ledger.md and the results behind it, from the same
searches. These four without arguments. facts: what docs/findings/ says of games,
where the model changed, some minutes; afterwards the pages of findings.
"""

from __future__ import annotations

import sys
from pathlib import Path

from docs.pages import PAGES, ROOT, Copy, Place, blocks, follow, remade, rerun, shown_commands, temporary
from model.slices import TABLES
from model.text import markdown


def tables() -> None:
    for table in TABLES.values():
        (ROOT / "docs" / "tables" / f"{table.name}.md").write_text(markdown(table), encoding="utf-8")


def pages() -> None:
    from docs.made import MAKE, known, write_witnesses

    with temporary() as folder:
        write_witnesses(Path(folder))
        place = Place(Path(folder), known=known)
        for page in PAGES:
            before = (ROOT / page).read_text(encoding="utf-8")
            text = remade(before, MAKE)
            if any(block.kind == "diff" for block in blocks(text)):
                with temporary() as copy:
                    text = rerun(text, iter(list(follow(text, Copy(Path(copy))))))
            else:
                text = rerun(text, iter(list(shown_commands(text, place))))
            if text != before:
                (ROOT / page).write_text(text, encoding="utf-8")
                print(f"{page}: renewed")


def findings() -> None:
    from docs.finding_pages import render

    try:
        render()
    except (OSError, ValueError) as error:
        sys.exit(f"docs: {error}")


def facts() -> None:
    from docs.finding_pages import renew

    renew()
    findings()


def ledger() -> None:
    from docs.ledger_pages import PAGE, text
    from lockstep.api import results_of
    from lockstep.ledger import keep, results
    from tests import runs

    keep([result for outcome in runs.everything()[1] for result in results_of(outcome, {})])
    results.cache_clear()
    PAGE.write_text(text(), encoding="utf-8")


PARTS = {"tables": tables, "findings": findings, "pages": pages, "ledger": ledger, "facts": facts}


def main() -> None:
    words = sys.argv[1:] or [word for word in PARTS if word != "facts"]
    for word in words:
        if word not in PARTS:
            sys.exit(f"docs: {word!r}: there is no such part; there are {', '.join(PARTS)}")
        PARTS[word]()


if __name__ == "__main__":
    main()
