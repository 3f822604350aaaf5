"""Who had the last chance to prevent a known finding: what `verify.game` found out, kept.

`properties/known/facts.json` keeps it with a fingerprint of what it was computed from; `python -m docs facts` renews it. Computing it
takes up to a minute a finding, so a rendering of a run only looks it up, and says nothing of a run that it was not computed for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from model.expr import show
from model.trace import Trace, to_document
from properties.finding import Finding
from properties.findings import FINDINGS
from verify.game import RULES

FACTS = Path(str(files("properties.known"))) / "facts.json"


def fingerprint(finding: Finding, trace: Trace) -> str:
    """Of what the facts about a finding were computed from: the rules of the game, the model under its readings, claim and witness."""
    said = [RULES, trace.digest, show(finding.claim.violated), show(finding.claim.antecedent),
            json.dumps(to_document(trace), sort_keys=True)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def kept_for(trace: Trace) -> Mapping[str, Any] | None:
    """What is kept of each end, for exactly this run; None where nothing is."""
    finding = FINDINGS.get(trace.finding)
    known: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8")).get(trace.finding, {})
    return known["ends"] if finding is not None and known.get("of") == fingerprint(finding, trace) else None
