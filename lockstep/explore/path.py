"""Where a reader stands: a slice, its readings, and the steps taken so far. A link says all of it, and nothing else is kept.

A link's query, as `Asked.query` writes it: ``slice``, ``preset``, ``reading`` (``[A:|B:]KEY=VALUE``, repeated), ``bound`` (``KEY=N``,
repeated), ``start`` (which of the slice's initial states, from 0), ``path`` (numbers joined by dots: each says which stimulus is taken, by
its place among those of `verify.step.stimuli` in that state) and ``model`` (the digest; without it the numbers are taken as they are).

What is remembered between two requests (`lru_cache`) is what they would compute again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from urllib.parse import parse_qs, urlencode, urlsplit

from lockstep.choice import UsageError, check_possible, check_read, parse, preset_of, readings
from lockstep.page.data import Document, ends, head, machines, moves, page_data
from lockstep.page.judged import Judged, judging
from model.expr import ModelError
from model.slices import SLICES, bounds_of, build
from model.system import Monitor, State, System
from model.trace import Step, Trace, to_document
from properties.registry import claims_of
from traces.ladder import arrows
from traces.names import coded, named
from traces.replay import Run, model_digest
from verify.query import allowed
from verify.step import Disabled, Outcome, Stimulus, step, stimuli

MOST_STEPS = 200  # of a path
KEYS = ("slice", "preset", "reading", "bound", "start", "path", "model")
ENGINE = "explore"  # who made the run, as a trace names it
MADE = "Every state on this page is the reference interpreter's, asked by lockstep explore"


# -- links -----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """What a link says. `overrides`: readings that differ from the preset's ("A:key" or "key", and the value); `bounds`: those that
    differ from the slice's."""

    slice: str
    preset: str = "draft"
    overrides: tuple[tuple[str, str], ...] = ()
    bounds: tuple[tuple[str, int], ...] = ()
    start: int = 0
    path: tuple[int, ...] = ()

    @property
    def chosen(self) -> dict[str, str]:
        """A value for every reading."""
        return readings(self.preset, dict(self.overrides))

    @property
    def limits(self) -> dict[str, int]:
        """Every bound."""
        return bounds_of(self.slice, dict(self.bounds))

    @property
    def query(self) -> str:
        """The query of a link to here."""
        pairs = [("slice", self.slice), ("preset", self.preset), *(("reading", f"{name}={value}") for name, value in self.overrides),
                 *(("bound", f"{key}={number}") for key, number in self.bounds), *([("start", str(self.start))] if self.start else []),
                 *([("path", ".".join(map(str, self.path)))] if self.path else []), ("model", _world(self.world).digest)]
        return urlencode(pairs, safe=":=")

    @property
    def world(self) -> Asked:
        """The same before the first step."""
        return replace(self, path=())


def asked_in(link: str) -> Asked:
    """What a link, or its query alone, says. Raises UsageError."""
    query = urlsplit(link).query if "?" in link else link.partition("#")[0]
    fields = parse_qs(query, keep_blank_values=True)
    for key, values in fields.items():
        if key not in KEYS:
            raise UsageError(f"link: {key!r} is nothing that a link says; it says {', '.join(KEYS)}")
        if len(values) > 1 and key not in ("reading", "bound"):
            raise UsageError(f"link: {key} is there {len(values)} times; give it once")
    one = {key: values[0] for key, values in fields.items()}
    name = one.get("slice", "")
    if name not in SLICES:
        raise UsageError(f"link: slice {name!r}: there is no such slice; there are {', '.join(SLICES)}")
    preset = preset_of(one.get("preset", "draft"))
    numbers = [text for text in one.get("path", "").split(".") if text]
    if len(numbers) > MOST_STEPS:
        raise UsageError(f"link: path has {len(numbers)} steps; at most {MOST_STEPS} are shown")
    bounds = {}
    for text in fields.get("bound", []):
        key, _, number = text.partition("=")
        bounds[key] = _number("bound", key, number)
    return _checked(Asked(name, preset.name, tuple(parse(fields.get("reading", [])).items()), tuple(bounds.items()),
                          _number("start", "", one.get("start", "0")), tuple(_number("path", "step", text) for text in numbers)),
                    one.get("model"))


def _number(key: str, what: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise UsageError(f"link: {key} {what}{' ' if what else ''}{text[:40]!r}: a whole number from 0 on is needed")
    return int(text)


def _checked(asked: Asked, digest: str | None = None) -> Asked:
    """The same, with what only repeats preset and slice left out. Raises UsageError for what the slice has not."""
    base = preset_of(asked.preset)
    overrides = {name: value for name, value in asked.overrides if base.value(name.rpartition(":")[2]) != value}
    try:
        limits, own = asked.limits, bounds_of(asked.slice, {})
    except ModelError as error:
        raise UsageError(str(error)) from None
    found = replace(asked, overrides=tuple(sorted(overrides.items())),
                    bounds=tuple((key, number) for key, number in limits.items() if own[key] != number))
    check_read(found.slice, overrides, reading_names(found.slice))
    check_possible(found.slice, found.chosen)
    world = _world(found.world)
    if digest is not None and digest != world.digest:
        raise UsageError(f"link: made by model {digest[:40]!r}, this is model {world.digest}: tables or readings differ, so its steps mean "
                         "something else; open the run as a trace file, or begin anew")
    return found


@lru_cache(maxsize=len(SLICES))
def reading_names(slice_name: str) -> frozenset[str]:
    """The readings that rows of a slice read, as "A:key" or "key"."""
    return build(slice_name, readings("draft", {})).readings_read


# -- worlds and positions --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class World:
    """A slice under its readings, at one of its starts. `system` remembers nothing for claims; `judged` does, for all of the slice's."""

    asked: Asked
    system: System
    digest: str
    initial: State
    judged: Judged


@lru_cache(maxsize=16)
def _world(asked: Asked) -> World:
    chosen = asked.chosen
    system = build(asked.slice, chosen, bounds=dict(asked.bounds))
    if asked.start >= len(system.initial):
        raise UsageError(f"link: start {asked.start}: slice {asked.slice} has initial states 0 to {len(system.initial) - 1} here")
    return World(asked, system, model_digest(asked.slice, chosen, asked.limits), system.initial[asked.start],
                 judging(asked.slice, chosen, asked.limits, claims_of(asked.slice), asked.start))


@dataclass(frozen=True, eq=False)
class Position:
    """A state and how it came about: the position before it and the step from there; None, before the first step."""

    world: World
    state: State
    judged: Judged
    number: int = 0
    before: Position | None = None
    stimulus: Stimulus | None = None
    named: Step | None = None
    outcome: Outcome | None = None

    @cached_property
    def way(self) -> tuple[Position, ...]:
        """The positions from the start to this one."""
        found, at = [self], self.before
        while at is not None:
            found.append(at)
            at = at.before
        return tuple(found[::-1])

    @property
    def run(self) -> Run:
        """The way here, as a run that claims nothing."""
        world, asked = self.world, self.world.asked
        taken = self.way[1:]
        trace = Trace(world.digest, asked.slice, asked.preset, asked.chosen, asked.limits, ENGINE, None, "", "", asked.start,
                      tuple(one.named for one in taken if one.named is not None))
        return Run(trace, world.system, world.initial, tuple(one.outcome for one in taken if one.outcome is not None))

    def take(self, stimulus: Stimulus) -> Position:
        """The position after a step. Raises Disabled."""
        system = self.world.system
        outcome = step(system, self.state, stimulus)
        one = named(system, stimulus, outcome)
        return Position(self.world, outcome.after, self.judged.after(stimulus), self.number + 1, self, stimulus, one, outcome)


def position(asked: Asked) -> Position:
    """Where a link leads. Raises UsageError."""
    at = _start(asked.world)
    for end in range(1, len(asked.path) + 1):
        at = _after(asked.world, asked.path[:end])
    return at


@lru_cache(maxsize=16)
def _start(world: Asked) -> Position:
    found = _world(world)
    return Position(found, found.initial, found.judged)


@lru_cache(maxsize=4096)
def _after(world: Asked, path: tuple[int, ...]) -> Position:
    """`position` of a path whose beginnings were all looked at just before, so that this does not go deep."""
    before = _after(world, path[:-1]) if len(path) > 1 else _start(world)
    number, index = before.number + 1, path[-1]
    for at, stimulus in enumerate(stimuli(before.world.system, before.state)):
        if at == index:
            try:
                return before.take(stimulus)
            except Disabled as error:
                raise UsageError(f"link: step {number}: stimulus {index} ({stimulus.table}: {stimulus.event} at "
                                 f"{stimulus.scope or 'the world'}) cannot happen here: {error}") from None
    raise UsageError(f"link: step {number}: this state has no stimulus {index}")


def _indexes(at: Position) -> dict[Stimulus, int]:
    return {stimulus: index for index, stimulus in enumerate(stimuli(at.world.system, at.state))}


def along(start: Position, taken: Sequence[Stimulus]) -> tuple[int, ...]:
    """The numbers that stand for these stimuli in a path, taken one after another from here."""
    found = []
    for stimulus in taken:
        found.append(_indexes(start)[stimulus])
        start = start.take(stimulus)
    return tuple(found)


def follow(asked: Asked, steps: Sequence[Step]) -> tuple[Asked, str]:
    """As many of these steps, given by name, as can be taken from where a link leads, and why it is not all of them ("" if it is)."""
    at, path = position(asked), list(asked.path)
    for number, one in enumerate(steps, 1):
        if len(path) == MOST_STEPS:
            return replace(asked, path=tuple(path)), f"step {number}: at most {MOST_STEPS} steps are shown"
        try:
            stimulus = coded(at.world.system, number, one)
            path.append(_indexes(at)[stimulus])
            at = at.take(stimulus)
        except (Disabled, KeyError) as error:
            why = "no such message is in flight" if isinstance(error, KeyError) else str(error)
            return replace(asked, path=tuple(path[:at.number])), f"step {number}, {one.table} {one.event}, cannot happen here: {why}"
    return replace(asked, path=tuple(path)), ""


def opened(run: Run) -> Asked:
    """The link to the end of a replayed run. Raises UsageError where it is a simulation's."""
    trace = run.trace
    if trace.slice not in SLICES:
        raise UsageError(f"slice {trace.slice}: a simulated run has no list of next steps; lockstep show --format html steps through it")
    world = _checked(Asked(trace.slice, trace.preset, tuple(trace.readings.items()), tuple(trace.bounds.items()), trace.start))
    found, why = follow(world, trace.steps)
    if why:
        raise UsageError(f"trace: {why}")
    return found


# -- what a page shows -----------------------------------------------------------------------------------------------------------------

# Whose doing it is (`model.action.Event.who`), as a reader chooses. ABORT is a signal of the daemon's that dies.
GROUPS = {"operator": "Operator", "daemon": "The ends' own", "signal": "The ends' own", "timer": "Timers", "lifetime": "Timers",
          "network": "Network", "attacker": "Attacker", "fault": "Faults and surroundings", "environment": "Faults and surroundings"}


def next_steps(at: Position) -> list[Document]:
    """Every step that can be taken here: `index`, its number in a path; `group`, who acts; `text`, what happens; `does`, what comes of
    it."""
    system, index, now = at.world.system, _indexes(at), ends(at.world.system, at.state)
    found = []
    for stimulus, outcome in allowed(system, at.state):
        one = named(system, stimulus, outcome)
        event = head(system, one, outcome)
        found.append({"index": index[stimulus], "group": GROUPS[event["who"]], "text": _text(system, one, event, outcome),
                      "does": "; ".join(_consequences(system, now, outcome))})
    return found


def _text(system: System, one: Step, event: Document, outcome: Outcome) -> str:
    """What happens: of a message first which one it is, and its way; then what is chosen, which may be all that tells two steps apart."""
    first = outcome.fired[0]
    if first.row.event.takes is None:
        return str(event["text"])
    arrow = arrows(system, outcome)[0]
    chosen = ", ".join(f"{key}={value}" for key, value in one.choices.items())
    return f"{'A to B' if arrow.right else 'B to A'}: {arrow.text} {first.row.event.name.partition(' ')[2]}{chosen and f' ({chosen})'}"


def _consequences(system: System, now: Sequence[str], outcome: Outcome) -> list[str]:
    """In a few words: the ends as they are then, or other machines that move; what is sent."""
    if outcome.after == outcome.before:
        return ["nothing changes"]
    then = ends(system, outcome.after)
    found = [f"{place}: {after}" for place, before, after in zip(system.places, now, then, strict=True) if before != after]
    if not found:
        drawn = machines(system)
        found = [f"{' '.join(drawn[at])}: {' → '.join(states)}" for at, *states in moves(system, outcome)]
    for way, right in (("A to B", True), ("B to A", False)):
        sent = [one.text for one in arrows(system, outcome) if one.right == right and one.fate in ("sent", "injected")]
        found += [f"{way}: {', '.join(sent)}"] if sent else []
    return found or ["no machine moves, nothing is sent"]


def document(asked: Asked) -> Document:
    """The whole page of where a link leads, and the link itself; `trace` is the run as `lockstep replay` reads it."""
    at = position(asked)
    run = at.run
    shown = page_data(run, so_far=at.judged)
    shown |= {"made": MADE, "title": f"Slice {asked.slice}, preset {asked.preset}: {SLICES[asked.slice].about}"}
    return {"query": asked.query, "run": shown, "trace": to_document(run.trace),
            "world": {"slice": asked.slice, "preset": asked.preset, "overrides": dict(asked.overrides), "start": asked.start,
                      "bounds": asked.limits, "path": list(asked.path)}}


# -- what a claim remembers ------------------------------------------------------------------------------------------------------------


def remembered(asked: Asked, monitors: Sequence[Monitor]) -> tuple[System, State]:
    """The state that a link leads to, in a system that remembers more."""
    system = build(asked.slice, asked.chosen, bounds=dict(asked.bounds), monitors=monitors)
    state = system.initial[asked.start]
    for one in position(asked).way:
        if one.stimulus is not None:
            state = step(system, state, one.stimulus).after
    return system, state

