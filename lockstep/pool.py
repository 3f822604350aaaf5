"""Jobs run one after another here, or side by side in worker processes; the outcome is the same.

Workers ignore Ctrl-C. They learn from a shared event that it is time to stop, at their next progress report, and hand back what
they have found so far.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from queue import Empty
from typing import Any

from lockstep.jobs import Job, Outcome, run
from verify.search import Progress

Watch = Callable[[int, Progress], None]

_reports: Queue[Any] | None = None
_stop: Event | None = None


def _begin(reports: Queue[Any], stop: Event) -> None:
    global _reports, _stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _reports, _stop = reports, stop


def _work(number: int, job: Job) -> Outcome:
    def report(progress: Progress) -> None:
        assert _reports is not None and _stop is not None
        _reports.put((number, progress))
        parent = multiprocessing.parent_process()
        if _stop.is_set() or (parent is not None and not parent.is_alive()):
            raise KeyboardInterrupt

    assert _stop is not None
    if _stop.is_set():
        return stopped(job)
    return run(job, report)


def stopped(job: Job) -> Outcome:
    """What is known of a job that was interrupted before it began: nothing."""
    return Outcome(job, 0, 0, 0, 0.0, False, "interrupted", {}, frozenset(), frozenset(), 0)


def run_all(jobs: Sequence[Job], workers: int, watch: Watch | None = None) -> Iterator[tuple[int, Outcome]]:
    """Each job's number and outcome, as they end. Ctrl-C ends the running ones and skips the rest; nothing is raised for it."""
    if workers == 1 or len(jobs) == 1:
        yield from _here(jobs, watch)
        return
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload(["lockstep.jobs"])
    reports, stop = context.Queue(), context.Event()
    with ProcessPoolExecutor(min(workers, len(jobs)), context, _begin, (reports, stop)) as pool:
        running: dict[Future[Outcome], int] = {pool.submit(_work, number, job): number for number, job in enumerate(jobs)}
        while running:
            try:
                done, _ = wait(running, timeout=0.1, return_when=FIRST_COMPLETED)
                _drain(reports, watch)
            except KeyboardInterrupt:
                stop.set()
                continue
            for future in done:
                yield running.pop(future), future.result()


def _here(jobs: Sequence[Job], watch: Watch | None) -> Iterator[tuple[int, Outcome]]:
    interrupted = False
    for number, job in enumerate(jobs):
        if interrupted:
            yield number, stopped(job)
            continue
        try:
            outcome = run(job, None if watch is None else partial(watch, number))
        except KeyboardInterrupt:
            outcome = stopped(job)
        interrupted = outcome.why == "interrupted"
        yield number, outcome


def _drain(reports: Queue[Any], watch: Watch | None) -> None:
    while True:
        try:
            number, progress = reports.get_nowait()
        except Empty:
            return
        if watch is not None:
            watch(number, progress)
