"""Which tests stay together where pytest-xdist runs several at once; fixtures of several files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import settings

# The same examples in every run: what a commit breaks is then what it changed. `python -m pytest --hypothesis-profile=default` draws anew.
settings.register_profile("the same every time", derandomize=True, database=None)
settings.load_profile("the same every time")

# They look at the searches of tests/runs.py that take longest, so that these are made once; every other file is by itself.
TOGETHER = {"test_agreement", "test_docs", "test_gallery", "test_ledger", "test_verify"}


def group(nodeid: str) -> str:
    """What is run in one process, one test after another."""
    file = PurePosixPath(nodeid.partition("::")[0])
    return "whole run" if file.stem in TOGETHER else file.stem


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """By file. The marks of --dist loadgroup are no way: xdist 3.8 writes them where pytest 9.2 does not look, and says nothing."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return ByGroup(config, log)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; without one, the tests that want it are skipped."""
    from tests.browser import NoBrowser, browser

    try:
        with browser() as found:
            yield found
    except NoBrowser as error:
        pytest.skip(f"{error}: nothing is tried in a browser")


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """A command run in this process, in a new folder: what `run` of tests/test_cli.py does, without the second that a start costs."""
    from lockstep.cli import main

    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Any:
        monkeypatch.setattr(sys, "argv", ["lockstep", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return subprocess.CompletedProcess(words, ended.value.code, out, err)

    return call
