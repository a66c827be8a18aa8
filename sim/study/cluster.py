"""Runs on a Dask cluster, for studies that are too large for one machine; which worker does what never shows.

The scheduler keeps what was asked for and gives it to another worker when one dies. A run is a function of its job and
its replication, so a run that is repeated gives the same result.
"""

from __future__ import annotations

import pickle
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING, Any

from sim import __version__
from sim.engine import engines
from sim.errors import InputError, Problem, RunError, input_error
from sim.study.runs import ModeJob, RunResult, Task, perform, program_fingerprint
from sim.study.workers import PATIENCE

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT = 10
"""Seconds in which a scheduler must answer."""
JOIN = 30
"""Seconds in which the first worker must have joined."""
AHEAD = 2
"""Runs in the hands of the cluster for each of its threads; the others wait here, so results never pile up there."""

_SCHEDULER = "the scheduler"
_LOST = "the cluster's scheduler no longer answers; what is finished is kept, run again to go on"
_KILLED = (
    "a run was given up, because one worker after the other died of it, perhaps for lack of memory; "
    "what is finished is kept, run again to go on"
)


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """Connect to a cluster of which every member has this program.

    Args:
        address: That of the scheduler, such as "tcp://127.0.0.1:8786".

    Raises:
        InputError: If there is no such cluster, it has no worker, or a member of it would give other results.
    """
    try:
        from distributed import Client
    except ImportError:
        raise input_error("needs Dask; pip install 'smartport[cluster]' adds it", "cluster") from None
    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        said = f"no Dask scheduler answers at {address} ({_line(error)})"
        raise input_error(f"{said}; start one with `dask scheduler`, it prints its address", "cluster") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=JOIN)
        except TimeoutError:
            raise input_error(
                f"no worker has joined {address}; start some with `dask worker {address}`", "cluster"
            ) from None
        workers = client.run(program, on_error="return")
        _refuse_others({_SCHEDULER: _scheduler(client)} | {_worker(address): said for address, said in workers.items()})
        yield client


def _scheduler(client: Client) -> object:
    """What the scheduler says it is; it reads what is asked of it, and so must know the program too."""
    try:
        return client.run_on_scheduler(program)
    except Exception as error:  # noqa: BLE001  # whatever goes wrong there comes back as it was
        return error


def _worker(address: str) -> str:
    return f"the worker {address}"


def perform_on(
    client: Client, jobs: Sequence[ModeJob], tasks: Iterable[Task], *, keep_timelines: bool, interrupted: Sequence[int]
) -> Generator[RunResult]:
    """Perform runs on a cluster and yield each when it is finished, in whatever order.

    After Ctrl-C those that are finished are yielded and the rest is given up.

    Raises:
        InputError: If a worker that joined later would give other results.
        RunError: If a run fails, or the cluster is lost.
    """
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    expected = program()
    waiting = iter(tasks)
    pending: set[Future[RunResult]] = set()
    try:
        # As bytes, so that the scheduler need not know what they mean. Workers get them from each other.
        sent = [client.submit(pickle.loads, pickle.dumps(job), pure=False) for job in jobs]

        def ask() -> None:
            room = AHEAD * max(1, sum(client.nthreads().values())) - len(pending)
            for index, replication in islice(waiting, max(0, room)):
                one = client.submit(_perform, sent[index], replication, keep_timelines, expected, pure=False)
                pending.add(one)

        ask()
        while pending and not interrupted:
            done = _finished(client, pending)
            pending -= done
            ask()
            while done:
                yield done.pop().result()
        for future in [future for future in pending if future.status == "finished"]:
            yield future.result()
    except KilledWorker:
        raise RunError(_KILLED) from None
    except (CancelledError, CommClosedError):
        raise RunError(_LOST) from None


def _finished(client: Client, pending: set[Future[RunResult]]) -> set[Future[RunResult]]:
    from distributed import wait

    try:
        with client.as_current():
            return set(wait(pending, timeout=PATIENCE, return_when="FIRST_COMPLETED").done)
    except TimeoutError:
        return set()


def _perform(job: ModeJob, replication: int, keep_timeline: bool, expected: Mapping[str, str]) -> RunResult:
    from distributed import get_worker

    _refuse_others({_worker(get_worker().address): program()}, expected)
    engines.prepare(engines.choose(job.engine))
    return perform(job, replication, keep_timeline=keep_timeline)


def program() -> dict[str, str]:
    """What results follow from besides their inputs."""
    own = f"{__version__} ({program_fingerprint()[:12]})"
    return {"smartport": own, **{package: version(package) for package in ("numpy", "scipy")}}


def _refuse_others(found: Mapping[str, Any], expected: Mapping[str, str] | None = None) -> None:
    """Refuse members of a cluster that would give other results, or none."""
    wanted = program() if expected is None else expected
    problems = []
    for member, said in sorted(found.items()):
        if isinstance(said, Exception):
            reason = f"cannot run smartport ({_line(said)})"
        elif differing := [name for name in wanted if said.get(name) != wanted[name]]:
            reason = "has " + ", ".join(f"{name} {said.get(name)} instead of {wanted[name]}" for name in differing)
        else:
            continue
        problems.append(Problem(None, "cluster", f"{member} {reason}; install the same there as here"))
    if problems:
        raise InputError(problems)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
