"""Scenarios: small TOML files that say where a run begins, what the network is like, and what is done when.

    about = "one line"
    preset = "draft"                       # properties.presets
    start = "established"                  # model.timed.STARTS
    end = 600.0                            # seconds

    [readings]                             # other than the preset's
    "B:after_del" = "discard"

    [links.segments]                       # and [links.datagrams]
    work = 0.0                             # seconds the sender needs to make a message
    delay = 0.02                           # seconds under way
    jitter = 0.01
    loss = 0.1

    [durations]                            # other than sim.clocks.DURATIONS, seconds
    "tcp.2MSL" = 60

    [choices]                              # what an RFC's MAY leaves open: values in the order in which they are tried, or "drawn"
    "SA" = ["g1", "g0", "g2"]

    [[actions]]
    at = 1.0
    end = "A"                              # left out for the attacker
    table = "bgp"                          # may be left out where it is bgp
    event = "ManualStop"
    args = { gen = "g0" }                  # may be left out where there are none

    [[outages]]
    from = 30.0                            # to: the end of the run if left out; direction: both if left out

    [room]                                 # how many messages of a kind may be under way in one direction
    segments = 4
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from math import isfinite
from pathlib import Path as File
from typing import Any

from model.slices import CAPACITIES
from model.system import ENDS, LINKS
from model.timed import MOST_ROOM, STARTS, room
from sim.clocks import DURATIONS, Duration
from sim.links import Link, Outage, Path

DRAWN = "drawn"
# NOTE: the work of an IKE message is a Diffie-Hellman exponentiation or a signature on a router of the time.
USUAL_LINKS = {"segments": Link(), "datagrams": Link(work=0.05)}


class ScenarioError(Exception):
    """The scenario says something that does not exist or cannot be. One line: where, the value, what to do."""


@dataclass(frozen=True)
class Action:
    """Something done at one place at one time, seconds from the start."""

    at: float
    scope: str
    table: str
    event: str
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """What a scenario says. `readings`: as "[A:|B:]KEY" and value, those that differ from the preset. `choices`: by name the values in
    the order in which they are tried, or DRAWN; what is not named takes the first that is legal."""

    name: str
    about: str
    preset: str
    start: str
    end: float
    readings: Mapping[str, str] = field(default_factory=dict)
    path: Path = field(default_factory=lambda: Path(USUAL_LINKS))
    durations: Mapping[str, Duration] = field(default_factory=lambda: dict(DURATIONS))
    choices: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    room: Mapping[str, int] = field(default_factory=room)


def packaged() -> tuple[str, ...]:
    """The names of the scenarios that come with the package."""
    return tuple(sorted(one.name.removesuffix(".toml") for one in files("sim").joinpath("scenarios").iterdir()
                        if one.name.endswith(".toml")))


def load(name: str) -> Scenario:
    """A packaged scenario by name, or a file by path (something with a dot or a slash). Raises ScenarioError."""
    if name in packaged():
        return parse(files("sim").joinpath("scenarios", f"{name}.toml").read_text(encoding="utf-8"), name)
    path = File(name)
    if path.suffix != ".toml" and not path.exists():
        raise ScenarioError(f"scenario {name!r}: there is no such scenario; there are {', '.join(packaged())}, or give a .toml file")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror}); give a scenario file, or one of {', '.join(packaged())}") from None
    except ValueError:
        raise ScenarioError(f"{path}: not a text file; give a TOML file with a scenario") from None
    try:
        return parse(text, path.stem)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from None


def parse(text: str, name: str) -> Scenario:
    """The scenario in a TOML text. Raises ScenarioError. What it names of the model is looked up by `sim.bound`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"not TOML: {error}; see docs/adding-a-scenario.md") from None
    whole = _Part("", document)
    links, durations = whole.part("links"), whole.part("durations")
    choices = whole.part("choices")
    scenario = Scenario(
        name, whole.text("about", ""), whole.text("preset", "draft"), whole.among("start", STARTS), whole.number("end"),
        {key: _text(f"readings, {key}", value) for key, value in whole.part("readings").left().items()},
        Path({kind: _link(links.part(kind), USUAL_LINKS[kind]) for kind in CAPACITIES}, tuple(map(_outage, whole.parts("outages")))),
        DURATIONS | {key: _duration(key, durations.number(key)) for key in list(durations.values)},
        {key: _values(f"choices, {key}", value) for key, value in choices.left().items()},
        tuple(map(_action, whole.parts("actions"))), _room(whole.part("room")))
    links.nothing_else()
    whole.nothing_else()
    return scenario


class _Part:
    """One table of the document. Every key is asked for once; what is left over is an error."""

    def __init__(self, where: str, values: Any) -> None:
        if not isinstance(values, dict):
            raise ScenarioError(f"{where} {values!r}: a table is needed, [{where}]")
        self.where, self.values = where, dict(values)

    def at(self, key: str) -> str:
        return f"{self.where}, {key}" if self.where else key

    def left(self) -> dict[str, Any]:
        found, self.values = self.values, {}
        return found

    def part(self, key: str) -> _Part:
        return _Part(self.at(key), self.values.pop(key, {}))

    def parts(self, key: str) -> list[_Part]:
        many = self.values.pop(key, [])
        if not isinstance(many, list):
            raise ScenarioError(f"{self.at(key)} {many!r}: write [[{key}]], once for each")
        return [_Part(f"{self.at(key)} {number}", one) for number, one in enumerate(many, 1)]

    def text(self, key: str, default: str | None = None) -> str:
        if key not in self.values and default is None:
            raise ScenarioError(f"{self.at(key)} is missing; add it")
        return _text(self.at(key), self.values.pop(key, default))

    def among(self, key: str, known: Mapping[str, Any] | tuple[str, ...], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in known:
            raise ScenarioError(f"{self.at(key)} {value!r}: there is no such {key}; there are {', '.join(known)}")
        return value

    def number(self, key: str, default: float | None = None, most: float = float("inf")) -> float:
        if key not in self.values and default is None:
            raise ScenarioError(f"{self.at(key)} is missing; add it")
        value = self.values.pop(key, default)
        good = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and 0 <= value <= most
        if not good:
            limit = f"from 0 to {most:g}" if isfinite(most) else "of seconds, 0 or more"
            raise ScenarioError(f"{self.at(key)} {value!r}: a number {limit} is needed")
        return float(value)

    def nothing_else(self) -> None:
        for key in self.values:
            raise ScenarioError(f"{self.at(key)}: there is no such key; see docs/adding-a-scenario.md")


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ScenarioError(f"{where} {value!r}: a text is needed; put it in quotes")
    return value


def _values(where: str, value: Any) -> str | tuple[str, ...]:
    if value == DRAWN:
        return DRAWN
    if not isinstance(value, list):
        raise ScenarioError(f"{where} {value!r}: write a list of values in the order in which they are tried, or {DRAWN!r}")
    return tuple(_text(where, one) for one in value)


def _duration(key: str, seconds: float) -> Duration:
    if not seconds:
        raise ScenarioError(f"durations, {key} 0: a timer of no time would expire for ever; give more than 0 s")
    usual = DURATIONS.get(key)
    return replace(usual, seconds=seconds, source="the scenario") if usual else Duration(seconds, "the scenario")


def _link(part: _Part, usual: Link) -> Link:
    link = Link(part.number("delay", usual.delay), part.number("jitter", usual.jitter), part.number("loss", usual.loss, most=1),
                part.number("work", usual.work))
    part.nothing_else()
    return link


def _outage(part: _Part) -> Outage:
    begin, end = part.number("from"), part.number("to", 1e300)
    direction = part.among("direction", (*LINKS, "both"), "both")
    part.nothing_else()
    if end <= begin:
        raise ScenarioError(f"{part.where}: to {end:g} is not after from {begin:g}; give a later time")
    return Outage(begin, end, LINKS if direction == "both" else (direction,))


def _room(part: _Part) -> dict[str, int]:
    found = {}
    for kind, usual in room().items():
        messages = part.number(kind, usual)
        if messages not in range(1, MOST_ROOM + 1):
            raise ScenarioError(f"{part.at(kind)} {messages:g}: a whole number from 1 to {MOST_ROOM} is needed")
        found[kind] = int(messages)
    part.nothing_else()
    return found


def _action(part: _Part) -> Action:
    args = part.part("args")
    action = Action(part.number("at"), part.among("end", (*ENDS, ""), ""), part.text("table", "bgp"), part.text("event"),
                    {key: _text(args.at(key), value) for key, value in args.left().items()})
    part.nothing_else()
    return action
