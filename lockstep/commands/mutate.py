"""``lockstep mutate``"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lockstep.shell import Json, Memory, Workers, examples, one_line_errors, print_json, reader_may_go

if TYPE_CHECKING:
    from lockstep.mutation.matrix import Line
    from lockstep.mutation.run import Run

EPILOG = examples("lockstep mutate", "lockstep mutate teardown --table binding", "lockstep mutate --sentence W-3.4-5 --operator drop",
                  "lockstep mutate attacker --operator may --json")


def mutate(
    slices: Annotated[list[str] | None, typer.Argument(metavar="[SLICE]...", help="Slices to search; all if none is given.")] = None,
    operator: Annotated[list[str] | None, typer.Option("--operator", metavar="NAME", help="Only this kind of change: drop, may, skip, "
                                                       "stay, restart, reverse or swap; may be repeated.")] = None,
    table: Annotated[list[str] | None, typer.Option("--table", metavar="NAME", help="Only rows of this table; may be repeated.")] = None,
    sentence: Annotated[list[str] | None, typer.Option("--sentence", metavar="ID", help="Only changes of this sentence of the ledger, and "
                                                       "of the rows that cite it; may be repeated.")] = None,
    workers: Workers = None,
    memory: Memory = 2.0,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the file that keeps what was searched.")] = Path("out"),
    resume: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep what was searched in this file, and go on from what it "
                                                "holds; a file of this model in --out if not given.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on from what was searched before; begin the file anew.")] = False,
    as_json: Json = False,
) -> None:
    """Which sentences bear a load?

    The model is changed one row or one sentence at a time, and searched under both presets within small bounds, which are printed. A
    mutant is killed by claims where a verdict or the length of a shortest witness changes, by the model where it reaches what is called
    impossible, by counts where the numbers of states or transitions change. What survives is a finding: what was changed protects
    nothing that is claimed. Each mutant of a row is searched until a claim kills it, those of a sentence in every slice.

    Exit status: 0 every mutant was searched; 2 bad input; 3 interrupted: the same command goes on where it was; 4 engines disagree.
    """
    import os

    with one_line_errors():
        from lockstep.api import check_folder, check_limits
        from lockstep.choice import UsageError
        from lockstep.jobs import Limits
        from lockstep.mutation.kept import Kept, digest
        from lockstep.mutation.run import Run
        from lockstep.mutation.search import GROUNDS
        from lockstep.mutation.sentences import chosen
        from lockstep.report import AS_EXPECTED, NOT_DECIDED

        for name in slices or ():
            if name not in GROUNDS:
                raise UsageError(f"slice {name!r}: there is no such slice with claims; there are {', '.join(GROUNDS)}")
        check_limits(Limits(memory), workers)
        check_folder("out", out)
        numbers = chosen(operator or (), table or (), sentence or ())
        used, begun = workers or os.cpu_count() or 1, monotonic()
        with Kept(resume or out / f"mutants-{digest()}.jsonl", fresh) as kept:
            run = Run(tuple(dict.fromkeys(slices or GROUNDS)), numbers, kept, memory)
            if not as_json:
                print("lockstep: searching the model as it stands", file=sys.stderr)
            run.search_all(used, partial(_watching, as_json))
        figures = {"mutants": len(numbers), "search_seconds": round(sum(one.seconds for one in run.all_found), 1),
                   "seconds": round(monotonic() - begun, 1), "workers": used}
        with reader_may_go():
            if as_json:
                print_json(_document(run, figures))
            else:
                _print(run, figures)
        raise typer.Exit(AS_EXPECTED if run.complete else NOT_DECIDED)


@contextmanager
def _watching(quiet: bool, name: str, all_: int, known: int) -> Iterator[Callable[[], None]]:
    from lockstep.screen import Counting

    with Counting(f"mutants in {name}", all_, known, quiet) as counting:
        yield counting.found


def _document(run: Run, figures: dict[str, Any]) -> dict[str, Any]:
    from lockstep import __version__
    from lockstep.mutation.matrix import matrix, totals
    from lockstep.mutation.search import bounds_in
    from lockstep.mutation.sentences import every_mutant, touched

    mutants = []
    for number in run.numbers:
        one = every_mutant()[number - 1]
        mutants.append({
            "number": number, "operator": one.operator, "title": one.title, "what": one.what, "rows": [list(row) for row in one.rows],
            "sentences": list(touched(one)), "fate": run.fate(number),
            "found": [{"slice": each.slice, "noticed": [list(said) for said in each.noticed], "model": each.model, "counts": each.counted}
                      for each in run.found(number)]})
    return {"complete": run.complete, "slices": {name: bounds_in(name) for name in run.slices},
            "totals": totals(run), "matrix": [vars(one) for one in matrix(run)], "mutants": mutants, "figures": figures,
            "version": __version__}


def _print(run: Run, figures: dict[str, Any]) -> None:
    from lockstep.mutation.found import FATES
    from lockstep.mutation.matrix import matrix, totals
    from lockstep.mutation.search import bounds_in
    from lockstep.screen import print_columns

    lines = matrix(run)
    letters = _letters(lines)
    fates = [word for word in FATES if any(one.fates.get(word) for one in lines)]
    print_columns(("sentence", "lines", "mutants", *fates, "drop", "may", *letters.values()),
                  [(one.title, _place(one), str(one.mutants), *(str(one.fates.get(word) or "") for word in fates),
                    one.whole.get("drop", ""), one.whole.get("may", ""),
                    *(str(one.claims.get(claim) or "") for claim in letters)) for one in lines])
    print("each cell: how many mutants of the sentence, and of rows that cite it; drop, may: what becomes of the whole sentence's")
    for claim, letter in letters.items():
        print(f"{letter}\t{claim}")
    print()
    for line in _survivors(run):
        print(line)
    for word, number in totals(run).items():
        print(f"{number:,}\t{word}: {FATES[word]}")
    for name in run.order:
        ground = bounds_in(name)
        said = ", ".join(f"{key} {value}" for key, value in ground["bounds"].items())
        changed = "".join(f" {key}={value}" for key, value in ground["readings"].items())
        states = " and ".join(f"{count:,}" for count in run.kept.bases[name].states)
        print(f"{name}{changed}: {states} states (draft, repaired); bounds: {said}")
    print(f"{figures['mutants']:,} mutants, {figures['search_seconds']:.0f} s of searching in all, {figures['seconds']:.0f} s here, "
          f"{figures['workers']} workers")
    if not run.complete:
        left = ", ".join(name for name in run.slices if name not in run.finished)
        print(f"interrupted: not finished in {left}; the same command goes on from here")


def _letters(lines: list[Line]) -> dict[str, str]:
    """A short name for the column of each claim that kills anything."""
    from properties.registry import CLAIMS

    killing = [name for name in CLAIMS if any(name in one.claims for one in lines)]
    return {name: f"c{at}" for at, name in enumerate(killing, 1)}


def _place(one: Line) -> str:
    from properties.requirements import ledger

    entry = ledger().get(one.title)
    return "" if entry is None else f"{entry.place[0]}-{entry.place[2]} {entry.keyword}"


def _survivors(run: Run) -> Iterator[str]:
    """What neither a claim nor a count notices, with the sentences, and how those are equivalent that are."""
    from lockstep.mutation.found import FATES, SAME, SURVIVES, UNREACHED
    from lockstep.mutation.sentences import every_mutant, touched

    for word in (SURVIVES, SAME, UNREACHED):
        found = [number for number in run.numbers if run.fate(number) == word]
        if found:
            yield f"{word}: {FATES[word]}"
        for number in found:
            one = every_mutant()[number - 1]
            yield f"  {number}\t{one}" + (f"\t({', '.join(touched(one))})" if touched(one) and not one.sentence else "")
    yield ""
