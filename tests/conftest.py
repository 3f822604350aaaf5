"""Which tests stay together where pytest-xdist runs several at once; a fixture of several files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest

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
