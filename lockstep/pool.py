"""Jobs, or other tasks, run one after another here, or side by side in worker processes; the outcome is the same.

Workers ignore Ctrl-C. They learn from a shared event that it is time to stop, at their next progress report, and hand back what
they have found so far.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from queue import Empty
from types import ModuleType
from typing import Any, TypeVar

from lockstep.engines import run
from lockstep.jobs import Job, Judgement, Outcome
from properties.registry import UNDECIDED
from verify.query import INTERRUPTED, Progress

Task = TypeVar("Task")
Result = TypeVar("Result")
Report = Callable[[Progress], None]
Work = Callable[[Task, Report], Result]
Watch = Callable[[int, Progress], None]

AHEAD = 2  # tasks a worker that have been handed out at any time

_reports: Queue[Any] | None = None
_stop: Event | None = None


def _begin(reports: Queue[Any], stop: Event) -> None:
    global _reports, _stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _reports, _stop = reports, stop


def _work(work: Work[Task, Result], number: int, task: Task) -> Result | None:
    """A task's result; None if it was time to stop before it began."""
    assert _reports is not None and _stop is not None
    reports, stop = _reports, _stop

    def report(progress: Progress) -> None:
        reports.put((number, progress))
        parent = multiprocessing.parent_process()
        if stop.is_set() or (parent is not None and not parent.is_alive()):
            raise KeyboardInterrupt

    return None if stop.is_set() else work(task, report)


def stopped(job: Job) -> Outcome:
    """What is known of a job that was interrupted before it began: nothing."""
    return Outcome(job, 0, 0, 0, 0.0, INTERRUPTED, {name: Judgement(UNDECIDED, INTERRUPTED) for name in job.asked})


class CtrlC:
    """While it is entered, Ctrl-C is remembered instead of raised, so that nothing found so far is lost. A second one is raised.

    Python delivers it to the main thread only; elsewhere there is nothing to do.
    """

    def __init__(self) -> None:
        self.pressed = False
        self.before: Any = None

    def __enter__(self) -> CtrlC:
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_error: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)

    def _press(self, *_signal: object) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True


@contextmanager
def _starting_processes() -> Iterator[None]:
    """Processes started here never see Ctrl-C, from their first instruction on: a blocked signal stays blocked in them. Nor do they
    run the caller's script again, of which they need nothing; a script may call lockstep.verify at its top level."""
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_all(jobs: Sequence[Job], workers: int, watch: Watch | None = None) -> Iterator[tuple[int, Outcome]]:
    """Each job's number and outcome, as they end. Ctrl-C ends the running ones and skips the rest; nothing is raised for it."""
    left = dict(enumerate(jobs))
    for number, outcome in run_each(run, jobs, workers, watch):
        del left[number]
        yield number, outcome
    for number, job in left.items():
        yield number, stopped(job)


def run_each(work: Work[Task, Result], tasks: Sequence[Task], workers: int, watch: Watch | None = None) -> Iterator[tuple[int, Result]]:
    """Each task's number and what `work` makes of it, as they end. `work` is a function of a module, so that it can be sent; Ctrl-C is
    raised in it when it next reports, and it hands back what it has. Those not begun by then are left out; nothing is raised here."""
    with CtrlC() as ctrl_c:
        yield from (_here if min(workers, len(tasks)) <= 1 else partial(_side_by_side, workers))(work, tasks, watch, ctrl_c)


def _side_by_side(workers: int, work: Work[Task, Result], tasks: Sequence[Task], watch: Watch | None,
                  ctrl_c: CtrlC) -> Iterator[tuple[int, Result]]:
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload(["lockstep.engines.search"])
    reports, stop = context.Queue(), context.Event()  # these start multiprocessing's resource tracker, which unblocks Ctrl-C
    workers, todo = min(workers, len(tasks)), deque(enumerate(tasks))
    pool = ProcessPoolExecutor(workers, context, _begin, (reports, stop))
    running: dict[Future[Result | None], int] = {}
    try:
        while running or (todo and not ctrl_c.pressed):
            with _starting_processes():
                while todo and len(running) < AHEAD * workers and not ctrl_c.pressed:
                    number, task = todo.popleft()
                    running[pool.submit(_work, work, number, task)] = number
            done, _ = wait(running, timeout=0.1, return_when=FIRST_COMPLETED)
            _drain(reports, watch)
            if ctrl_c.pressed:
                stop.set()
            for future in done:
                number, result = running.pop(future), future.result()
                if result is not None:
                    yield number, result
    finally:
        stop.set()
        pool.shutdown()


def _here(work: Work[Task, Result], tasks: Sequence[Task], watch: Watch | None, ctrl_c: CtrlC) -> Iterator[tuple[int, Result]]:
    def report(number: int, progress: Progress) -> None:
        if watch is not None:
            watch(number, progress)
        if ctrl_c.pressed:
            raise KeyboardInterrupt

    for number, task in enumerate(tasks):
        if ctrl_c.pressed:
            return
        yield number, work(task, partial(report, number))


def _drain(reports: Queue[Any], watch: Watch | None) -> None:
    while True:
        try:
            number, progress = reports.get_nowait()
        except Empty:
            return
        if watch is not None:
            watch(number, progress)
