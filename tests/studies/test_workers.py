"""Blocks in processes of their own: same results, errors that arrive, nothing left running."""

import multiprocessing
import signal
import threading
from dataclasses import replace

import pytest

from rl import DDPGSettings, Diverged
from studies.folder import StudyFolder
from studies.pendulum import PendulumStudy
from studies.runner import run_study
from studies.workers import _interrupts_held, run_tasks

pytestmark = pytest.mark.slow
SMALL = PendulumStudy(seeds=2, episodes=1, steps=70, block=1)


def squares(number, reader):
    del reader
    if number == 3:
        raise ValueError("three is refused")
    return number**2


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_is_done_once(workers):
    assert sorted(run_tasks(squares, [(1,), (2,), (4,)], workers, None)) == [(0, 1), (1, 4), (2, 16)]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_task_raises_arrives_and_no_process_stays(workers):
    with pytest.raises(ValueError, match="three is refused"):
        list(run_tasks(squares, [(3,), (1,)], workers, None))
    assert not multiprocessing.active_children()


def test_two_workers_give_the_same_bytes_as_one(tmp_path):
    seen = []
    for workers in (1, 2):
        with StudyFolder(tmp_path / str(workers)) as folder:
            run_study(SMALL, folder, "", lambda m, s, p: seen.append((m, s[0], p.episode)), workers)
    for name in ("result.json", "result.npz", "law.npz"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name
    half = len(seen) // 2
    assert sorted(seen[:half]) == sorted(seen[half:]), "progress of every block arrives from other processes too"


def test_divergence_in_another_process_is_told_in_words(tmp_path):
    wild = replace(SMALL, yann=DDPGSettings(actor_learning_rate=1e3))
    with StudyFolder(tmp_path) as folder, pytest.raises(Diverged, match=r"actor of seed .* lower its learning rate"):
        run_study(wild, folder, "", None, 2)


def interrupted(begun):
    with _interrupts_held():
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        begun.append("all")


def test_an_interrupt_while_processes_begin_is_answered_afterwards():
    begun = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell runs us in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted(begun)
    finally:
        signal.signal(signal.SIGINT, before)
    assert begun == ["all"]
