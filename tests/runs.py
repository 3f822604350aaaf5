"""Searches that several tests look at, each run once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import lockstep
from lockstep.api import Plan, plan
from lockstep.choice import readings
from lockstep.engines import ENGINES, run
from lockstep.jobs import Job, Limits, Outcome
from lockstep.pool import run_all
from model.slices import SLICES
from model.trace import Trace
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import CLAIMS
from sim.campaign import Campaign
from sim.scenario import load
from traces.replay import Run, replay

HEADLINES = ("no-plaintext-after-open", "sa-outlives-connection", "one-sa-congruent")
DEPTH = 5
SIMULATED = 40  # runs of the scenario that ends a session
GALLERY = Path(__file__).resolve().parents[1] / "traces" / "gallery"


def jobs(slice_name: str, preset: str, *readings: str, **bounds: int) -> list[Job]:
    """The jobs that judge claims and look for findings."""
    return [job for job in plan([slice_name], [preset], readings, (), bounds).jobs if job.engine != "liveness"]


def judged(slice_name: str, preset: str, *readings: str, **bounds: int) -> Outcome:
    """The claims of a slice, judged here."""
    (job,) = [job for job in jobs(slice_name, preset, *readings, **bounds) if not job.findings]
    return run(job)


@cache
def everything() -> tuple[Plan, list[Outcome]]:
    """What `lockstep verify` without arguments runs, two jobs side by side, and what comes of each."""
    todo = plan((), list(PRESETS))
    outcomes = dict(run_all(todo.jobs, 2))
    return todo, [outcomes[number] for number in range(len(todo.jobs))]


@cache
def whole() -> dict[tuple[str, str], Outcome]:
    """Every slice under every preset at its own bounds, searched."""
    return {(one.job.slice, one.job.preset): one for one in everything()[1]
            if one.job.slice in SLICES and one.job.engine == "search" and not one.job.findings}


@cache
def endless(slice_name: str, preset: str) -> tuple[Outcome, ...]:
    """The response properties of a slice, judged here."""
    return tuple(one for one in everything()[1] if one.job.engine == "liveness" and (one.job.slice, one.job.preset) == (slice_name, preset))


@cache
def by_every_engine() -> dict[tuple[str, str], Outcome]:
    """The three headline claims in teardown with one loss, by (preset, engine)."""
    bounds = {"losses": 1, "copies": 0, "attacks": 0}
    todo = plan(["teardown"], list(PRESETS), properties=HEADLINES, bounds=bounds, limits=Limits(depth=DEPTH, runs=60), engines=ENGINES).jobs
    return {(outcome.job.preset, outcome.job.engine): outcome for _, outcome in run_all(todo, 2)}


@cache
def simulated(preset: str) -> Campaign:
    """The end of a session in time, with loss, judged by the headline claims."""
    campaign = Campaign(load("graceful-shutdown"), readings(preset, {}), [CLAIMS[name] for name in HEADLINES])
    for _ in campaign.run(range(SIMULATED)):
        pass
    return campaign


@cache
def _of_job(position: int) -> dict[str, Trace]:
    return dict(run(finding_jobs()[position]).traces)


@cache
def finding_jobs() -> tuple[Job, ...]:
    return tuple(job for name in SLICES for preset in PRESETS for job in jobs(name, preset) if job.findings)


@cache
def found(finding: str) -> Trace | None:
    """A fresh witness of a known finding; None where a search finds none."""
    (position,) = [at for at, job in enumerate(finding_jobs()) if finding in job.findings]
    return _of_job(position).get(finding)


@cache
def replayed(finding: str) -> Run:
    trace = found(finding)
    assert trace is not None, f"{finding} is gone"
    return replay(trace)


@cache
def kept(finding: str) -> Run:
    """The kept witness of a known finding, replayed."""
    return lockstep.replay(GALLERY / f"{finding.replace('/', '-')}.json")


def all_findings() -> list[str]:
    return list(FINDINGS)
