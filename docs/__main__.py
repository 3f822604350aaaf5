"""Renew what the pages show: ``python -m docs [tables] [findings] [ledger] [pages] [poster] [mutants] [vacuity] [shots]``, from the root
of the repository; ``python -m docs facts [FINDING ...] [--workers N]``; and the site: ``python -m docs site [-o DIR]``.

tables: docs/tables/NAME.md, the golden rendering of every table, in a second. findings: docs/findings/, a page a finding, from the
kept witnesses and facts, in a second. ledger: docs/ledger.md and the results behind it; that runs the searches, about two minutes.
pages: the outputs of the commands, and the parts that are made from the model, in README.md and docs/, from the same searches. poster:
docs/pictures/lifecycle.svg, in seconds. These five without arguments.

site: the pages as HTML, in out/site or DIR, in half a minute; a warning is an error. shots: pictures of the page of a run, with a Chromium.
mutants: the matrix of `lockstep mutate` that docs/ledger.md draws on, some ten minutes; what is in out/ already
is not searched again; afterwards the ledger. facts: what docs/findings/ says of games and repairs, of all findings or of those named,
where the model changed: minutes, for all of them half an hour; afterwards the pages.
vacuity: docs/vacuity.md, which parts of the claims are never put to the test; it makes the searches that are not kept in
docs/vacuity.json, all of them in some twenty minutes.
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


def poster() -> None:
    from docs.poster import write

    try:
        write()
    except ValueError as error:
        sys.exit(f"docs: {error}")


def shots() -> None:
    from docs.shots import write
    from tests.browser import NoBrowser

    try:
        write()
    except NoBrowser as error:
        sys.exit(f"docs: {error}: no pictures can be taken")


def site(words: list[str]) -> None:
    from docs.site import DEFAULT, BuildError, build

    if words and (words[0] not in ("-o", "--out") or len(words) != 2):
        sys.exit(f"docs: site {' '.join(words)}: give -o DIR, or nothing")
    out = Path(words[1]) if words else DEFAULT
    try:
        number = build(out)
    except (BuildError, OSError) as error:
        sys.exit(f"docs: the site is not as it should be: {error}")
    print(f"{out}: {number} pages")


def ledger() -> None:
    from docs.ledger_pages import PAGE, text
    from lockstep.api import results_of
    from lockstep.choice import UsageError
    from lockstep.ledger import keep, results
    from tests import runs

    keep([result for outcome in runs.everything()[1] for result in results_of(outcome, {})])
    results.cache_clear()
    try:
        PAGE.write_text(text(), encoding="utf-8")
    except UsageError as error:
        sys.exit(f"docs: {error}")


def mutants() -> None:
    from lockstep.mutation.kept import Kept, digest
    from lockstep.mutation.matrix import keep
    from lockstep.mutation.run import Run
    from lockstep.mutation.search import GROUNDS
    from lockstep.mutation.sentences import chosen

    with Kept(ROOT / "out" / f"mutants-{digest()}.jsonl") as kept:
        run = Run(list(GROUNDS), chosen(), kept, 2.0)
        run.search_all(os.cpu_count() or 1)
    if not run.complete:
        sys.exit("docs: interrupted; what was searched so far is in out/")
    keep(run)


def vacuity() -> None:
    from docs.vacuity_pages import renew

    try:
        renew(os.cpu_count() or 1)
    except ValueError as error:
        sys.exit(f"docs: interrupted; what was found so far is kept: {error}")


PARTS = {"tables": tables, "findings": findings, "ledger": ledger, "pages": pages, "poster": poster}  # README.md counts what the ledger has
ALONE = {"mutants": mutants, "vacuity": vacuity, "shots": shots}
WITH_WORDS = {"facts": facts, "site": site}


def main() -> None:
    if sys.argv[1:] in (["-h"], ["--help"]):
        return print(__doc__)
    if sys.argv[1:2] and sys.argv[1] in WITH_WORDS:
        return WITH_WORDS[sys.argv[1]](sys.argv[2:])
    parts = {**PARTS, **ALONE}
    words = sys.argv[1:] or list(PARTS)
    for word in words:
        if word not in parts:
            sys.exit(f"docs: {word!r}: there is no such part; there are {', '.join(parts)}, and, first and alone, "
                     f"{' or '.join(WITH_WORDS)}")
    for word in words:
        parts[word]()
    return None


if __name__ == "__main__":
    main()
