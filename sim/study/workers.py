"""Worker processes of this machine, and how Ctrl-C reaches them; which worker does what never shows in the results."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.sharedctypes import RawArray, RawValue
from typing import Any, NamedTuple, TypeVar

from sim.errors import RunError

PATIENCE = 0.2
"""Seconds until Ctrl-C is heard, or the death of a worker in the middle of its result."""

_DIED = "a worker process died, perhaps for lack of memory; what is finished is kept, run again to go on"
_UNGUARDED = (
    "no worker process could begin: a script that runs with workers > 1 must stand in a file, and make the call below "
    '`if __name__ == "__main__":`; mend the script, or use workers=1'
)

Shared = TypeVar("Shared")
What = TypeVar("What")
Result = TypeVar("Result")

_work: Callable[[Any], Any]
_signs: _Signs


class _Signs(NamedTuple):
    """What the main process and its workers tell each other, in shared memory and without a lock that could be lost."""

    begun: Any
    """A worker has begun."""
    stop: Any
    """Nothing further is to begin."""


def available_workers() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_workers(
    call: Callable[[Shared, What], Result],
    shared: Shared,
    tasks: Sequence[What],
    workers: int,
    interrupted: Sequence[int] = (),
) -> Generator[Result]:
    """Call a function for each task in worker processes and yield what it returns, in whatever order.

    Args:
        call: A function of a module, which workers import.
        shared: Its first argument, handed to each worker once.
        tasks: Its second argument.
        workers: Processes, no more than there are tasks.
        interrupted: Where it is noted that no further task is to begin; those in progress are yielded still.

    Raises:
        RunError: If a worker dies.
    """
    signs = _Signs(RawValue(ctypes.c_bool, False), RawValue(ctypes.c_bool, False))
    context = multiprocessing.get_context("spawn")
    # A worker reads its arguments from a pipe. If it dies before, the main process waits for ever, unless all of them
    # fit into the pipe; so what may be large goes another way.
    said = pickle.dumps((call, shared))
    memory = RawArray(ctypes.c_char, len(said))
    memory.raw = said
    pool = ProcessPoolExecutor(min(workers, len(tasks)), context, _begin_worker, (memory, signs))
    try:
        with _interrupts_held():
            pending: set[Future[Result | None]] = {pool.submit(_do, task) for task in tasks}
        while pending:
            done, pending = wait(pending, timeout=PATIENCE, return_when=FIRST_COMPLETED)
            if interrupted and not signs.stop.value:
                signs.stop.value = True  # the pool hands out tasks ahead, and does not call those back
                pending = {future for future in pending if not future.cancel()}
            if not done:
                _notice_the_dead(pool)
            for future in done:
                result = future.result()
                if result is not None:
                    yield result
    except BrokenProcessPool:
        raise RunError(_DIED if signs.begun.value else _UNGUARDED) from None
    finally:
        # Runs in progress end by themselves: a worker stopped while it hands over a result would leave half of it in
        # the pipe, and the reading end would wait for the other half for ever.
        signs.stop.value = True
        pool.shutdown(wait=False, cancel_futures=True)


def _notice_the_dead(pool: ProcessPoolExecutor) -> None:
    """Let a pool notice that a worker has died where it cannot notice by itself.

    A worker that is killed while it hands over a result leaves half of it in the pipe. The pool reads on for ever then,
    because it has the writing end of that pipe open too. Neither the pipe nor the workers are documented; a test holds
    that they are what we take them for.
    """
    workers = list((pool._processes or {}).values())  # noqa: SLF001
    if any(worker.exitcode is not None for worker in workers):
        for worker in workers:
            worker.kill()
        pool._result_queue._writer.close()  # type: ignore[attr-defined]  # noqa: SLF001


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
def interrupts_noted(answer: str) -> Iterator[list[int]]:
    """Note Ctrl-C instead of raising it anywhere, so that it never breaks into a half-written result.

    Args:
        answer: What is said to the first.

    Yields:
        A list that is no longer empty when Ctrl-C was pressed.
    """
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(number: int, _: object) -> None:
        noted.append(number)
        if len(noted) > 1:
            raise KeyboardInterrupt
        sys.stderr.write(f"\n{answer}\n")

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def _begin_worker(memory: ctypes.Array[ctypes.c_char], signs: _Signs) -> None:
    global _work, _signs  # the one way to hand a pool's workers what they share
    signs.begun.value = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _work, _signs = partial(*pickle.loads(memory.raw)), signs  # noqa: S301  # from our main process


def _end_with_parent() -> None:
    """Leave no worker behind whose main process was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(task: Any) -> Any:
    return None if _signs.stop.value else _work(task)
