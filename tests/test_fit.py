"""Captures against the tables: every run of the model fits under its own readings, and what no run has is found at its frame."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from random import Random

import pytest
from scapy.layers.inet import IP, UDP

from lockstep.choice import readings as chosen
from lockstep.cli import main
from model.readings import READINGS
from model.slices import bounds_of, build
from model.trace import Step, Trace
from sim.campaign import Campaign
from sim.scenario import load
from tests.captures import CEASE, DELETE, KEEPALIVE, OPEN, A, B, C, Connection, Wire, protected
from traces.audit.audit import audit
from traces.capture.esp import read_keys
from traces.fit import bgp, ending, ike, tcp
from traces.fit.fit import End, Fit, departures, fit
from traces.fit.layer import DEPARTS, FITS, merged
from traces.fit.machine import UNKNOWN
from traces.fit.notes import Notes
from traces.names import named
from traces.packets.writer import capture
from traces.replay import replay
from verify.step import Disabled, step, stimuli

UPDATE = b"\xff" * 16 + b"\x00\x17\x02" + bytes(4)
HOSTS = bytes((10, 9, 0, 1)), bytes((10, 9, 0, 2))


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


def test_every_simulated_end_of_a_session_fits_its_own_readings(tmp_path, monkeypatch):
    group = "who deletes, and when"
    monkeypatch.setattr(ending, "GROUPS", {group: ending.GROUPS[group]})  # the others cost as much again
    excluded, verdicts_ = 0, set()
    for seed in range(6):
        chance = Random(seed)
        values = dict(chosen("draft", {}))
        for key in ending.GROUPS[group]:
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
        trace = Trace(plain.digest, plain.name, campaign.scenario.preset, values, campaign.scenario.room, "simulate", seed, "", "", 0,
                      steps)
        case = judged(trace, tmp_path, time_wait=240)
        found = fit(case)
        assert not list(departures(found)), seed
        for end in (end for one in found.connections for end in one.ends):
            host = HOSTS[0] if end.name.startswith("10.9.0.1") else HOSTS[1]
            for key, value in end.readings.items():
                assert own(host, key, values) in value.left, (seed, end.name, key, value)
                excluded += len(value.excluded)
        verdicts_ |= {one.verdict for two in found.connections for end in two.ends for one in end.layers}
    assert FITS in verdicts_ and excluded > 1


# -- what no run has --


def plain_life(*, closes=CEASE) -> tuple[Wire, Connection]:
    """A plaintext session from SYN to the last ACK; A says `closes` before its FIN."""
    wire = Wire()
    one = Connection(wire)
    one.up()
    one.talk()
    if closes:
        one.segment(A, "PA", closes)
    return wire, one


def closed(one: Connection) -> None:
    one.segment(A, "FA")
    one.segment(B, "FA")
    one.segment(A, "A")


def test_a_session_by_the_rules_fits(tmp_path):
    wire, one = plain_life()
    closed(one)
    assert [verdicts(end) for end in of(wire, tmp_path)] == [{"tcp": FITS, "bgp": FITS}] * 2


def test_a_keepalive_before_the_open_is_in_no_run(tmp_path):
    wire = Wire()
    one = Connection(wire)
    one.up()
    frame = one.segment(A, "PA", KEEPALIVE)
    one.segment(B, "PA", OPEN)
    first, second = of(wire, tmp_path)
    found = layer(first, "bgp")
    assert (found.verdict, found.frame, found.what) == (DEPARTS, frame, "KEEPALIVE") and "OPEN" in found.instead
    assert verdicts(second) == {"tcp": FITS, "bgp": FITS}


def test_an_update_before_the_peer_has_confirmed_is_in_no_run(tmp_path):
    wire = Wire()
    one = Connection(wire)
    one.up()
    one.segment(A, "PA", OPEN)
    one.segment(B, "PA", OPEN)
    frame = one.segment(A, "PA", KEEPALIVE + UPDATE)
    first, _ = of(wire, tmp_path)
    assert (layer(first, "bgp").verdict, layer(first, "bgp").frame, layer(first, "bgp").what) == (DEPARTS, frame, "UPDATE")


def test_a_session_that_ends_without_a_word_departs_at_its_fin(tmp_path):
    wire, one = plain_life(closes=None)
    closed(one)
    first, second = of(wire, tmp_path)
    found = layer(first, "bgp")
    assert found.verdict == DEPARTS and "without a NOTIFICATION" in found.what and "NOTIFICATION" in found.instead
    assert verdicts(second) == {"tcp": FITS, "bgp": FITS}  # it may: the peer closed first


def test_text_behind_the_own_fin_is_in_no_run_of_tcp(tmp_path):
    wire, one = plain_life()
    one.segment(A, "FA")
    frame = one.segment(A, "PA", KEEPALIVE)
    found = layer(of(wire, tmp_path)[0], "tcp")
    assert (found.verdict, found.frame, found.what) == (DEPARTS, frame, "DATA")


def test_a_fin_that_overtakes_text_is_no_departure(tmp_path):
    wire, one = plain_life()
    closed(one)
    wire.packets[-4].time, wire.packets[-3].time = wire.packets[-3].time, wire.packets[-4].time
    wire.packets[-4], wire.packets[-3] = wire.packets[-3], wire.packets[-4]
    assert all(DEPARTS not in verdicts(end).values() for end in of(wire, tmp_path))


def test_what_is_not_in_the_file_is_never_held_against_an_end(tmp_path):
    wire, one = plain_life()
    closed(one)
    for missing in range(len(wire.packets)):
        kept = [packet for at, packet in enumerate(wire.packets) if at != missing]
        assert not list(departures(matched(wire.save(tmp_path, packets=kept)))), missing
    twice = [packet for packet in wire.packets for _ in range(2)]
    assert not list(departures(matched(wire.save(tmp_path, packets=twice))))


# -- the end of a connection, and its SA --


def test_a_delete_after_time_wait_tells_what_triggers_it(tmp_path):
    first, second = of(protected(), tmp_path)
    assert set(verdicts(first).values()) | set(verdicts(second).values()) == {FITS}
    assert first.readings["del_trigger"].left == ("tcp_closed",) and set(first.readings["del_trigger"].excluded) == {"bgp_idle"}
    assert second.readings["passive_del"].left == ("keep",)


def test_a_delete_beside_the_last_fin_is_the_passive_closers_or_the_sessions(tmp_path):
    wire = protected(until_delete=None)
    ack = wire.packets.pop()
    wire.informational(B, DELETE)
    wire.packets.append(ack)
    ack.time = wire.packets[-2].time + 1
    wire.now += 100
    wire.put(IP(src=C, dst=A) / UDP(sport=9, dport=9))  # the file goes on: what had to come would have come
    _, second = of(wire, tmp_path)
    assert set(verdicts(second).values()) == {FITS}
    # A's last ACK comes a second later: B was not CLOSED yet.
    assert [list(map(dict, one)) for one in second.together[:1]] == [[{"del_trigger": "bgp_idle"}, {"passive_del": "at_lastack"}]]


def test_a_delete_within_time_wait_needs_a_hand(tmp_path):
    first, _ = of(protected(until_delete=20), tmp_path)
    found = layer(first, "end: who deletes, and when")
    assert (found.verdict, found.reason, found.what) == (FITS, ending.HAND, ending.DELETE)


def test_plaintext_under_a_live_session_is_in_no_run(tmp_path):
    wire = Wire()
    wire.main_mode()
    wire.quick_mode()
    wire.install()
    one = Connection(wire)
    one.up()
    one.talk()
    wire.informational(A, DELETE, after=5)
    wire.drop_sas()
    frame = one.segment(A, "PA", KEEPALIVE)
    one.segment(B, "PA", KEEPALIVE)
    found = layer(of(wire, tmp_path)[0], "end: who deletes, and when")
    assert (found.verdict, found.frame, found.what) == (DEPARTS, frame, "DATA in plaintext") and ending.IN_ESP in found.instead


# -- the engine --


def test_what_is_unknown_is_the_union_of_what_it_may_be():
    machine = tcp.observer().machine
    chance = Random(1)
    states = [machine.start(**{"tcp.state": name, "tcp.unacked": "UPDATE", "tcp.open-delivered": "true", "tcp.retransmission": "true"})
              for name in ("SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "TIME-WAIT")]
    events = [one for offer in machine.system.offers for one in machine.stimuli("tcp", offer.event.name)]
    for state in states:
        for stimulus in chance.sample(events, 40):
            found = machine.steps(state, stimulus)
            for _ in range(6):
                whole = {at: chance.randrange(machine.system.slots[at].sort.size) for at in machine.constants}
                fill = lambda one, whole=whole: tuple(whole.get(at, code) for at, code in enumerate(one))  # noqa: E731
                fits = {(fill(after), said) for after, said in found if all(after[at] in (UNKNOWN, code) for at, code in whole.items())}
                assert fits == set(machine.steps(fill(state), stimulus)), stimulus


def test_combinations_that_say_nothing_are_left_out():
    both = READINGS["del_trigger"].values
    assert merged([{"del_trigger": value, "on_failure": "keep"} for value in both]) == ({"on_failure": "keep"},)
    assert merged([{}, {"on_failure": "keep"}]) == ()


def test_the_command_prints_it_and_can_leave_it_out(tmp_path, capsys, monkeypatch):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["lockstep", "audit", *words])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().out

    wire, one = plain_life(closes=None)
    closed(one)
    path = str(wire.save(tmp_path))
    told = call(path, "--no-ladder")
    assert "against the model" in told and "FIN without a NOTIFICATION" in told and "taken for granted" in told
    ends = json.loads(call(path, "--json"))["model"]["connections"][0]["ends"]
    assert [each["verdict"] for each in ends[0]["layers"]] == [FITS, DEPARTS]
    assert "model" not in json.loads(call(path, "--json", "--no-model"))
