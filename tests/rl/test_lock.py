"""The lock of a folder: one holder, and nothing but a file of its own is ever written."""

import os

import pytest

from rl import CheckpointError, Checkpoints, TrainingError
from rl.checkpoint import kept_in
from rl.lock import held
from studies.errors import StudyError
from studies.folder import StudyFolder

WORDS = r"\.lock is no regular file, but the lock of its folder must be one; remove it, or pass another folder"


class Taken(Exception):
    pass


def test_it_is_held_by_one_and_free_afterwards(tmp_path):
    with held(tmp_path, Taken, "pass another"):
        assert (tmp_path / ".lock").read_text().startswith(f"process {os.getpid()} on ")
        with (
            pytest.raises(
                Taken, match=rf"in use by process {os.getpid()} on .*; wait for it, stop it, or pass another"
            ),
            held(tmp_path, Taken, "pass another"),
        ):
            pass
    with held(tmp_path, Taken, "pass another"):
        pass


def link(lock, victim):
    lock.symlink_to(victim)


def hard_link(lock, victim):
    lock.hardlink_to(victim)


def dangling(lock, victim):
    lock.symlink_to(victim.with_name("not there"))


def folder(lock, victim):
    del victim
    lock.mkdir()


def pipe(lock, victim):
    del victim
    os.mkfifo(lock)


@pytest.mark.parametrize("made", [link, hard_link, dangling, folder, pipe])
def test_what_is_no_file_of_its_own_is_refused_and_never_written(tmp_path, made):
    victim = tmp_path / "victim"
    victim.write_text("kept")
    place = tmp_path / "place"
    place.mkdir()
    made(place / ".lock", victim)
    with pytest.raises(Taken, match=WORDS), held(place, Taken, ""):
        pass
    with pytest.raises(CheckpointError, match=WORDS), kept_in(Checkpoints(place), {}):
        pass
    with pytest.raises(StudyError, match=WORDS), StudyFolder(place):
        pass
    assert victim.read_text() == "kept"
    assert not (tmp_path / "not there").exists()


@pytest.mark.parametrize("name", ["", "  ", "a\0b"])
def test_a_folder_without_a_name(name):
    with pytest.raises(TrainingError, match=r"`folder` of Checkpoints is .*, which names none; pass the path"):
        Checkpoints(name)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/null/below"])
def test_a_study_in_a_file(path):
    with pytest.raises(StudyError, match=f"{path} is, or is below, a file; pass the path of a folder with --out"):
        StudyFolder(path).__enter__()
