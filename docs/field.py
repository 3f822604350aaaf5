"""Captures of real daemons that show what a finding predicts: `properties/known/field.toml`, and what is printed of it.

A capture is evidence for a finding only where it breaks the finding's claim for the finding's cause. The captures are not part of the
project; `tests/test_field.py` audits them again where they are at hand, and holds every frame against the words that stand here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from docs.pages import ROOT
from traces.audit.audit import Audit
from traces.audit.document import document
from traces.capture import ip

FIELD = ROOT / "properties" / "known" / "field.toml"
WIRES = {"=": "==", "-": "--", ".": ".."}  # as on a ladder


@dataclass(frozen=True)
class Sighting:
    """One capture for one finding. `digest`: SHA-256 of the file; `violated`: by claim of the audit, frames that its verdict names;
    `frames`: what is in the frames that show it, as `said` has it; `says`: what happens, and who stood in for the draft's binding."""

    finding: str
    case: str
    capture: str
    digest: str
    daemons: str
    ike: str
    kernel: str
    says: str
    violated: Mapping[str, tuple[int, ...]]
    frames: Mapping[int, str]


def sightings() -> tuple[Sighting, ...]:
    """All of them, in the order of the file."""
    document = tomllib.loads(FIELD.read_text(encoding="utf-8"))
    return tuple(Sighting(**{**one, "violated": {claim: tuple(frames) for claim, frames in one["violated"].items()},
                             "frames": {int(frame): text for frame, text in one["frames"].items()}}) for one in document["seen"])


def said(result: Audit, frame: int) -> str:
    """What an audit shows of a frame: the event of its ladder, and which SA it is the first or last packet of."""
    tracker = result.case.tracker
    held = {one["frame"]: f" ({one['may_be']})" for one in document(result)["informationals"]}
    events = [f"{ip.text(one.source)}: {WIRES[one.line]} {one.text}{held.get(frame, '')}" for one in tracker.events if one.frame == frame]
    sas = [f"{ip.text(one.source)}: the {place} packet in SA {one.spi:08x}" for one in tracker.associations
           for place, at in (("first", one.frame), ("last", one.last_frame)) if at == frame]
    data = [] if events else [f"{ip.text(one.ends[0][0])} and {ip.text(one.ends[1][0])}: -- data outside ESP"
                              for one in tracker.connections if frame in one.plain_payload]
    return "; ".join([*events, *sas, *data])


def section(finding: str, seen: tuple[Sighting, ...]) -> Iterator[str]:
    """The part of a finding's page: what was seen of it, if anything was."""
    here = [one for one in seen if one.finding == finding]
    if not here:
        return
    yield from ("## Seen in the field", "", "Captures of real daemons in which this claim breaks as the finding says, audited and read "
                "frame by frame. No daemon has the draft's binding of sessions and SAs; who stood in for it is said. `==` is ESP, `--` "
                "plaintext, `..` IKE. ([Decision 045](../decisions/045-fuzzing-and-field-evidence.md))", "")
    for one in here:
        keyed = f"; keys: {one.ike}" if one.ike else ""
        yield from (f"**{one.daemons}**{keyed}; {one.kernel}. {one.says}", "", "| frame | what |", "|---|---|",
                    *(f"| {frame} | {text} |" for frame, text in one.frames.items()), "",
                    f"Case `{one.case}`, SHA-256 `{one.digest[:16]}...`.", "")
