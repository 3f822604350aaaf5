"""An audit for people: what was found, the verdicts, and a ladder for each pair of hosts, drawn as a trace's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from traces.audit.audit import Audit
from traces.audit.case import beneath, named, pair_of, spi
from traces.audit.document import document
from traces.audit.tracker import Association, Event, Hosts, hosts
from traces.capture import ip
from traces.capture.tcp import Connection, Use
from traces.ladder import Arrow

LEGEND = "wire: == ESP or AH, -- plaintext, .. IKE; ! a frame that breaks a claim"
MOST_FRAMES = 12
MOST_LISTED = 20


def frames_text(frames: Iterable[int]) -> str:
    """Frame numbers in a few words."""
    every = list(frames)
    more = f", and {len(every) - MOST_FRAMES} more" if len(every) > MOST_FRAMES else ""
    return ", ".join(map(str, every[:MOST_FRAMES])) + more


def hosts_text(pair: Hosts) -> str:
    """Two neighbours in one word."""
    return ",".join(map(ip.text, pair))


def summary(result: Audit) -> str:
    """Connections, SAs and exchanges, a line each."""
    return "".join(f"{line}\n" for line in _found(result))


def _found(result: Audit) -> Iterator[str]:
    tracker, made = result.case.tracker, document(result)
    yield f"{result.capture.path}: {tracker.packets:,} packets, {result.capture.format}"
    yield from (f"note: {one}" for one in result.notes)
    yield from _some([_connection(one) for one in tracker.connections], "connections")
    yield from _some([_association(one) for one in tracker.associations], "SAs")
    for key, word in (("phase1", "phase 1"), ("quick_modes", "quick mode")):
        yield from _some([f"{word} {one.get('mid', one['ispi'])} ({one['mode']}) from {one['initiator']}: frames "
                          f"{frames_text(one['frames'])}{'' if one['complete'] else ', not whole'}" for one in made[key]],
                         f"exchanges of {word}")
    yield from _some([f"Informational in frame {one['frame']} from {one['from']}: {one['may_be']}" for one in made["informationals"]],
                     "Informationals")
    yield from (f"IKEv2 between {' and '.join(one['hosts'])} from frame {one['frame']} on: outside the draft, which has IKEv1's phases"
                for one in made["ikev2"])
    if any(one.kind == "ah" for one in tracker.associations):
        yield "AH is outside the draft, which protects with ESP"


def _connection(one: Connection) -> str:
    syn = f"frame {one.syn[0]} ({one.syn[1]})" if one.syn else "no frame"
    end = "reset" if one.reset else "closed" if one.finished else "open at the end"
    return f"connection {named(one)}: SYN in {syn}, {_modes(one.modes)}, {end}"


def _association(one: Association) -> str:
    unread = f", {one.unread:,} not read" if one.unread else ""
    return (f"SA {spi(one)} ({one.kind}) {ip.text(one.source)} > {ip.text(one.target)}: frames {one.frame} to {one.last_frame}, "
            f"{one.packets:,} packets{unread}")


def _modes(modes: Mapping[str, Use]) -> str:
    return ", ".join(f"{use.count:,} segments {'outside' if mode == 'plain' else f'in {mode.upper()}'}"
                     for mode, use in modes.items())


def _some(lines: list[str], what: str) -> list[str]:
    return lines if len(lines) <= MOST_LISTED else [*lines[:MOST_LISTED], f"... {len(lines) - MOST_LISTED:,} more {what}; --json has "
                                                                          "them all"]


def ladders(result: Audit) -> str:
    """A ladder for each pair of hosts that is judged, and for those whose SAs carry it; ends in a newline where there is any."""
    tracker = result.case.tracker
    wanted: dict[Hosts, list[Event]] = {}
    judged = {*map(pair_of, result.case.connections), *beneath(tracker, result.case.connections)}
    for event in tracker.events:
        pair = hosts(event.source, event.target)
        if pair in judged:
            wanted.setdefault(pair, []).append(event)
    held = {one["frame"]: one["may_be"] for one in document(result)["informationals"]}
    broken = {frame for one in result.verdicts if one.verdict == "violated" for frame in one.frames}
    return "\n".join(ladder(result, pair, events, broken, held) for pair, events in wanted.items())


def ladder(result: Audit, pair: Hosts, events: list[Event], broken: set[int], held: dict[int, str]) -> str:
    """What two hosts said to each other, a line an event: frame, seconds, the wire, and whose it is; `held` has words for some frames."""
    first = result.case.tracker.first_time
    left, right = ip.text(pair[0]), ip.text(pair[1])
    arrows = [Arrow(event.source == pair[0], event.text.rstrip(), event.line, "sent").draw(0) for event in events]
    wide = max([12, len(left) + len(right) + 2, *(len(one) + 3 for one in arrows)])
    lines = [f"{'frame':>7}  {'time/s':>10}  {left}{right.rjust(wide - len(left))}  what"]
    for event in events:
        arrow = Arrow(event.source == pair[0], event.text.rstrip(), event.line, "sent").draw(wide)
        mark = "!" if event.frame in broken else " "
        lines.append(f"{event.frame:>7}{mark} {(event.time - first) / 1e9:>10.3f}  {arrow}  {held.get(event.frame, event.note)}".rstrip())
    return "\n".join([*lines, LEGEND]) + "\n"
