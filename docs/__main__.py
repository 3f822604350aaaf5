"""Renew what the pages show: ``python -m docs [tables] [findings] [pages] [ledger] [facts [FINDING ...] [--workers N]]``, from the root
of the repository.

tables: docs/tables/NAME.md, the golden rendering of every table, in a second. findings: docs/findings/, a page a finding, from the
kept witnesses and facts, in a second. pages: the outputs of the commands, and the parts that are made from the model, in
README.md and docs/; that runs the searches, about two minutes. ledger: docs/ledger.md and the results behind it, from the same
searches. These four without arguments. facts: what docs/findings/ says of games and repairs, of all findings or of those named, where
the model changed: minutes, for all of them half an hour; afterwards the pages. vacuity: docs/vacuity.md, which parts of the claims are
never put to the test; it makes the searches that are not kept in docs/vacuity.json, all of them in some twenty minutes.
"""

from __future__ import annotations

import os
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


def facts(words: list[str]) -> None:
    from docs.finding_facts import renew
    from properties.findings import FINDINGS

    names, workers = list(words), os.cpu_count() or 1
    if "--workers" in names:
        at = names.index("--workers")
        _, *given = names[at:at + 2]
        if not given or not given[0].isdecimal() or int(given[0]) < 1:
            sys.exit(f"docs: --workers {' '.join(given)}: give a whole number from 1 on")
        workers = int(given[0])
        del names[at:at + 2]
    for name in names:
        if name not in FINDINGS:
            sys.exit(f"docs: {name!r}: there is no such finding; there are {', '.join(FINDINGS)}")
    try:
        renew(names, workers)
    except KeyboardInterrupt:
        sys.exit("docs: interrupted; what was computed so far is kept")
    findings()


def ledger() -> None:
    from docs.ledger_pages import PAGE, text
    from lockstep.api import results_of
    from lockstep.ledger import keep, results
    from tests import runs

    keep([result for outcome in runs.everything()[1] for result in results_of(outcome, {})])
    results.cache_clear()
    PAGE.write_text(text(), encoding="utf-8")


def vacuity() -> None:
    from docs.vacuity_pages import renew

    try:
        renew(os.cpu_count() or 1)
    except ValueError as error:
        sys.exit(f"docs: interrupted; what was found so far is kept: {error}")


PARTS = {"tables": tables, "findings": findings, "pages": pages, "ledger": ledger}


def main() -> None:
    if sys.argv[1:2] == ["facts"]:
        return facts(sys.argv[2:])
    words = sys.argv[1:] or list(PARTS)
    every = {**PARTS, "vacuity": vacuity}
    for word in words:
        if word not in every:
            sys.exit(f"docs: {word!r}: there is no such part; there are {', '.join(every)}, and facts, first and alone")
        every[word]()
    return None


if __name__ == "__main__":
    main()
