"""Where in the draft's lifecycle each kept finding strikes: computed from its witness, not chosen.

A finding stands where the course is most like the step of its shortest run in which its cause shows. Alike are: what happens, with the
same message; the rows that fire, at which end; and the states of both ends, those of the end at which the cause shows counting twice.
Which end is A does not matter; of equals the first counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from docs.finding_pages import replayed
from docs.lifecycle import courses
from model.expr import Var, evaluate
from model.signals import BGP, GEN, P1_INIT, P1_RESP, SA_IN, SA_OUT, SPD_ENTRY, TCP
from model.slices import places_of
from model.system import ENDS, State, System, peer_of
from properties.findings import FINDINGS
from traces.ladder import message_name
from verify.step import Outcome, StepView

# What likeness counts. TCP's state says most of where in its life a connection is.
HAPPENS, SAME_MESSAGE, FIRES, OWN = 6.0, 4.0, 8.0, 2.0
WEIGHTS = {"tcp": 5.0, "bgp": 2.0, "phase 1": 2.0, "spd": 1.0, "in": 1.5, "out": 1.5}


@dataclass(frozen=True)
class Point:
    """A step, as one end sees it: what happens (table and event), the message it brings, the rows that fire (0 at this end, 1 at the
    other), and both ends' states before."""

    happens: tuple[str, str]
    message: str
    fires: frozenset[tuple[int, str]]
    own: dict[str, str]
    peer: dict[str, str]


@cache
def strikes() -> dict[str, tuple[int, int]]:
    """Each kept finding, by name: in which course, and at which row."""
    places = [(number, row, point(course.system, course.outcomes[moment.number - 1], end)) for number, course in enumerate(courses())
              for row, moment in enumerate(course.moments) for end in ENDS]
    found = {}
    for name, finding in FINDINGS.items():
        run = replayed()[name]
        outcome, place = next((one, place) for one in run.outcomes for place in places_of(run.trace.slice)
                              if evaluate(finding.cause.when, StepView(run.system, place, one)))
        here = point(run.system, outcome, place)
        found[name] = max(places, key=lambda one: likeness(here, one[2]))[:2]
    return found


def likeness(one: Point, other: Point) -> float:
    states = [sum(weight for name, weight in WEIGHTS.items() if mine[name] == theirs[name])
              for mine, theirs in ((one.own, other.own), (one.peer, other.peer))]
    same = HAPPENS + SAME_MESSAGE * (one.message == other.message) if one.happens == other.happens else 0.0
    return same + FIRES * len(one.fires & other.fires) / len(one.fires | other.fires) + OWN * states[0] + states[1]


def point(system: System, outcome: Outcome, place: str) -> Point:
    """A step as the end at `place` ("A", or "A.1" for one of its connections) sees it."""
    first = outcome.fired[0]
    takes = first.row.event.takes
    message = "" if takes is None else message_name(takes, takes.encode(first.args))[0]
    for generation in GEN.values:
        message = message.replace(f" {generation}", "")  # which SA it is differs from run to run
    rows = frozenset((int(one.scope[:1] != place[0]), one.row.name) for one in outcome.fired)
    return Point((system.table_of_row(first.row).name, first.row.event.name), message, rows,
                 _state(system, outcome.before, place), _state(system, outcome.before, peer_of(place)))


def _state(system: System, state: State, place: str) -> dict[str, str]:
    def shown(var: Var) -> list[str]:
        first = system.position(place, var)
        return sorted(var.sort.show(code) for code in state[first:first + var.cells])

    phase1 = set(shown(P1_INIT) + shown(P1_RESP)) - {"none"}
    return {"tcp": str(shown(TCP)), "bgp": str(shown(BGP)), "phase 1": "UP" if "UP" in phase1 else " ".join(sorted(phase1)),
            "spd": str(shown(SPD_ENTRY)), "in": str(shown(SA_IN)), "out": str(shown(SA_OUT))}
