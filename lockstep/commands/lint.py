"""``lockstep lint``"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lockstep.shell import Json, examples, one_line_errors, print_json

if TYPE_CHECKING:
    from lockstep.lint.lint import Lint

EPILOG = examples("lockstep lint examples/deployments/good.toml", "lockstep lint --strict site-a.toml site-b.toml", "lockstep lint --list",
                  "lockstep lint --json site-a.toml")
COLUMNS = ("lint", "severity", "keyword", "what it demands", "source", "requirements")


def lint(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="Deployment files, TOML; docs/lints.md says what they "
                                                       "hold.")] = None,
    every: Annotated[bool, typer.Option("--list", help="List all lints instead.")] = False,
    assumed: Annotated[bool, typer.Option("--assumed", help="Also list the keys that the files leave out, with the values that are "
                                          "judged instead.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors.")] = False,
    as_json: Json = False,
) -> None:
    """Check deployments against what the draft demands of configurations.

    An error breaks a MUST, or what the draft needs without saying so; a warning breaks a SHOULD or meets a threat of section 2; a note
    is advice, or something that the draft leaves open. Where a lint could not look is said on standard error. Exit status: 0 no errors,
    1 errors, 2 bad usage or a bad file.
    """
    with one_line_errors():
        from lockstep.choice import UsageError
        from lockstep.lint.catalogue import LINTS
        from lockstep.lint.catalogue import assumed as assumed_of
        from lockstep.lint.catalogue import lint as findings_of
        from lockstep.lint.catalogue import unchecked as unchecked_of
        from lockstep.lint.reading import read
        from lockstep.report import AS_EXPECTED, NOT_AS_EXPECTED
        from lockstep.screen import print_columns

        if every == bool(files):
            raise UsageError("lint: give files to check, or --list, and not both")
        if every:
            if as_json:
                print_json({"lints": [document(one) for one in LINTS]})
            else:
                print_columns(COLUMNS, [row(one) for one in LINTS])
            return
        sources = [read(file) for file in files or ()]
        findings = [one for source in sources for one in findings_of(source)]
        taken = [one for source in sources for one in assumed_of(source)]
        unlooked = [one for source in sources for one in unchecked_of(source)]
    if as_json:
        print_json({"files": [source.file for source in sources], "findings": [one.to_document() for one in findings],
                    "unchecked": [one.to_document() for one in unlooked], "assumed": [one.to_document() for one in taken]})
    else:
        for finding in findings:
            print(finding)
        for where in unlooked:
            print(where, file=sys.stderr)
        for one in taken if assumed else ():
            print(one)
        print(summary(len(sources), [one.lint.severity for one in findings], len(LINTS), len(taken)))
    counted = ("error", "warning") if strict else ("error",)
    raise typer.Exit(NOT_AS_EXPECTED if any(one.lint.severity in counted for one in findings) else AS_EXPECTED)


def row(one: Lint) -> tuple[str, ...]:
    """A lint in the columns of the list."""
    return one.id, one.severity, one.keyword, one.rule, one.source, ", ".join(one.requirements)


def document(one: Lint) -> dict[str, object]:
    """A lint as data."""
    return {"lint": one.id, "severity": one.severity, "keyword": one.keyword, "rule": one.rule, "source": one.source,
            "requirements": list(one.requirements), "findings": list(one.findings), "needs": one.needs.value if one.needs else None}


def summary(files: int, severities: list[str], lints: int, assumed: int) -> str:
    def counted(number: int, what: str) -> str:
        return f"{number} {what}{'' if number == 1 else 's'}"

    found = ", ".join(counted(severities.count(kind), kind) for kind in ("error", "warning", "note"))
    return f"{counted(files, 'file')}, {counted(lints, 'lint')}: {found}; {counted(assumed, 'key')} left out and assumed (--assumed)"
