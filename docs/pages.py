"""What a page shows is what the program prints: blocks that are run, parts that are made from the model, and their renewal.

    ```console    `$ command` lines, each followed by its output
    ```python     a script; its output follows in ```output
    ```diff       a change to a file, with its path after `+++`; applied to a copy of the packages (see `Copy`)
    ```sh         set-up commands: not run here, .ci/run is the second of them

A part between `<!-- made: NAME ... -->` and `<!-- end -->` is the output of the function NAME in `docs.made`. Seconds
are not compared.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("model", "properties", "verify", "sim", "traces", "lockstep")
PAGES = ("README.md", "docs/reading-the-model.md", "docs/findings.md", "docs/adding-a-reading.md", "docs/adding-a-claim.md",
         "docs/adding-a-slice.md", "docs/adding-a-scenario.md", "docs/engines.md", "docs/graphs.md", "docs/numbers.md", "docs/readings.md",
         "docs/lints.md", "docs/index.md", "docs/tables.md", "docs/decisions.md", "docs/auditing-your-routers.md")
RENEW = "python -m docs"
IN_ORDER = "<!-- run in order -->"
PROGRESS = re.compile(r"lockstep: (\d+ search(es)?|.* transitions/s|.*: depth \d+, \d+ s|.*: \d+ runs, [\d,]+ steps)$")
FENCE = re.compile(r"^```(\w+)$")
MADE = re.compile(r"^<!-- made: (.*) -->$")
SECONDS = re.compile(r"\b\d+\.\d s\b")


@dataclass(frozen=True)
class Block:
    """A fenced block: its kind, its lines, and the number (from 0) of its first line in the page."""

    kind: str
    lines: tuple[str, ...]
    at: int


def blocks(text: str) -> list[Block]:
    found, kind, begun = [], "", 0
    lines = text.splitlines()
    for number, line in enumerate(lines):
        opening = FENCE.match(line)
        if kind and line == "```":
            found.append(Block(kind, tuple(lines[begun:number]), begun))
            kind = ""
        elif opening and not kind:
            kind, begun = opening[1], number + 1
    return found


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console block with the output shown under each."""
    command, output = "", list[str]()
    for line in block.lines:
        if line.startswith("$ "):
            if command:
                yield command, output
            command, output = line[2:], []
        else:
            output.append(line)
    if command:
        yield command, output


def same(command: str, shown: list[str], real: list[str]) -> bool:
    """Is the output shown the real one, but for what differs from run to run? A search's report is wrapped where it ends
    up, so its words count and not its lines."""
    if command.startswith(("lockstep verify", "python script.py")):
        return SECONDS.sub("# s", " ".join(" ".join(shown).split())) == SECONDS.sub("# s", " ".join(" ".join(real).split()))
    return [line.rstrip() for line in shown] == real


class Place:
    """A folder to run commands in: `lockstep` and `python` are this checkout's, or that of a copy in `home`.

    `known`: output of commands that need not be run because their result is at hand.
    """

    def __init__(self, folder: Path, home: Path = ROOT, known: Callable[[str], str | None] = lambda _: None) -> None:
        self.folder, self.home, self.known = folder, home, known
        self.seen: dict[str, list[str]] = {}
        programs = folder / ".programs"
        programs.mkdir(parents=True, exist_ok=True)
        for name, words in (("lockstep", "-m lockstep.cli"), ("python", "")):
            (programs / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words} "$@"\n')
            (programs / name).chmod(0o755)
        if home == ROOT:
            for kept in ("examples", "traces"):
                (folder / kept).symlink_to(ROOT / kept)
        self.environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(home),
                            "COLUMNS": "140", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, command: str) -> list[str]:
        """Standard output and standard error, as lines, without progress."""
        if command not in self.seen:
            output = self.known(command)
            if output is None:
                done = subprocess.run(["sh", "-c", command], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, check=False)
                output = done.stdout
            lines = [line.rstrip() for line in output.splitlines() if not PROGRESS.match(line)]
            while lines and not lines[-1]:
                lines.pop()
            self.seen[command] = lines
        return self.seen[command]


class Copy:
    """A copy of the packages that a page's changes are applied to, and a place to run its commands in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in PACKAGES:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        self.place = Place(folder, folder)

    def apply(self, block: Block) -> None:
        """Apply the hunks of a diff block; a file that is not there yet is empty. Raises LookupError where the lines to change are not
        there, or there twice."""
        path, hunks = "", list[list[str]]()
        for line in block.lines:
            if line.startswith("+++ "):
                path = line[4:]
            elif line.startswith("@@"):
                hunks.append([])
            elif not line.startswith("--- "):
                hunks[-1].append(line)
        there = (self.folder / path).exists()
        text = (self.folder / path).read_text(encoding="utf-8") if there else ""
        for hunk in hunks:
            before = "".join(line[1:] + "\n" for line in hunk if not line.startswith("+"))
            after = "".join(line[1:] + "\n" for line in hunk if not line.startswith("-"))
            if text.count(before) != 1:
                raise LookupError(f"{path}: found {text.count(before)} times, not once:\n{before}")
            text = text.replace(before, after)
        (self.folder / path).write_text(text, encoding="utf-8")


def follow(text: str, copy: Copy) -> Iterator[tuple[str, list[str], list[str]]]:
    """Follow a page on a copy, in order: (command, output shown, output) for each of its commands."""
    for block in blocks(text):
        if block.kind == "diff":
            copy.apply(block)
        elif block.kind == "console":
            for command, shown in commands(block):
                yield command, shown, copy.place.run(command)


def shown_commands(text: str, place: Place) -> Iterator[tuple[str, list[str], list[str]]]:
    """(command or script, output shown, output) for each command and script of a page. Blocks are run side by side, but on a page that
    says IN_ORDER, where one needs the files of another."""
    every = [list(commands(block)) for block in blocks(text) if block.kind == "console"]
    with ThreadPoolExecutor(1 if IN_ORDER in text else 2) as pool:
        list(pool.map(lambda block: [place.run(command) for command, _ in block], every))
    yield from ((command, shown, place.run(command)) for block in every for command, shown in block)
    python = ""
    for block in blocks(text):
        if block.kind == "python":
            python = "\n".join(block.lines) + "\n"
        elif block.kind == "output":
            (place.folder / "script.py").write_text(python, encoding="utf-8")
            place.seen.pop("python script.py", None)
            yield python, list(block.lines), place.run("python script.py")


def parts(text: str) -> Iterator[tuple[str, list[str]]]:
    """The made parts of a page: (what after `made:`, the lines)."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        made = MADE.match(line)
        if made:
            yield made[1], lines[number + 1:lines.index("<!-- end -->", number)]


def remade(text: str, make: Mapping[str, Callable[..., list[str]]]) -> str:
    """The page with each made part made anew."""
    lines, kept, at = text.splitlines(), list[str](), 0
    while at < len(lines):
        kept.append(lines[at])
        made = MADE.match(lines[at])
        at += 1
        if made:
            name, *words = shlex.split(made[1])
            kept += make[name](*words)
            at = lines.index("<!-- end -->", at)
    return "\n".join(kept) + "\n"


def rerun(text: str, outputs: Iterator[tuple[str, list[str], list[str]]]) -> str:
    """The page with each output that differs replaced by the real one."""
    for command, shown, real in outputs:
        if not same(command, shown, real):
            head = "```output\n" if "\n" in command else f"$ {command}\n"
            before = head + "".join(line + "\n" for line in shown)
            after = head + "".join(line + "\n" for line in real)
            text = text.replace(before, after)
    return text


def temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="lockstep-docs-")
