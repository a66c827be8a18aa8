"""Performs the runs of a study one by one, in worker processes, or on a cluster; where never shows in the results."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from sim.study.cluster import perform_on
from sim.study.runs import ModeJob, RunResult, Task, perform
from sim.study.workers import in_workers, interrupts_noted

if TYPE_CHECKING:
    from distributed import Client

_ENDING = "Runs in progress end and are kept; Ctrl-C again does not wait for them."
_GIVEN_UP = "Runs that the cluster has finished are kept, those in progress are given up."


def perform_all(
    jobs: Sequence[ModeJob],
    tasks: Sequence[Task],
    *,
    workers: int,
    keep_timelines: bool = False,
    cluster: Client | None = None,
) -> Generator[RunResult]:
    """Perform runs and yield each when it is finished, in whatever order.

    After Ctrl-C no run begins, and those in progress end and are yielded before KeyboardInterrupt is raised. A second
    Ctrl-C raises it at once. On a cluster those in progress are given up, because they may have begun there or not.

    Args:
        jobs: The modes.
        tasks: Which runs of them.
        workers: Processes on this machine.
        keep_timelines: Whether to keep every visit.
        cluster: Connection to a cluster that does the work instead.

    Raises:
        RunError: If a run fails or a worker dies.
    """
    with interrupts_noted(_ENDING if cluster is None else _GIVEN_UP) as interrupted:
        if cluster is not None:
            yield from perform_on(cluster, jobs, tasks, keep_timelines=keep_timelines, interrupted=interrupted)
        elif workers <= 1 or len(tasks) <= 1:
            for index, replication in tasks:
                if not interrupted:
                    yield perform(jobs[index], replication, keep_timeline=keep_timelines)
        else:
            yield from in_workers(_perform_task, (tuple(jobs), keep_timelines), tasks, workers, interrupted)
        if interrupted:
            raise KeyboardInterrupt


def _perform_task(shared: tuple[Sequence[ModeJob], bool], task: Task) -> RunResult:
    (jobs, keep_timelines), (index, replication) = shared, task
    return perform(jobs[index], replication, keep_timeline=keep_timelines)
