"""How fast the simulation is, with every step recorded, and how fast its check is, against bare SimPy in one run.

    python -m benchmarks.simulation_rate [--hours N] [--seeds N]

Two loads: one long run of an Established session on a lossy path (default 24 hours of KEEPALIVEs; the lifetimes are set so long
that nothing else happens), and the graceful shutdown over many seeds (default 500). Bare SimPy: as many timeouts with a
callback, one after the other. Seconds are the processor's. The cells that the simulation needs are made before, in one run that
is not counted; the check begins with nothing remembered, and finds a steady session's steps again and again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from time import process_time
from typing import Any

import simpy

from lockstep.choice import readings
from properties.registry import CLAIMS
from sim.campaign import Campaign
from sim.recording import Recording
from sim.scenario import Scenario, load


def bare(events: int) -> float:
    """Seconds for so many timeouts."""
    env, left = simpy.Environment(), events

    def again(_: Any) -> None:
        nonlocal left
        left -= 1
        if left > 0:
            env.timeout(1.0, left).callbacks.append(again)

    env.timeout(1.0, left).callbacks.append(again)
    return seconds(env.run)


def seconds(work: Callable[[], Any]) -> float:
    begun = process_time()
    work()
    return process_time() - begun


def steady(hours: float) -> Scenario:
    """An Established session, its operator away."""
    usual = load("graceful-shutdown")
    long = {name: replace(one, seconds=1e9) for name, one in usual.durations.items() if "lifetime" in name}
    return replace(usual, name="steady session", actions=(), end=hours * 3600, durations={**usual.durations, **long}, preset="repaired")


def measure(scenario: Scenario, seeds: range) -> None:
    campaign = Campaign(scenario, readings(scenario.preset, {}), tuple(CLAIMS.values()))
    campaign.world.run(seeds.start)
    recordings: list[Recording] = []
    simulated = seconds(lambda: recordings.extend(campaign.world.simulate(seeds)))
    checked = seconds(lambda: [campaign.checker.check(one) for one in recordings])
    steps = sum(len(one.steps) for one in recordings)
    events = steps + sum(one.stale for one in recordings)
    simple = bare(events)
    print(f"{scenario.name}, preset {scenario.preset}, {len(seeds)} run{'s' * (len(seeds) > 1)}: {steps:,} steps, {events:,} SimPy events")
    print(f"  bare SimPy               {events / simple:12,.0f} events a second")
    print(f"  simulation, recording    {steps / simulated:12,.0f} steps a second, {simulated / simple:.1f} times the bare events' time")
    print(f"  check on the interpreter {steps / checked:12,.0f} steps a second, {checked / simple:.1f} times the bare events' time")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--hours", type=float, default=24, help="of the long run (default 24)")
    words.add_argument("--seeds", type=int, default=500, help="of the graceful shutdown (default 500)")
    given = words.parse_args()
    measure(steady(given.hours), range(1))
    for preset in ("draft", "repaired"):
        measure(replace(load("graceful-shutdown"), preset=preset), range(given.seeds))


if __name__ == "__main__":
    main()
