"""Known findings: what the draft gets wrong, of all slices, by number."""

from __future__ import annotations

from properties.finding import Finding
from properties.known import attacker, collision, opening, phase1, rekey, restart, teardown

_KNOWN = (one for known in (teardown, opening, rekey, phase1, restart, collision, attacker) for one in known.FINDINGS)
FINDINGS: dict[str, Finding] = {one.name: one for one in sorted(_KNOWN, key=lambda one: one.name.partition("/")[0])}


def findings_of(slice_name: str, preset: str) -> tuple[Finding, ...]:
    """The known findings of a slice under a preset."""
    return tuple(one for one in FINDINGS.values() if (one.slice, one.preset) == (slice_name, preset))
