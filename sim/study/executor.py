"""Runs side by side in worker processes; which worker does what never shows in the results."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker

from sim.errors import RunError
from sim.study.runs import ModeJob, RunResult, perform

PATIENCE = 0.2
"""Seconds until Ctrl-C is heard."""

Task = tuple[int, int]
"""Index of the mode's job, replication."""

_jobs: Sequence[ModeJob] = ()
_keep_timelines = False


def available_workers() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def perform_all(
    jobs: Sequence[ModeJob], tasks: Sequence[Task], *, workers: int, keep_timelines: bool = False
) -> Iterator[RunResult]:
    """Perform runs and yield each when it is finished, in whatever order.

    Raises:
        RunError: If a run fails or a worker dies.
    """
    if workers <= 1 or len(tasks) <= 1:
        for index, replication in tasks:
            yield perform(jobs[index], replication, keep_timeline=keep_timelines)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(tasks)), context, _begin_worker, (tuple(jobs), keep_timelines))
    try:
        with _interrupts_noted() as interrupted:
            with _interrupts_held():
                pending: set[Future[RunResult]] = {pool.submit(_perform_task, task) for task in tasks}
            while pending and not interrupted:
                done, pending = wait(pending, timeout=PATIENCE, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
            if interrupted:
                raise KeyboardInterrupt
    except BrokenProcessPool:
        raise RunError(
            "a worker process died, perhaps for lack of memory; what is finished is kept, run again to go on"
        ) from None
    finally:
        # Runs in progress end by themselves: a worker stopped while it hands over a result would leave half of it in
        # the pipe, and the reading end would wait for the other half for ever.
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let workers that are started meanwhile inherit that Ctrl-C is not for them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # its start would let signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupts_noted() -> Iterator[list[int]]:
    """Note Ctrl-C instead of raising it anywhere, so that it never breaks into a half-written result.

    Yields:
        A list that is no longer empty when Ctrl-C was pressed.
    """
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = signal.signal(signal.SIGINT, lambda number, _: noted.append(number))
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def _begin_worker(jobs: Sequence[ModeJob], keep_timelines: bool) -> None:
    global _jobs, _keep_timelines  # the one way to hand a pool's workers what they share
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _jobs, _keep_timelines = jobs, keep_timelines


def _end_with_parent() -> None:
    """Leave no worker behind whose main process was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _perform_task(task: Task) -> RunResult:
    index, replication = task
    return perform(_jobs[index], replication, keep_timeline=_keep_timelines)
