"""``python -m tests``: the style checks, the types and the tests, in that order; the first failure ends it."""

import subprocess
import sys

for words in (["ruff", "check", "."], ["mypy"], ["pytest"]):
    done = subprocess.run([sys.executable, "-m", *words], check=False)
    if done.returncode:
        sys.exit(done.returncode)
