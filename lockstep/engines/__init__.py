"""The engines behind one door: each judges a job with what it can establish, and nothing stronger."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from lockstep.jobs import Job, Outcome
from verify.query import Progress

ENGINES = ("search", "bmc", "induction", "walk")


def run(job: Job, progress: Callable[[Progress], None] | None = None) -> Outcome:
    """Judge and replay. Raises UsageError, ModelError, EngineDisagreement."""
    judge: Callable[[Job, Callable[[Progress], None] | None], Outcome] = import_module(f"lockstep.engines.{job.engine}").judge
    return judge(job, progress)
