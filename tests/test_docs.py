"""The pages show what the program prints: every command is run, every made part made again, every worked example followed."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import pytest

from docs.made import MAKE, known, write_witnesses
from docs.pages import PAGES, ROOT, Copy, Place, blocks, follow, remade, same, shown_commands
from model.slices import TABLES
from model.text import markdown

FOLLOWED = ("docs/adding-a-reading.md", "docs/adding-a-claim.md", "docs/adding-a-slice.md")
LINK = re.compile(r"\]\(([^)#]+)\)")


def page_text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def difference(before: list[str], after: list[str]) -> str:
    return "\n".join(difflib.unified_diff(before, after, "shown", "real", lineterm=""))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A folder in which a whole run has left its witnesses."""
    folder = tmp_path_factory.mktemp("docs")
    write_witnesses(folder)
    return Place(folder, known=known)


@pytest.mark.parametrize("name", TABLES)
def test_golden_tables(name: str) -> None:
    path = ROOT / "docs" / "tables" / f"{name}.md"
    assert path.exists(), f"docs/tables/{name}.md is missing; renew the renderings with: python -m docs tables"
    shown, real = path.read_text(encoding="utf-8"), markdown(TABLES[name])
    if shown != real:
        pytest.fail(f"docs/tables/{name}.md is not the table any more; renew the renderings with: python -m docs tables\n"
                    + difference(shown.splitlines(), real.splitlines()))


def test_no_rendering_without_a_table() -> None:
    assert {path.stem for path in (ROOT / "docs" / "tables").glob("*.md")} == set(TABLES)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in FOLLOWED])
def test_commands_and_made_parts(page: str, place: Place) -> None:
    text = page_text(page)
    made = remade(text, MAKE)
    wrong = [] if made == text else [difference(text.splitlines(), made.splitlines())]
    for command, shown, real in shown_commands(text, place):
        if not same(command, shown, real):
            wrong.append(f"$ {command}\n{difference(shown, real)}")
    assert not wrong, f"{page} does not show what the program prints; renew it with: python -m docs pages\n" + "\n".join(wrong)


@pytest.mark.parametrize("page", FOLLOWED)
def test_worked_examples(page: str, tmp_path: Path) -> None:
    text = page_text(page)
    assert any(block.kind == "diff" for block in blocks(text))
    wrong = [f"$ {command}\n{difference(shown, real)}" for command, shown, real in follow(text, Copy(tmp_path))
             if not same(command, shown, real)]
    assert not wrong, f"{page}, followed: renew it with: python -m docs pages\n" + "\n".join(wrong)


def test_set_up_commands() -> None:
    commands = [line for block in blocks(page_text("README.md")) if block.kind == "sh" for line in block.lines]
    assert len(commands) == 2
    assert all(line.startswith("python3 -m venv .venv && .venv/bin/pip install ") for line in commands)
    assert commands[0].endswith("&& .venv/bin/lockstep verify")
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == commands[1]


def test_first_screen() -> None:
    lines = page_text("README.md").splitlines()
    replayed = next(number for number, line in enumerate(lines, 1) if "replayed 4 steps" in line)
    assert replayed <= 45


@pytest.mark.parametrize("page", ["README.md", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md")))])
def test_links(page: str) -> None:
    for target in LINK.findall(page_text(page)):
        assert target.startswith("http") or ((ROOT / page).parent / target).exists(), f"{page}: {target} is not there"


def test_examples_run(place: Place) -> None:
    shown = {command for page in PAGES for block in blocks(page_text(page)) for command in block.lines}
    for path in sorted((ROOT / "examples").glob("*.py")):
        if f"$ python examples/{path.name}" not in shown:
            output = place.run(f"python examples/{path.name}")
            assert output and not any("Traceback" in line for line in output), "\n".join(output)
