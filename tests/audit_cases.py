"""Every case of a folder of captures against what its manifest expects: `python -m tests.audit_cases [FOLDER] [CASE ...]`.

The folder is $LOCKSTEP_CAPTURES, else ../shared/captures beside the project. A case is a folder with a capture, `manifest.json` and, where
the keys are known, `esp_sa`. Verdicts called `ambiguous` there are not compared.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from traces.audit.audit import audit
from traces.audit.tracker import hosts
from traces.capture.esp import read_keys
from traces.capture.files import CaptureError

FOLDER = Path(os.environ.get("LOCKSTEP_CAPTURES", Path(__file__).resolve().parents[2] / "shared" / "captures"))
NAMES = {"I1": "no-plaintext", "I2": "sa-outlives-connection", "I3": "one-sa-per-connection", "I4": "sa-before-syn", "I5": "open-first"}
WORDS = {"pass": "satisfied", "fail": "violated", "n/a": "not applicable", "indeterminate": "undecided"}


def address(text):
    import ipaddress
    return ipaddress.ip_address(text).packed


def judged(folder):
    """(audit or None where the file is refused, manifest) of a case."""
    manifest = json.loads((folder / "manifest.json").read_text())
    keys = folder / "esp_sa"
    with_keys = read_keys(keys.read_text().splitlines(), str(keys)) if keys.exists() else []
    pair = str(manifest.get("protect", "")).split(",")
    protect = [hosts(address(pair[0]), address(pair[1]))] if len(pair) == 2 else []
    try:
        return audit(folder / manifest["capture"], with_keys, protect, manifest.get("time_wait_seconds", 60)), manifest
    except CaptureError:
        return None, manifest


def differences(folder):
    """(claim, expected, found, reason, frames) of what is not as the manifest has it."""
    result, manifest = judged(folder)
    found = {} if result is None else {one.property: one for one in result.verdicts}
    wrong = []
    for key, expected in manifest.get("expected", {}).items():
        word = WORDS.get(expected["verdict"])
        if word is None:
            continue
        one = found.get(NAMES[key])
        verdict = "not applicable" if one is None else one.verdict
        if verdict != word:
            wrong.append((NAMES[key], word, verdict, one.reason if one else "refused", one.frames if one else ()))
    return wrong


def cases(folder=FOLDER):
    return sorted(one.parent for one in folder.glob("*/manifest.json"))


def main(words):
    folder = Path(words[0]) if words and Path(words[0]).is_dir() else FOLDER
    chosen = [word for word in words if not Path(word).is_dir()]
    total = bad = 0
    for one in cases(folder):
        if chosen and not any(word in one.name for word in chosen):
            continue
        total += 1
        wrong = differences(one)
        bad += bool(wrong)
        for name, expected, verdict, reason, frames in wrong:
            print(f"{one.name:40} {name:24} expected {expected:15} found {verdict:15} {list(frames)[:8]} {reason[:300]}")
    print(f"{total - bad} of {total} cases as expected")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
