"""Runs side by side in worker processes; which worker does what never shows in the results."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from sim.errors import RunError
from sim.study.runs import ModeJob, RunResult, perform

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
        pending: set[Future[RunResult]] = {pool.submit(_perform_task, task) for task in tasks}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenProcessPool:
        raise RunError(
            "a worker process died, perhaps for lack of memory; what is finished is kept, run again to go on"
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin_worker(jobs: Sequence[ModeJob], keep_timelines: bool) -> None:
    global _jobs, _keep_timelines  # the one way to hand a pool's workers what they share
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _jobs, _keep_timelines = jobs, keep_timelines


def _perform_task(task: Task) -> RunResult:
    index, replication = task
    return perform(_jobs[index], replication, keep_timeline=_keep_timelines)
