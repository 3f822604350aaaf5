"""``python -m tests``: the style checks, the types and the tests, in that order; the first failure ends it.

Where pytest-xdist is installed the files of tests are run on all cores, at most four; tests/conftest.py says what stays together.
"""

import subprocess
import sys
from importlib.util import find_spec

SIDE_BY_SIDE = ["-n", "auto", "--maxprocesses", "4"] if find_spec("xdist") else []

for words in (["ruff", "check", "."], ["mypy"], ["pytest", *SIDE_BY_SIDE]):
    done = subprocess.run([sys.executable, "-m", *words], check=False)
    if done.returncode:
        sys.exit(done.returncode)
