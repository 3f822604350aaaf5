"""The simulation: the tables in time. Its fast reader against the interpreter, its times against the RFCs, its faults found out."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lockstep.choice import parse, readings
from lockstep.commands.simulate import simulate
from model.action import SPONTANEOUS
from model.slices import TABLES
from model.system import ENDS
from model.timed import STARTS, compose
from model.trace import from_document
from properties.registry import VIOLATED, without_attacker
from sim import run as sim_run
from sim.campaign import Campaign
from sim.check import Checker
from sim.clocks import DURATIONS, clocks, names
from sim.links import Link, Outage
from sim.links import Path as Route
from sim.reader import Reader
from sim.recording import SimulationError
from sim.scenario import Scenario, ScenarioError, load, packaged
from sim.scenario import parse as parse_scenario
from sim.world import World
from traces.names import coded, rows_of
from verify.step import Disabled, step, stimuli

ROOT = Path(__file__).resolve().parents[1]
CLEAN = Route({"segments": Link(0.02), "datagrams": Link(0.02)})
LOSSY = Route({"segments": Link(0.02, 0.01, 0.1), "datagrams": Link(0.02, 0.01, 0.1)})


def chosen(preset: str, *texts: str) -> dict[str, str]:
    return readings(preset, parse(texts))


def campaign(scenario: Scenario, seeds=range(1), *texts: str) -> Campaign:
    made = Campaign(scenario, chosen(scenario.preset, *texts), without_attacker())
    for _ in made.run(seeds):
        pass
    return made


def times_of(made: Campaign, event: str, scope: str) -> list[float]:
    """When a stimulus happened in the last run."""
    last = made.last
    return [one.time for one, stimulus in zip(last.recording.steps, last.stimuli, strict=True)
            if (stimulus.event, stimulus.scope) == (event, scope)]


# -- the fast reader and the interpreter --------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["draft", "repaired"])
@pytest.mark.parametrize("start", STARTS)
def test_reader_and_interpreter_agree(preset: str, start: str) -> None:
    """On a random walk, about every stimulus on offer, also on those that are disabled."""
    system = compose(start, chosen(preset), bounds={"segments": 2, "datagrams": 2})
    rng, state = random.Random(f"{preset} {start}"), system.initial[0]
    reader = Reader(system, state)
    done = refused = 0
    for _ in range(60):
        offered = list(stimuli(system, state))
        rng.shuffle(offered)
        for stimulus in offered:
            given = dict(stimulus.choices)
            reader.restart(state, lambda number, size, given=given: [given[reader.choices[number].name]])
            try:
                reader.step(reader.entry(stimulus.scope, stimulus.table, stimulus.event), stimulus.args)
            except Disabled:
                with pytest.raises(Disabled):
                    step(system, state, stimulus)
                assert tuple(reader.state) == state
                refused += 1
                continue
            if any(value and (name, value) not in reader.chosen for name, value in given.items()):
                continue  # the same step as with the first value: the interpreter has it once
            outcome = step(system, state, stimulus)
            assert tuple(reader.state) == outcome.after
            assert [(reader.rows[at][0].scope, reader.rows[at][1].key) for at in reader.fired] == [
                (one.scope, one.row.key) for one in outcome.fired]
            assert [(reader.wires[wire].direction, code) for wire, code in reader.sent] == [
                (one.direction, one.code) for one in outcome.sent]
            state = outcome.after
            done += 1
            break
    assert done == 60 and refused > 60


def test_everything_spontaneous_is_offered() -> None:
    system = compose("established", chosen("draft"))
    offered = {(one.table.name, one.event.name) for one in system.offers}
    assert {(table.name, event.name) for table in TABLES.values() for event in table.events if event.who in SPONTANEOUS} <= offered


def test_every_timer_variable_has_a_duration() -> None:
    system = compose("established", chosen("draft"))
    timed = {f"{one.table.name}.{one.event.name}" for one in system.offers if one.event.timer is not None}
    assert timed <= set(DURATIONS)
    assert set(DURATIONS) <= set(names(system))
    assert all(one.seconds > 0 and one.source for one in DURATIONS.values())


# -- times --------------------------------------------------------------------------------------------------------------


def closing(preset: str, path: Route, end: float = 600.0) -> Scenario:
    return replace(load("graceful-shutdown"), preset=preset, path=path, end=end)


def test_graceful_shutdown_without_loss_keeps_the_rfcs_times() -> None:
    made = campaign(closing("repaired", CLEAN))
    a, b = made.summaries[0].ends["A"], made.summaries[0].ends["B"]
    assert [state for _, state in a.tcp_since] == ["ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED"]  # figure 12
    assert [state for _, state in b.tcp_since] == ["ESTABLISHED", "LAST-ACK", "CLOSED"]
    assert [time for time, _ in a.tcp_since] == pytest.approx([0, 1, 1.04, 1.04, 241.04])  # 3.4.2: 2MSL is 4 minutes
    assert [time for time, _ in b.tcp_since] == pytest.approx([0, 1.02, 1.06])
    assert made.summaries[0].resent == 0


def test_a_fin_that_cannot_be_sent_is_retried_with_backoff_until_the_user_timeout() -> None:
    made = campaign(closing("draft", CLEAN))
    assert times_of(made, "retransmission", "A") == pytest.approx([2, 4, 8, 16, 32, 64])  # RFC 6298 5.5: 1 s, doubled
    assert times_of(made, "user timeout", "A") == pytest.approx([101])  # RFC 9293 3.8.3: R2
    assert {"sa-outlives-connection", "no-stuck-close"} <= {one.claim.name for one in made.judged() if one.verdict == VIOLATED}


def test_the_hold_timer_counts_from_the_last_keepalive() -> None:
    made = campaign(load("link-down"))
    last = made.last
    heard = [one.time for one, outcome in zip(last.recording.steps, last.outcomes, strict=True)
             if any(firing.scope == "A" and firing.row.name == "event 26 KeepAliveMsg: heard" for firing in outcome.fired)]
    assert heard and max(heard) < 45
    assert times_of(made, "HoldTimer_Expires", "A") == pytest.approx([max(heard) + 90])  # RFC 4271 10
    assert made.summaries[0].stale > 0  # each KEEPALIVE left an older generation behind


def test_timers_of_bgp_have_jitter() -> None:
    made = campaign(replace(load("rekey"), end=260.0))
    sent = times_of(made, "KeepaliveTimer_Expires", "A")
    gaps = {round(later - earlier, 6) for earlier, later in zip([0.0, *sent], sent, strict=False)}
    assert len(gaps) > 3 and all(22.5 <= gap <= 30 for gap in gaps)  # RFC 4271 10: 0.75 to 1 of 30 s


def test_phase_1_takes_the_work_of_its_messages() -> None:
    quick = replace(load("session-comes-up"), path=Route({"segments": Link(0.02), "datagrams": Link(0.02)}))
    slow = replace(quick, path=Route({"segments": Link(0.02), "datagrams": Link(0.02, work=0.5)}))
    up = [campaign(one).summaries[0].up for one in (quick, slow)]
    assert up[1] - up[0] == pytest.approx(4 * 0.5)  # MM3 to MM6; MM1, MM2 and Quick Mode without PFS take none


# -- many runs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["draft", "repaired"])
def test_lossy_shutdown_over_200_seeds(preset: str) -> None:
    """The interpreter confirms every step, else `campaign` raises; losses go on after any budget of a slice is spent."""
    made = campaign(closing(preset, LOSSY), range(200))
    assert len(made.summaries) == 200
    assert sum(one.lost for one in made.summaries) > 50
    assert all(end.tcp == "CLOSED" and not end.sas for one in made.summaries for end in one.ends.values())
    broken = {one.claim.name for one in made.judged() if one.first}
    assert not broken if preset == "repaired" else "sa-outlives-need" in broken


def test_a_verdict_counts_the_runs_that_put_the_claim_to_the_test() -> None:
    made = campaign(closing("repaired", LOSSY), range(30))
    by_name = {one.claim.name: one for one in made.judged()}
    confirmed = by_name["delete-means-closed"]
    assert 0 < confirmed.tested < 30 and confirmed.verdict == f"no violation in {confirmed.tested} runs"
    assert "no-replay" in {one.name for one in made.untested()} and "no-replay" not in by_name


def test_more_than_any_budget_of_losses() -> None:
    path = Route(CLEAN.links, (Outage(0.0),))
    assert campaign(closing("repaired", path)).summaries[0].lost > 3


def test_little_room_holds_steps_back() -> None:
    slow = Route({"segments": Link(0.5, 1.5, 0.2), "datagrams": Link(3, 10)})
    made = campaign(replace(closing("repaired", slow), room={"segments": 2, "datagrams": 1}), range(10))
    assert sum(one.late for one in made.summaries) > 0


def test_choices_in_the_scenarios_order_or_drawn() -> None:
    """What the last value of the passive closer's choice was, in ten runs."""
    name, system = "daemon reads EOF late", compose("established", chosen("repaired"))
    for given, expected in (((), {0}), (("true",), {1}), ("drawn", {0, 1})):
        world = World(replace(closing("repaired", CLEAN), choices={name: given} if given else {}), system)
        values = {dict(one.choices)[name] for recording in world.simulate(range(10)) for one in recording.steps
                  if name in dict(one.choices)}
        assert values == expected


def test_a_refused_choice_gives_way_to_the_next() -> None:
    """The SA that comes first does not exist, so the next in order carries the segment."""
    scenario = replace(closing("repaired", CLEAN), choices={"SA": ("g2", "g1", "g0")})
    made = campaign(scenario)
    assert {dict(one.choices)["SA"] for one in made.last.recording.steps if "SA" in dict(one.choices)} == {0}


def test_a_rekey_moves_the_traffic_to_the_new_sa() -> None:
    made = campaign(load("rekey"))
    assert all(end.tcp == "ESTABLISHED" and "g0" not in end.sas and end.sas for end in made.summaries[0].ends.values())


# -- plant faults -------------------------------------------------------------------------------------------------------


def test_a_stale_generation_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A HoldTimer that is started again keeps its generation: the model allows the older one's expiry, as a timer that runs may expire
    at any time, but it comes too early."""
    start = sim_run.Run._start

    def keeps_generation(self: sim_run.Run, number: int) -> None:
        start(self, number)
        if self.world.clocks[number].event == "HoldTimer_Expires":
            self._generation[number] = 1

    monkeypatch.setattr(sim_run.Run, "_start", keeps_generation)
    with pytest.raises(SimulationError, match=r"HoldTimer_Expires expires .* a stale generation"):
        campaign(replace(load("graceful-shutdown"), actions=(), path=CLEAN, end=95.0))


def test_an_expiry_that_never_comes_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = sim_run.Run._arm

    def forgets(self: sim_run.Run, number: int) -> None:
        if self.world.clocks[number].event != "2MSL":
            arm(self, number)

    monkeypatch.setattr(sim_run.Run, "_arm", forgets)
    with pytest.raises(SimulationError, match="A tcp 2MSL is overdue"):
        campaign(closing("repaired", CLEAN))


def test_a_timer_that_does_not_run_cannot_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    def arms_all(self: sim_run.Run) -> list[bool]:
        return [lambda state: 1] * len(self.clocks)

    world = World(closing("repaired", CLEAN), compose("established", chosen("repaired")))
    monkeypatch.setattr(world, "runs", arms_all(world))
    with pytest.raises(SimulationError, match=r"the simulator wants .* which the model does not allow"):
        world.run(0)


@pytest.mark.parametrize("fault", ["another state", "another row"])
def test_a_reader_that_errs_is_found_out(fault: str) -> None:
    made = Campaign(closing("repaired", CLEAN), chosen("repaired"), ())
    reader = made.world.reader
    entry = reader.entry("A", "bgp", "ManualStop")
    right = entry.cells[:]

    def wrong(s: list[int], args: tuple[int, ...]) -> None:
        right[s[entry.at]](s, args)
        if fault == "another row":
            reader.fired[-1] += 1
        else:
            place = reader.system.position("A", made.world.clocks[0].timer)
            s[place] = 1 - s[place]

    entry.cells[:] = [wrong] * len(right)
    message = "another state" if fault == "another state" else "the interpreter fires"
    with pytest.raises(SimulationError, match=message):
        list(made.run([0]))


def test_a_loss_that_the_model_forbids_is_an_error() -> None:
    """An attacker's segment is not lost: the wire's row asks for a genuine one."""
    scenario = parse_scenario('end = 5\nstart = "established"\n[links.segments]\nloss = 1.0\n[[actions]]\nat = 1\ntable = "attacker"\n'
                              'event = "inject"\nargs = { towards = "B", kind = "RST", fit = "exact", inc = "0" }\n', "attack")
    made = campaign(scenario)
    assert any(one.event == "segment arrives" for one in made.last.stimuli)
    assert made.summaries[0].lost == 0


# -- traces -------------------------------------------------------------------------------------------------------------


def invoke(*words: str):
    app = typer.Typer()
    app.command()(simulate)
    return CliRunner().invoke(app, list(words))


def test_a_witness_is_a_run_of_the_timed_system(tmp_path: Path) -> None:
    result = invoke("graceful-shutdown", "--runs", "3", "--out", str(tmp_path), "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    broken = [one for one in document["results"] if one["verdict"] == VIOLATED]
    assert broken and all(one["trace"] for one in broken)
    for one in broken:
        trace = from_document(json.loads(Path(one["trace"]).read_text(encoding="utf-8")))
        system = compose(trace.slice.removeprefix("timed-"), trace.readings, bounds=trace.bounds)
        assert (system.digest, trace.length, trace.engine, trace.seed) == (trace.digest, one["length"], "simulate", one["seed"])
        state, now = system.initial[trace.start], 0.0
        for number, recorded in enumerate(trace.steps, 1):
            outcome = step(system, state, coded(system, number, recorded))
            assert rows_of(system, outcome) == recorded.rows and recorded.time >= now
            state, now = outcome.after, recorded.time


def test_every_run_can_be_kept(tmp_path: Path) -> None:
    assert invoke("graceful-shutdown", "--preset", "repaired", "--runs", "2", "--record", "--out", str(tmp_path)).exit_code == 0
    assert [path.name for path in sorted(tmp_path.iterdir())] == [f"simulate-graceful-shutdown-repaired-seed-{n}.json" for n in (0, 1)]


def test_the_same_bytes_for_the_same_seed(tmp_path: Path) -> None:
    """Whatever Python's hashes are."""
    code = ("import sys, typer\nfrom lockstep.commands.simulate import simulate\napp = typer.Typer()\napp.command()(simulate)\napp()\n")
    outputs = []
    for hashes in ("1", "2"):
        where = tmp_path / hashes
        where.mkdir()
        environment = os.environ | {"PYTHONHASHSEED": hashes, "PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-c", code, "graceful-shutdown", "--seed", "7", "--runs", "200", "--record", "--json"]
        done = subprocess.run(words, cwd=where, env=environment, capture_output=True, text=True, check=True, timeout=120)
        outputs.append((done.stdout, {path.name: path.read_bytes() for path in sorted((where / "out").iterdir())}))
    assert outputs[0] == outputs[1] and len(outputs[0][1]) > 200
    assert invoke("graceful-shutdown", "--seed", "8", "--json", "--out", str(tmp_path)).stdout != outputs[0][0]


# -- the command --------------------------------------------------------------------------------------------------------


def test_ladder_and_summary(tmp_path: Path) -> None:
    result = invoke("graceful-shutdown", "--preset", "repaired", "--seed", "0", "--out", str(tmp_path))
    assert result.exit_code == 0
    assert "a run by simulate" in result.stdout and "time/s" in result.stdout and "TIME-WAIT" in result.stdout
    assert "A from ESTABLISHED to CLOSED in 240." in result.stdout
    assert "no-plaintext-out" in result.stdout and "no violation in 1 runs" in result.stdout


def test_a_broken_promise_is_not_as_expected(tmp_path: Path) -> None:
    result = invoke("session-comes-up", "--preset", "repaired", "--reading", "A:port=170", "--out", str(tmp_path))
    assert result.exit_code == 1 and "violated in 1 of 1 runs not as promised" in result.stdout


def test_long_ladders_are_cut(tmp_path: Path) -> None:
    assert "more steps; --steps" in invoke("rekey", "--steps", "5", "--out", str(tmp_path)).stdout


def test_interrupted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run, seeds = World.run, []

    def ends_early(self: World, seed: int):
        seeds.append(seed)
        if len(seeds) > 4:
            raise KeyboardInterrupt
        return run(self, seed)

    monkeypatch.setattr(World, "run", ends_early)
    result = invoke("graceful-shutdown", "--runs", "100", "--json", "--out", str(tmp_path))
    document = json.loads(result.stdout)
    assert result.exit_code == 3 and document["interrupted"] and len(document["runs"]) == 4
    assert {one["verdict"] for one in document["results"]} >= {VIOLATED, "no violation in 4 runs"}


@pytest.mark.parametrize("name", packaged())
def test_packaged_scenarios_run(name: str) -> None:
    scenario = load(name)
    assert scenario.about
    made = campaign(replace(scenario, end=min(scenario.end, 700.0)))
    assert made.summaries[0].steps > 0 and not made.summaries[0].refused


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda path: path.stem)
def test_example_scenarios_run(path: Path) -> None:
    scenario = load(str(path))
    made = campaign(scenario, range(1), *(f"{name}={value}" for name, value in scenario.readings.items()))
    assert made.summaries[0].steps > 0


BASE = 'start = "established"\nend = 10\n'


@pytest.mark.parametrize(("text", "said"), [
    ("end = 1\n= 2", "not TOML"),
    ("end = 10\n", "start is missing"),
    ('start = "elsewhere"\nend = 10\n', "start 'elsewhere': there is no such start; there are established, "),
    ('start = "idle"\n', "end is missing"),
    ('start = "idle"\nend = -1\n', "end -1: a number of seconds, 0 or more is needed"),
    ('start = "idle"\nend = "soon"\n', "end 'soon': a number of seconds"),
    ('start = "idle"\nend = inf\n', "end inf: a number of seconds"),
    (BASE + "speed = 2\n", "speed: there is no such key"),
    (BASE + "[links.pigeons]\ndelay = 1\n", "links, pigeons: there is no such key"),
    (BASE + "[links.segments]\nloss = 1.5\n", "links, segments, loss 1.5: a number from 0 to 1 is needed"),
    (BASE + "[links.segments]\nspeed = 1\n", "links, segments, speed: there is no such key"),
    (BASE + "[links]\nsegments = 3\n", "links, segments 3: a table is needed"),
    (BASE + '[durations]\n"tcp.2MSL" = 0\n', "a timer of no time would expire for ever"),
    (BASE + '[durations]\n"tcp.siesta" = 5\n', "durations, tcp.siesta: nothing of that name has a duration"),
    (BASE + '[choices]\n"SA" = ["g9"]\n', "choices, SA: Generation: no value 'g9'"),
    (BASE + '[choices]\n"SA" = 3\n', "choices, SA 3: write a list"),
    (BASE + '[choices]\n"lunch" = "drawn"\n', "choices, lunch: there is no such choice"),
    (BASE + '[[actions]]\nat = 1\nend = "A"\n', "actions 1, event is missing"),
    (BASE + '[[actions]]\nat = 1\nend = "C"\nevent = "ManualStop"\n', "actions 1, end 'C': there is no such end"),
    (BASE + '[[actions]]\nat = 1\nend = "A"\nevent = "Dance"\n', "actions 1: bgp 'Dance' cannot be done at end A; there are bgp Manual"),
    (BASE + '[[actions]]\nat = 1\nend = "A"\nevent = "HoldTimer_Expires"\n', "actions 1: bgp 'HoldTimer_Expires' cannot be done"),
    (BASE + '[[actions]]\nat = 1\nend = "A"\ntable = "ipsec"\nevent = "clear SA"\n', "argument gen of clear SA is missing"),
    (BASE + '[[actions]]\nat = 1\nend = "A"\nevent = "ManualStop"\nargs = { x = "1" }\n', "args, x: ManualStop has no such argument"),
    (BASE + "[[outages]]\nfrom = 5\nto = 5\n", "outages 1: to 5 is not after from 5"),
    (BASE + '[[outages]]\nfrom = 5\ndirection = "up"\n', "outages 1, direction 'up': there is no such direction"),
    (BASE + "[room]\nsegments = 0\n", "room, segments 0: a whole number from 1 to 16 is needed"),
    (BASE + '[readings]\n"B:after_del" = 3\n', "readings, B:after_del 3: a text is needed"),
    (BASE + '[readings]\n"B:after_del" = "burn"\n', "reading after_del: no value 'burn'"),
    (BASE + 'preset = "blue"\n', "preset 'blue': there is no such preset"),
])
def test_what_is_wrong_in_a_scenario_is_said_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    result = invoke(str(path), "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert said in result.stderr and result.stderr.count("\n") == 1 and not result.stdout


@pytest.mark.parametrize("words", [["no-such"], ["no-such.toml"], ["graceful-shutdown", "--runs", "0"],
                                   ["graceful-shutdown", "--preset", "blue"], ["graceful-shutdown", "--reading", "x=y"],
                                   ["graceful-shutdown", "--steps", "-1"]])
def test_bad_usage(words: list[str], tmp_path: Path) -> None:
    result = invoke(*words, "--out", str(tmp_path))
    assert result.exit_code == 2 and result.stderr.startswith("lockstep: ") and result.stderr.count("\n") == 1


def test_scenario_errors_have_their_own_class() -> None:
    with pytest.raises(ScenarioError):
        parse_scenario("", "empty")


def test_the_hold_timer_is_longer_in_open_sent() -> None:
    (hold,) = [one for one in clocks(compose("idle", chosen("draft")), DURATIONS) if (one.scope, one.event) == ("A", "HoldTimer_Expires")]
    states = TABLES["bgp"].state.sort
    assert {name: hold.duration(states.code(name)).seconds for name in ("OpenSent", "OpenConfirm")} == {"OpenSent": 240, "OpenConfirm": 90}


def test_clocks_are_those_of_both_ends() -> None:
    found = clocks(compose("established", chosen("draft")), DURATIONS)
    assert {one.scope for one in found} == set(ENDS)
    by_end = [[(one.table, one.event, one.args) for one in found if one.scope == end] for end in ENDS]
    assert by_end[0] == by_end[1]


def test_a_checker_without_claims_still_compares() -> None:
    scenario = closing("repaired", CLEAN)
    checker = Checker("established", chosen("repaired"), (), DURATIONS)
    checked = checker.check(World(scenario, compose("established", chosen("repaired"))).run(0))
    assert checked.outcomes and not checked.breaks and not checked.tested
