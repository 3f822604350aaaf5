"""Who may import whom: DESIGN's table of folders, checked on the sources themselves."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Folder: the modules of ours that it may import, each with everything below it. Every folder may import itself.
ALLOWED = {
    "model": (),
    "properties": ("model",),
    "verify": ("model", "properties"),
    "sim": ("model", "properties", "verify.step"),
    "traces": ("model", "properties", "verify.step"),
    "lockstep": ("model", "properties", "verify", "sim", "traces"),
}
ONLY_STANDARD = ("model", "properties")
# Package: the modules that may import it.
ONLY_IN = {"z3": ("verify.symbolic", "verify.numbers"), "cvc5": ("verify.symbolic",), "hypothesis": ("verify.walk",), "simpy": ("sim",)}
LOADERS = ("__import__", "import_module", "importlib.import_module")
STRANGERS = ("verify.search", "verify.symbolic", "sim")

Sources = Mapping[str, str]  # module name -> source text


def sources() -> dict[str, str]:
    found = {}
    for folder in ALLOWED:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


def under(module: str, place: str) -> bool:
    return module == place or module.startswith(place + ".")


def imports(module: str, every: Sources, *, lazy: bool) -> Iterator[str]:
    """What a module imports, as full names; `lazy`: also inside functions and for type checkers."""
    package = module if any(other.startswith(module + ".") for other in every) else module.rpartition(".")[0]
    for node in nodes(ast.parse(every[module]), lazy):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[:len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*up, *(node.module.split(".") if node.module else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in every else base
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in LOADERS and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def nodes(tree: ast.AST, lazy: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if lazy or not (later or typing):
            yield child
            yield from nodes(child, lazy)


def forbidden(every: Sources) -> list[str]:
    """The arrows that the table does not allow."""
    wrong = []
    for module in every:
        folder = module.partition(".")[0]
        for target in imports(module, every, lazy=True):
            top = target.partition(".")[0]
            if top in ALLOWED or top in ("tests", "benchmarks", "examples", "docs"):
                allowed = top == folder or any(under(target, place) for place in ALLOWED[folder])
            elif top in ONLY_IN:
                allowed = any(under(module, place) for place in ONLY_IN[top])
            else:
                allowed = top in sys.stdlib_module_names or folder not in ONLY_STANDARD
            strangers = [place for place in STRANGERS if under(module, place)]
            if strangers and any(under(target, place) for place in STRANGERS if place not in strangers):
                allowed = False
            if not allowed:
                wrong.append(f"{module} -> {target}")
    return wrong


def cycle(every: Sources) -> list[str]:
    """Files that import each other in a ring while they are being loaded; empty if there is none."""
    graph: dict[str, set[str]] = {}
    for module in every:
        names = {name for target in imports(module, every, lazy=False) for name in (target, *parents(target))}
        graph[module] = {name for name in names if name in every and name != module and not module.startswith(name + ".")}
        graph[module] |= {target for target in imports(module, every, lazy=False) if target in every and target != module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def test_the_folders_import_what_the_design_allows():
    every = sources()
    assert {"model.table", "properties.registry", "verify.step", "traces.replay", "lockstep.cli"} <= set(every)
    assert forbidden(every) == []


def test_no_files_import_each_other():
    assert cycle(sources()) == []


@pytest.mark.parametrize(("module", "text"), [
    ("model.tcp", "import numpy"),
    ("model.tcp", "from properties import claim"),
    ("model.tcp", "def later():\n    import rich"),
    ("properties.claim", "from verify.step import step"),
    ("properties.claim", "import typer"),
    ("verify.codegen", "import z3"),
    ("verify.codegen", "def later():\n    from z3.z3util import get_vars"),
    ("verify.codegen", "from traces.replay import replay"),
    ("verify.codegen", "from tests import alone"),
    ("verify.search", "import verify.symbolic"),
    ("verify.search", "from verify import symbolic"),
    ("verify.search", "from . import symbolic"),
    ("verify.search", "from .symbolic import prove"),
    ("verify.symbolic", "from sim.world import World"),
    ("verify.symbolic", "import importlib\nimportlib.import_module('verify.search')"),
    ("verify.step", "import hypothesis"),
    ("sim.world", "from verify.search import search"),
    ("sim.world", "if TYPE_CHECKING:\n    from verify.search import Result"),
    ("traces.replay", "from verify.search import search"),
    ("traces.replay", "from verify import search"),
    ("traces.replay", "from lockstep.api import verify"),
    ("lockstep.api", "import z3"),
    ("lockstep.api", "import simpy"),
])
def test_a_forbidden_arrow_is_seen(module, text):
    every = {"verify": "", "verify.search": "", "verify.symbolic": "", "verify.step": "", "sim": "", "sim.world": "", "tests": ""}
    assert len(forbidden({**every, module: text})) == 1


@pytest.mark.parametrize(("module", "text"), [
    ("model.tcp", "import json\nfrom model.expr import Expr\nfrom . import table"),
    ("verify.symbolic", "import z3\nfrom verify.step import step"),
    ("sim.world", "import simpy\nfrom verify.step import step"),
    ("traces.replay", "from verify.step import step\nimport scapy"),
    ("lockstep.api", "import rich\nfrom verify.search import search\nfrom sim import world"),
])
def test_an_allowed_arrow_is_not(module, text):
    every = {"model": "", "model.table": "", "verify": "", "verify.search": "", "verify.step": "", "sim": "", "sim.world": ""}
    assert forbidden({**every, module: text}) == []


def test_a_ring_of_files_is_seen():
    ring = {"model": "", "model.a": "from model import b", "model.b": "import model.c", "model.c": "from .a import X"}
    assert set(cycle(ring)) == {"model.a", "model.b", "model.c"}
    assert cycle({**ring, "model.c": "def later():\n    from .a import X"}) == []
    assert cycle({"model": "from model.a import X", "model.a": "import model"}) != []
