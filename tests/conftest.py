"""Which tests stay together where pytest-xdist runs several at once."""

from __future__ import annotations

import pytest

# They look at the searches of tests/runs.py that take longest, so that these are made once; every other file is by itself.
TOGETHER = {"test_agreement", "test_docs", "test_gallery", "test_verify"}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "xdist_group(name): tests of a group run one after another in one process")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group("whole run" if item.path.stem in TOGETHER else item.path.stem))
