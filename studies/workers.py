"""Blocks of a study in processes of their own, one thread each; the results do not depend on how many there are."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing.queues import SimpleQueue
from typing import Any

import torch

from rl import Progress

Reader = Callable[[str, range, Progress], None]
"""Called with the method, the block's seeds and the progress after every episode."""

Task = tuple[Any, ...]
_messages: "SimpleQueue[tuple[str, range, Progress]]"


def run_tasks(
    work: Callable[..., Any], tasks: Sequence[Task], workers: int, reader: Reader | None
) -> Iterator[tuple[int, Any]]:
    """Yield (index, work(*task, reader)) for every task as it is done, on up to `workers` processes.

    One worker is this process itself. `work` must be a module's function, and its arguments must pickle. What a
    task raises is raised here; tasks that have not begun are dropped then.
    """
    if workers == 1 or len(tasks) <= 1:
        for index, task in enumerate(tasks):
            yield index, work(*task, reader)
        return
    context = multiprocessing.get_context("spawn")
    messages = context.SimpleQueue()
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(min(workers, len(tasks)), context, _begin, (messages,))
    try:
        with _interrupts_held():
            futures = {pool.submit(_perform, work, task): index for index, task in enumerate(tasks)}
        yield from _finished(futures, messages, reader)
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let processes begun within inherit deaf ears: Ctrl-C reaches the whole group, but the parent ends its workers.

    What arrives meanwhile is not lost: it is answered at the end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _finished(
    futures: dict[Future[Any], int], messages: "SimpleQueue[Any]", reader: Reader | None
) -> Iterator[tuple[int, Any]]:
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=0.1, return_when=FIRST_COMPLETED)
        while not messages.empty():
            message = messages.get()
            if reader is not None:
                reader(*message)
        for future in done:
            yield futures[future], future.result()


def _begin(messages: "SimpleQueue[Any]") -> None:
    global _messages  # noqa: PLW0603 - a pool gives its workers a queue in no other way
    _messages = messages
    torch.set_num_threads(1)


def _perform(work: Callable[..., Any], task: Task) -> Any:
    return work(*task, lambda method, seeds, progress: _messages.put((method, seeds, progress)))
