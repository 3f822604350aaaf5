"""Captures against the tables: every run of the model fits under its own readings, and what no run has is found at its frame."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest

from lockstep.cli import main
from lockstep.choice import readings as chosen
from model.readings import READINGS
from model.signals import BGP_MSG
from model.slices import SLICES, bounds_of, build
from model.trace import Step, Trace
from sim.campaign import Campaign
from sim.scenario import load
from tests.captures import CEASE, DELETE, KEEPALIVE, OPEN, A, B, Connection, Wire, key_lines, protected
from traces.audit.audit import audit
from traces.capture.esp import read_keys
from traces.fit import bgp, ending, ike, tcp
from traces.fit.fit import End, Fit, departures, fit
from traces.fit.layer import DEPARTS, FITS, UNDECIDED
from traces.fit.machine import END, UNKNOWN
from traces.fit.notes import Notes
from traces.names import named
from traces.packets.writer import capture
from traces.replay import replay
from verify.step import Disabled, step, stimuli

UPDATE = b"\xff" * 16 + b"\x00\x17\x02" + bytes(4)
HOSTS = bytes((10, 9, 0, 1)), bytes((10, 9, 0, 2))
ENDING = tuple(key for keys in ending.GROUPS.values() for key in keys)


def matched(path, keys="", time_wait=60.0) -> Fit:
    return fit(audit(path, read_keys(keys.splitlines(), "keys"), time_wait=time_wait, notes=Notes()).case)


def of(wire: Wire, tmp_path, keys="") -> tuple[End, End]:
    """The two ends of the one connection of a made capture."""
    (one,) = matched(wire.save(tmp_path), keys).connections
    return one.ends


def layer(end: End, name: str):
    (found,) = [one for one in end.layers if one.name == name]
    return found


def verdicts(end: End) -> dict[str, str]:
    return {one.name: one.verdict for one in end.layers}


# -- every run of the model fits its own readings --


def walked(slice_name: str, seed: int, steps: int) -> Trace:
    """A run that chance chose, under readings that chance chose, without an attacker."""
    chance = Random(seed)
    values = {}
    for one in READINGS.values():
        keep = one.key in ("ipsec", "port", "natt", "keying", "ext_gw")
        for end in ("A:", "B:") if one.scope == "endpoint" else ("",):
            values[f"{end}{one.key}"] = one.values[0] if keep else chance.choice(one.values)
    bounds = bounds_of(slice_name, {"attacks": 0, "copies": 0})
    system = build(slice_name, values, bounds=bounds)
    start = chance.randrange(len(system.initial))
    state, taken = system.initial[start], list[Step]()
    for _ in range(steps):
        every = list(stimuli(system, state))
        chance.shuffle(every)
        for one in every:
            try:
                outcome = step(system, state, one)
            except Disabled:
                continue
            if outcome.after != state or outcome.sent:
                taken.append(named(system, one, outcome))
                state = outcome.after
                break
    return Trace(system.digest, slice_name, "draft", values, bounds, "walk", seed, "", "", start, tuple(taken))


def judged(trace: Trace, tmp_path, time_wait=60.0):
    """The case of a run's packets."""
    made = capture(replay(trace))
    path = tmp_path / f"{trace.seed}.pcapng"
    path.write_bytes(made.file)
    return audit(path, read_keys(made.keys["esp_sa"].splitlines(), "keys"), time_wait=time_wait, notes=Notes()).case


def own(host: bytes, key: str, values) -> str:
    return values[f"{'A' if host == HOSTS[0] else 'B'}:{key}" if READINGS[key].scope == "endpoint" else key]


@pytest.mark.parametrize("slice_name", ["teardown", "opening"])
def test_every_walk_fits_its_own_readings(tmp_path, slice_name):
    frames = excluded = 0
    for seed in range(8):
        trace = walked(slice_name, seed, 16)
        case = judged(trace, tmp_path)
        layers = [(one.ends[side][0], module.match(case.tracker.notes.of[one.number], side)) for one in case.connections
                  if one.number in case.tracker.notes.of for side in (0, 1) for module in (tcp, bgp)]
        layers += [(sender, ike.match(one, sender == one.initiator)) for keys in case.tracker.ike.values()
                   for one in (*keys.phase1.values(), *keys.quick.values()) for sender in dict.fromkeys(one.senders)]
        for host, one in layers:
            assert one.verdict != DEPARTS, (seed, one)
            assert all(own(host, key, trace.readings) in left for key, left in one.left.items()), (seed, one)
            frames += one.frames
            excluded += len(one.excluded)
    assert frames > 50 and excluded > 5


def test_every_simulated_end_of_a_session_fits_its_own_readings(tmp_path):
    excluded, verdicts_ = 0, set()
    for seed in range(4):
        chance = Random(seed)
        values = dict(chosen("draft", {}))
        for key in ENDING:
            for end in "AB":
                values[f"{end}:{key}"] = chance.choice(READINGS[key].values)
        campaign = Campaign(load("graceful-shutdown"), values, [])
        for _ in campaign.run([seed]):
            pass
        checked = campaign.last
        system, recording = campaign.checker.system, checked.recording
        steps = tuple(replace(named(system, stimulus, outcome), time=one.time) for stimulus, outcome, one in
                      zip(checked.stimuli, checked.outcomes, recording.steps, strict=True))
        plain = campaign.world.system
        trace = Trace(plain.digest, plain.name, campaign.scenario.preset, values, campaign.scenario.room, "simulate", seed, "", "", 0, steps)
        case = judged(trace, tmp_path, time_wait=240)
        found = fit(case)
        assert not list(departures(found)), seed
        for one, end in ((one, end) for one in found.connections for end in one.ends):
            host = HOSTS[0] if end.name.startswith("10.9.0.1") else HOSTS[1]
            for key, value in end.readings.items():
                assert own(host, key, values) in value.left, (seed, end.name, key, value)
                excluded += len(value.excluded)
        verdicts_ |= {one.verdict for two in found.connections for end in two.ends for one in end.layers}
    assert FITS in verdicts_ and excluded > 4
