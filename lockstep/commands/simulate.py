"""``lockstep simulate``"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lockstep.shell import Json, examples, one_line_errors, print_json, reader_may_go

if TYPE_CHECKING:
    from model.trace import Trace
    from properties.presets import Preset
    from sim.campaign import Campaign, Spread
    from sim.check import Break, Checked

EPILOG = examples("lockstep simulate graceful-shutdown", "lockstep simulate graceful-shutdown --runs 200",
                  "lockstep simulate session-comes-up --preset repaired --seed 7", "lockstep simulate mine.toml --json")

DURATIONS = {"up": "both Established after", "apart": "the other end left Established later by",
             "close A": "A from ESTABLISHED to CLOSED in", "close B": "B from ESTABLISHED to CLOSED in"}


def simulate(
    scenario: Annotated[str | None, typer.Argument(metavar="SCENARIO", help="A scenario by name, or a TOML file; a list of the named "
                                                   "ones if none is given.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="The run's seed; the first one's, if there are several.")] = 0,
    runs: Annotated[int, typer.Option(metavar="N", help="How many runs, with seeds from there on.")] = 1,
    preset: Annotated[str | None, typer.Option(metavar="NAME", help="draft or repaired, instead of the scenario's.")] = None,
    reading: Annotated[list[str] | None, typer.Option("--reading", metavar="[A:|B:]KEY=VALUE", help="Change a reading.")] = None,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps of the ladder to print, where there is one run.")] = 100,
    record: Annotated[bool, typer.Option("--record", help="Write the trace of every run, also of those that break no claim.")] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the traces.")] = Path("out"),
    as_json: Json = False,
) -> None:
    """Run a scenario in time.

    Links have delay, jitter and loss, timers the RFCs' length. Every run is checked, step by step, on the reference interpreter, and
    the claims are judged on the way.

    Exit status: 0 as expected, 1 a promise of the preset is broken, 2 bad input, 3 interrupted, 4 the simulator and the interpreter
    disagree.
    """
    with one_line_errors(), _simulation_errors():
        from lockstep.api import check_folder
        from lockstep.choice import UsageError, parse, preset_of, readings
        from properties.registry import without_attacker
        from sim.campaign import Campaign
        from sim.scenario import load

        if scenario is None:
            _list(as_json)
            return
        check_folder("out", out)
        if runs < 1:
            raise UsageError(f"runs {runs}: give a whole number from 1 on")
        if steps < 0:
            raise UsageError(f"steps {steps}: give a whole number from 0 on")
        chosen = load(scenario)
        chosen = replace(chosen, preset=preset or chosen.preset)
        overrides = parse([*(f"{name}={value}" for name, value in chosen.readings.items()), *(reading or ())])
        campaign = Campaign(chosen, readings(chosen.preset, overrides), without_attacker())
        interrupted = _run(campaign, range(seed, seed + runs), out if record else None)
        judged = campaign.judged()
        paths = {one.claim.name: _write(out, campaign, *one.first) for one in judged if one.first is not None}
        broken = [one.claim.name for one in judged if one.first is not None and one.claim.name in preset_of(chosen.preset).promises]
        with reader_may_go():
            if as_json:
                print_json(_document(campaign, seed, overrides, paths, interrupted))
            else:
                _print(campaign, seed, steps, preset_of(chosen.preset), paths)
    if interrupted:
        print("lockstep: interrupted", file=sys.stderr)
    raise typer.Exit(1 if broken else 3 if interrupted else 0)


@contextmanager
def _simulation_errors() -> Iterator[None]:
    """What is wrong in a scenario is bad input; a step that the interpreter does not confirm is an error of this program."""
    from lockstep.choice import UsageError
    from sim.recording import SimulationError
    from sim.scenario import ScenarioError
    from verify.query import EngineDisagreement

    try:
        yield
    except ScenarioError as error:
        raise UsageError(str(error)) from None
    except SimulationError as error:
        raise EngineDisagreement(str(error)) from None


def _list(as_json: bool) -> None:
    from lockstep import screen
    from sim.scenario import load, packaged

    found = [load(name) for name in packaged()]
    if as_json:
        print_json([{"scenario": one.name, "about": one.about, "preset": one.preset, "seconds": one.end} for one in found])
    else:
        screen.print_columns(("scenario", "about", "preset"), [(one.name, one.about, one.preset) for one in found])


def _run(campaign: Campaign, seeds: Sequence[int], folder: Path | None) -> bool:
    """All runs, with their number on standard error where somebody watches. True if Ctrl-C came in between."""
    watched = sys.stderr.isatty() and len(seeds) > 1
    try:
        for number, _ in enumerate(campaign.run(seeds), 1):
            if folder is not None and campaign.last is not None:
                _write(folder, campaign, campaign.last)
            if watched and (number % 10 == 0 or number == len(seeds)):
                print(f"\r{number} of {len(seeds)} runs", end="" if number < len(seeds) else "\n", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        return True
    return False


# -- traces -------------------------------------------------------------------------------------------------------------


def _trace(campaign: Campaign, checked: Checked, broken: Break | None = None, upto: int | None = None) -> Trace:
    """A run in the common format: all of it, its first steps, or up to where a claim breaks."""
    from model.trace import Trace
    from traces.names import named

    system, recording = campaign.checker.system, checked.recording
    length = broken.step if broken else upto
    steps = tuple(replace(named(system, stimulus, outcome), time=one.time) for stimulus, outcome, one in
                  zip(checked.stimuli[:length], checked.outcomes[:length], recording.steps[:length], strict=True))
    plain = campaign.world.system  # without what the claims remember
    return Trace(plain.digest, plain.name, campaign.scenario.preset, campaign.readings, campaign.scenario.room, "simulate", recording.seed,
                 broken.claim if broken else "", broken.end if broken else "", 0, steps)


def _write(folder: Path, campaign: Campaign, checked: Checked, broken: Break | None = None) -> str:
    from traces.files import to_text, write

    what = broken.claim if broken else f"seed-{checked.recording.seed}"
    name = re.sub(r"[^\w.-]+", "-", f"simulate-{campaign.scenario.name}-{campaign.scenario.preset}-{what}")
    path = folder / f"{name}.json"
    write(path, to_text(_trace(campaign, checked, broken)))
    return str(path)


# -- output -------------------------------------------------------------------------------------------------------------


def _document(campaign: Campaign, seed: int, overrides: dict[str, str], paths: dict[str, str], interrupted: bool) -> dict[str, Any]:
    """The same for the same seeds: nothing in it depends on the machine."""
    from dataclasses import asdict

    from lockstep import __version__

    results = [{"property": one.claim.name, "verdict": one.verdict, "tested": one.tested, "broken": one.broken,
                "seed": one.first[0].recording.seed if one.first else None, "length": one.first[1].step if one.first else None,
                "end": one.first[1].end if one.first else None, "trace": paths.get(one.claim.name)} for one in campaign.judged()]
    return {"scenario": campaign.scenario.name, "preset": campaign.scenario.preset, "readings": overrides, "seed": seed,
            "runs": [asdict(one) for one in campaign.summaries], "interrupted": interrupted, "results": results,
            "untested": [one.name for one in campaign.untested()],
            "seconds": {name: asdict(one) for name, one in campaign.spreads().items()}, "version": __version__}


def _print(campaign: Campaign, seed: int, steps: int, preset: Preset, paths: dict[str, str]) -> None:
    from lockstep import screen

    if not campaign.summaries:
        print("no run came to its end")
        return
    if len(campaign.summaries) == 1 and campaign.last is not None:
        _print_ladder(campaign, campaign.last, steps)
    print("\n".join(_summary(campaign, seed)))
    print()
    rows = []
    for one in campaign.judged():
        failed = one.first is not None
        where = f"seed {one.first[0].recording.seed}, step {one.first[1].step}, at {one.first[1].end}" if one.first else ""
        many = f" in {one.broken} of {len(campaign.summaries)} runs" if failed else ""
        promised = " not as promised" if failed and one.claim.name in preset.promises else ""
        rows.append((one.claim.name, f"{one.verdict}{many}{promised}", where, paths.get(one.claim.name, "")))
    if rows:
        screen.print_columns(("property", "verdict", "first", "trace"), rows)
    if campaign.untested():
        print(f"not put to the test: {', '.join(one.name for one in campaign.untested())}")


def _print_ladder(campaign: Campaign, checked: Checked, steps: int) -> None:
    from traces.ladder import ladder
    from traces.replay import Run

    if not steps:
        return
    shown = min(steps, len(checked.outcomes))
    trace = _trace(campaign, checked, upto=shown)
    sys.stdout.write(ladder(Run(trace, campaign.checker.system, checked.initial, checked.outcomes[:shown])))
    if shown < len(checked.outcomes):
        print(f"... {len(checked.outcomes) - shown} more steps; --steps {len(checked.outcomes)} prints them all")
    print()


def _summary(campaign: Campaign, seed: int) -> Iterator[str]:
    done, scenario = campaign.summaries, campaign.scenario
    seeds = f"seed {seed}" if len(done) == 1 else f"seeds {seed} to {seed + len(done) - 1}"
    about = "; ".join(filter(None, (scenario.about, f"preset {scenario.preset}")))
    yield f"{scenario.name}: {about}, {_count(len(done), 'run')}, {seeds}, {scenario.end:g} s each"
    total = sum(one.steps for one in done)
    lost, resent, late = (sum(count) for count in zip(*((one.lost, one.resent, one.late) for one in done), strict=True))
    yield f"{_count(total, 'step')}, each confirmed by the interpreter"
    yield f"lost messages: {lost:,}, retransmissions: {resent:,}, steps held back for a while: {late:,}"
    held = sum(one.held for one in done)
    if held:
        yield f"still held back at the end: {_count(held, 'step')}; [room] of the scenario may be too small"
    for name, spread in campaign.spreads().items():
        yield f"{DURATIONS[name]} {_seconds(spread, len(done))}"
    for count, a, b in campaign.ends()[:5]:
        yield f"ends:  A {a}   B {b}" + ("" if len(done) == 1 else f"   in {_count(count, 'run')}")
    if len(campaign.ends()) > 5:
        yield f"and {len(campaign.ends()) - 5} other ends; --json has them all"
    refused: dict[str, list[str]] = {}
    for one in done:
        for time, text in one.refused:
            refused.setdefault(text, []).append(f"seed {one.seed}, {time:.3f} s")
    for text, where in refused.items():
        yield f"not possible, {where[0]}{f' and {len(where) - 1} more times' if where[1:] else ''}: {text}"


def _seconds(spread: Spread, runs: int) -> str:
    if runs == 1:
        return f"{spread.median:.3f} s"
    many = "all runs" if spread.runs == runs else f"{spread.runs} of {runs} runs"
    return f"{spread.least:.3f} to {spread.most:.3f} s, median {spread.median:.3f} s, in {many}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
