"""A study's folder: held by one process, written whole or not at all."""

import errno
import json
import os
import subprocess
import sys

import pytest

from mpc.explicit.storage import write_whole
from studies.errors import StudyError
from studies.folder import StudyFolder


def test_second_holder_is_refused_at_once_and_told_who_holds_it(tmp_path):
    with StudyFolder(tmp_path / "run"):
        second = "import sys; from studies.folder import StudyFolder\nwith StudyFolder(sys.argv[1]): pass"
        done = subprocess.run(
            [sys.executable, "-c", second, str(tmp_path / "run")], capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert f"process {os.getpid()} on " in done.stderr
    assert "--out" in done.stderr


def test_folder_is_free_again_after_its_holder_is_done_or_failed(tmp_path):
    with pytest.raises(RuntimeError, match="on purpose"), StudyFolder(tmp_path):
        raise RuntimeError("on purpose")
    with StudyFolder(tmp_path) as folder:
        folder.write_json("a.json", {"x": 1})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}


def test_a_file_in_place_of_the_folder_is_refused_before_any_work(tmp_path):
    path = tmp_path / "taken"
    path.write_text("mine")
    with pytest.raises(StudyError, match="is, or is below, a file"), StudyFolder(path):
        pass
    assert path.read_text() == "mine"


def test_failed_write_keeps_the_old_file_and_leaves_no_rest(tmp_path):
    with StudyFolder(tmp_path) as folder:
        folder.write_json("a.json", {"x": 1})
        with pytest.raises(ValueError, match="JSON"):
            folder.write_json("a.json", {"x": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "a.json"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told_in_bytes_and_the_old_file_stays(tmp_path, monkeypatch, number):
    def full(handle):
        raise OSError(number, os.strerror(number))

    with StudyFolder(tmp_path) as folder:
        folder.write_json("a.json", {"x": 1})
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"\(12 bytes are needed, [\d,]+ are free\); make room") as caught:
            folder.write_json("a.json", {"y": 2})
    assert caught.value.errno == number
    assert caught.value.filename == str(tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "a.json"]


def test_other_failures_of_writing_keep_their_kind_and_name_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.json") as caught:
        write_whole(tmp_path / "nowhere" / "a.json", b"1")
    assert caught.value.errno == errno.ENOENT
    (tmp_path / "b.json").mkdir()
    with pytest.raises(IsADirectoryError, match=r"b\.json"):
        write_whole(tmp_path / "b.json", b"1")


def test_files_written_together_take_their_places_all_or_none(tmp_path):
    with StudyFolder(tmp_path) as folder:
        for name in ("a", "b"):
            folder.file(name).write_text("old")
        with pytest.raises(FileNotFoundError), folder.together() as new:
            (new / "a").write_text("new") and (new / "nowhere" / "b").write_text("new")
        assert [folder.file(name).read_text() for name in ("a", "b")] == ["old", "old"]
        with folder.together() as new:
            for name in ("a", "b"):
                (new / name).write_text("new")
        assert [folder.file(name).read_text() for name in ("a", "b")] == ["new", "new"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "a", "b"]


def test_lock_error_is_a_study_error(tmp_path):
    with StudyFolder(tmp_path), pytest.raises(StudyError, match="is in use by"), StudyFolder(tmp_path):
        pass
