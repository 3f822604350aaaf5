"""An audit as data: what `lockstep audit --json` prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from traces.audit.audit import Audit, by_pair
from traces.audit.case import pair_of
from traces.audit.tracker import Association, Exchange, Ike, endpoint
from traces.audit.verdict import Verdict
from traces.capture import ip, isakmp
from traces.capture.tcp import Connection


def document(result: Audit) -> dict[str, Any]:
    """The verdicts and everything they rest on. Frames are numbered from 1, times are seconds from the first frame on."""
    tracker, seen = result.case.tracker, result.case
    judged = {one.number for one in seen.connections}
    exchanges = [(pair, ike) for pair, ike in tracker.ike.items()]
    return {
        "capture": str(result.capture.path),
        "packets": tracker.packets,
        "time_wait": seen.time_wait / 1e9,
        "protect": [[ip.text(one) for one in pair] for pair in seen.protect],
        "notes": result.notes,
        "properties": _properties(result.verdicts),
        "pairs": [{"hosts": [ip.text(one) for one in pair], "protected": not seen.protect or pair in seen.protect,
                   "properties": _properties(verdicts)} for pair, verdicts in by_pair(result)],
        "connections": [_connection(result, one, judged) for one in tracker.connections],
        "sas": [_association(one) for one in tracker.associations],
        "phase1": [_exchange(one) for _, ike in exchanges for one in ike.phase1.values()],
        "quick_modes": [{**_exchange(one), "mid": f"0x{one.message_id:08x}"} for _, ike in exchanges for one in ike.quick.values()],
        "informationals": [one for _, ike in exchanges for one in _informationals(result, ike)],
        "ikev2": [{"hosts": [ip.text(one) for one in pair], "frame": ike.version2} for pair, ike in exchanges if ike.version2 is not None],
    }


def _properties(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    return [{"property": one.property, "verdict": one.verdict, "frames": list(one.frames), "reason": one.reason} for one in verdicts]


def _seconds(result: Audit, time: int) -> float:
    return round((time - result.case.tracker.first_time) / 1e9, 6)


def _connection(result: Audit, one: Connection, judged: set[int]) -> dict[str, Any]:
    sas = result.case.tracker.associations
    return {
        "endpoints": " - ".join(map(endpoint, one.ends)),
        "bgp": one.number in judged,
        "protected": not result.case.protect or pair_of(one) in result.case.protect,
        "syn": one.syn[0] if one.syn else None,
        "syn_in": one.syn[1] if one.syn else None,
        "synack": one.synack,
        "frames": one.frames,
        "modes": {mode: use.count for mode, use in one.modes.items()},
        "fin": one.fins,
        "rst": one.resets,
        "closed": _seconds(result, one.reset[1] if one.reset else one.last_time) if one.over else None,
        "plaintext_payload_frames": one.plain_payload,
        "plaintext_payload_count": one.plain_count,
        "first_messages": [{"from": endpoint(end), "frame": stream.first[0], "message": stream.first[1]}
                           for end, stream in zip(one.ends, one.streams, strict=True) if stream.first],
        "sas": [{"spi": f"{sas[number].spi:08x}", "first": use.first, "last": use.last, "packets": use.count}
                for number, use in one.sas.items()],
    }


def _association(one: Association) -> dict[str, Any]:
    return {"spi": f"{one.spi:08x}", "kind": one.kind, "source": ip.text(one.source), "target": ip.text(one.target), "first": one.frame,
            "last": one.last_frame, "packets": one.packets, "unread": one.unread, "connections": len(one.connections)}


def _exchange(one: Exchange) -> dict[str, Any]:
    return {"ispi": one.cookie.hex(), "mode": isakmp.MODES[one.exchange], "initiator": ip.text(one.initiator),
            "frames": sorted([*one.frames, *one.copies]), "complete": one.complete}


def _informationals(result: Audit, ike: Ike) -> list[dict[str, Any]]:
    words = {"delete": "Delete of a phase 2 SA, by its size", "other": "no Delete of a phase 2 SA, by its size",
             "either": "may be a Delete"}
    found = []
    for one in ike.informationals:
        phase1 = ike.phase1.get(one.cookie)
        could = isakmp.could_delete(one.size, phase1.agreed if phase1 is not None and one.version == 1 else None)
        found.append({"frame": one.frame, "time": _seconds(result, one.time), "from": ip.text(one.sender), "ispi": one.cookie.hex(),
                      "octets": one.size, "may_be": "a Delete in the clear" if one.spis else words[could]})
    return found
