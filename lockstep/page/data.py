"""What a page of a run shows, as one JSON document. Nothing here knows how it is drawn.

The document, `page_data(run)`:

- `title`, `lines`: what the run is, in a few lines; `made`: what made the page.
- `tables`: each drawn table by name: `title` and `drawing`. `machines`: each place's, `[place, table]`, in the order in which they are
  shown; `idle`: those of them that stay in one state.
- `variables`: the names of what may change; `first`: their values before the first step, and what is in flight then.
- `steps`: for each one `head` (what happened, whose doing), `time`, `changes` (`[variable, value]`, by number), `moves`
  (`[machine, state, ...]`, the states passed), `arrows`, and afterwards `flight` (what is on the wire) and `ends` (each place in a few
  words); `rows` (what fired: `[place, row]`, by number).
- `rows`: each row that fires, once: in words, its source, and the draft's sentences that the source cites, by id; `quiet` where it only
  carries a packet onwards. `sentences`: these by id.
- `claims`: each with `tested` and `broken`: the first step that puts it to the test and the first that breaks it, and at which end.
- `chances`: for a known finding, in which states an end could still have ruled the breach out (`lockstep.chances`); else empty.
- `readings`: each with its value, and whether it differs from the preset's.

A server that lets a reader choose the next step (`lockstep.explore`) sends the same document after each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lockstep.page.drawing import drawing
from lockstep.page.judged import Judged, judging
from model.action import Channel
from model.readings import READINGS
from model.system import State, System
from model.table import Row, Table
from model.text import text_row
from model.timed import TIMED
from model.trace import Step
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import CLAIMS, PROPERTIES, claims_of, without_attacker
from properties.requirements import Requirement, cited_in, ledger
from traces.ladder import arrows, differing, forever, heading, lane_of, message_name, state_of, surroundings, told
from traces.names import coded
from traces.replay import Run
from verify.step import Firing, Outcome

PAGE = 1  # version of the document
MADE = "Made by lockstep show --format html from a run that its interpreter replayed"
FIRST = ("tcp", "bgp", "binding", "spd")  # shown first, whether they move or not
LINES = {"=": "esp", "-": "plain", ".": "ike"}

Document = dict[str, Any]


def page_data(run: Run, chances: Mapping[str, Any] | None = None, so_far: Judged | None = None) -> Document:
    """A run as the document above. chances: what is known of who could have prevented the breach, by end; `so_far`: what the claims say of
    it, where that is known already."""
    trace, system = run.trace, run.system
    rows: dict[str, Document] = {}
    steps = [step_data(system, one, outcome, rows) for one, outcome in zip(trace.steps, run.outcomes, strict=True)]
    drawn = machines(system)
    moved = {at for one in steps for at, *_ in one["moves"]}
    shown = [at for at, (_, table) in enumerate(drawn) if at in moved or table in FIRST]
    cited = {name for one in rows.values() for name in one["sentences"]}
    claims = (so_far or judged(run)).documents([trace.property] if trace.property else [])
    return {
        "page": PAGE, "made": MADE, "title": heading(run)[0], "lines": [*heading(run)[1:], *surroundings(run)],
        "slice": trace.slice, "preset": trace.preset, "bounds": dict(trace.bounds), "engine": trace.engine, "model": trace.digest,
        "finding": _finding(run), "broken": _broken(run),
        "loop": None if trace.loop is None else {"from": trace.loop, "says": forever(trace)},
        "places": list(system.places), "tables": {name: _table(system, name) for _, name in drawn},
        "machines": drawn, "idle": [at for at in range(len(drawn)) if at not in shown],
        "variables": [str(system.slots[at]) for at in varying(system)],
        "first": {"values": [system.slots[at].text(run.initial[at]) for at in varying(system)], "flight": in_flight(system, run.initial),
                  "ends": ends(system, run.initial)},
        "steps": steps, "rows": list(rows.values()),
        "sentences": {name: _sentence(one) for name, one in ledger().items() if name in cited},
        "claims": claims, "chances": _chances(chances), "readings": _readings(run),
    }


# -- one step --------------------------------------------------------------------------------------------------------------------------


def step_data(system: System, named: Step, outcome: Outcome, rows: dict[str, Document]) -> Document:
    """One step. Rows that fire for the first time are added to `rows`."""
    position = {at: number for number, at in enumerate(varying(system))}
    both = enumerate(zip(outcome.before, outcome.after, strict=True))
    changes = [[position[at], system.slots[at].text(after)] for at, (before, after) in both if before != after]
    return {"head": head(system, named, outcome), "time": named.time, "changes": changes, "moves": moves(system, outcome),
            "arrows": messages(system, outcome),
            "flight": in_flight(system, outcome.after), "ends": ends(system, outcome.after),
            "rows": [[firing.scope, _row(system, firing, rows)] for firing in outcome.fired]}


def head(system: System, named: Step, outcome: Outcome) -> Document:
    """What happened, and whose doing it was (`model.action.Event`)."""
    first = outcome.fired[0]
    event = first.row.event
    message = [] if event.takes is None else [message_name(event.takes, event.takes.encode(first.args))[0]]
    given = [*message, *(f"{key}={value}" for key, value in {**({} if message else named.args), **named.choices}.items())]
    text = f"{named.scope} {named.table}: {named.event}".strip() + (f" ({', '.join(given)})" if given else "")
    return {"text": text, "scope": named.scope, "who": event.who}


def messages(system: System, outcome: Outcome) -> list[Document]:
    """What a step takes off the wire and puts on it."""
    return [{"right": one.right, "text": one.text, "line": LINES[one.line], "fate": one.fate, "forged": one.forged}
            for one in arrows(system, outcome)]


def varying(system: System) -> list[int]:
    """The positions of a state that may change: all but readings."""
    return [at for at, slot in enumerate(system.slots) if slot.var.table != "reading"]


def ends(system: System, state: State) -> list[str]:
    """Each place in a few words, as in a ladder."""
    return [state_of(system, state, place) for place in system.places]


def in_flight(system: System, state: State) -> list[Document]:
    """The messages on the wire."""
    found = []
    for at, slot in enumerate(system.slots):
        if isinstance(slot.var, Channel) and state[at] and ">" in slot.scope:
            text, line, forged = message_name(slot.var, state[at])
            found.append({"right": slot.scope.startswith("A"), "text": lane_of(slot.scope) + text, "line": LINES[line], "forged": forged})
    return found


def moves(system: System, outcome: Outcome) -> list[list[Any]]:
    """The states each machine passed in a step: its number, the state it was in, those it came to."""
    number = {(place, table): at for at, (place, table) in enumerate(machines(system))}
    passed: dict[int, list[Any]] = {}
    for firing in outcome.fired:
        row, table = firing.row, system.table_of_row(firing.row)
        at = number.get((firing.scope, table.name))
        if at is not None and row.next is not None and row.next.code != row.state.code:
            passed.setdefault(at, [at, table.state.sort.show(row.state.code)]).append(table.state.sort.show(row.next.code))
    return list(passed.values())


def machines(system: System) -> list[tuple[str, str]]:
    """What is drawn: the tables of the ends and of their connections that have more than one state."""
    found = [(one.scope, one.table.name) for one in system.instances
             if one.table.place in ("endpoint", "end") and one.table.state.sort.size > 1]
    return sorted(found, key=lambda one: FIRST.index(one[1]) if one[1] in FIRST else len(FIRST))


def _table(system: System, name: str) -> Document:
    table = next(one.table for one in system.instances if one.table.name == name)
    return {"title": table.title, "drawing": drawing(table)}


def _row(system: System, firing: Firing, rows: dict[str, Document]) -> int:
    """The number of a row among those that fire."""
    table = system.table_of_row(firing.row)
    key = f"{table.name}: {firing.row.key}"
    if key not in rows:
        rows[key] = _in_words(table, firing.row) | {"quiet": told(system, firing) is None}
    return list(rows).index(key)


def _in_words(table: Table, row: Row) -> Document:
    text = text_row(table, row)
    return {"table": table.name, "row": text.row, "state": text.state, "event": text.event, "guard": text.guard, "actions": text.actions,
            "next": text.next, "source": text.source, "sentences": [one.id for one in cited_in(text.source)]}


def _sentence(one: Requirement) -> Document:
    return {"source": one.source, "keyword": one.keyword, "says": one.says}


# -- the whole run ---------------------------------------------------------------------------------------------------------------------


def _broken(run: Run) -> Document | None:
    """What the run breaks, and where."""
    trace = run.trace
    if not trace.property:
        return None
    about = PROPERTIES[trace.property]
    return {"property": about.name, "sentence": about.sentence, "source": about.source, "end": trace.end, "step": trace.length}


def _finding(run: Run) -> Document | None:
    known = FINDINGS.get(run.trace.finding)
    return None if known is None else {"name": known.name, "title": known.title, "source": known.source}


def judged(run: Run) -> Judged:
    """The claims of the run's slice, asked while the run is taken once more, with all that they remember. Response properties are judged by
    endless runs only: the one that the run breaks is all there is."""
    trace = run.trace
    own = [CLAIMS[trace.property]] if trace.property in CLAIMS else []
    asked = list(dict.fromkeys([*own, *(without_attacker() if trace.slice in TIMED else claims_of(trace.slice))]))
    found = judging(trace.slice, trace.readings, trace.bounds, asked, trace.start)
    for number, one in enumerate(trace.steps, 1):
        found = found.after(coded(found.system, number, one))
    if trace.loop is not None:
        found = replace(found, broken={**found.broken, trace.property: (trace.length, trace.end)})
    return found


def _chances(known: Mapping[str, Any] | None) -> list[Document]:
    """Of each end: in which states it could still have ruled the breach out (`lost`), and by adopting what in the last of them."""
    return [{"end": end, "lost": one["lost"], "last": one["last"], "undecided": one["undecided"],
             "adopts": [f"{key}={value}" for key, value in one["adopted"]["changes"].items()] if one["adopted"] else []}
            for end, one in (known or {}).items()]


def _readings(run: Run) -> list[Document]:
    changed, preset = {one.rpartition("=")[0] for one in differing(run)}, PRESETS[run.trace.preset]
    found = []
    for name, value in run.trace.readings.items():
        key = name.rpartition(":")[2]
        about = READINGS[key]
        found.append({"name": name, "value": value, "about": about.about, "source": about.source,
                      "preset": preset.value(key), "changed": bool({name, key} & changed) and preset.value(key) != value})
    return found
