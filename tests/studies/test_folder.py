"""A study's folder: held by one process, written whole or not at all."""

import json
import os
import subprocess
import sys

import pytest

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
    with pytest.raises(FileExistsError), StudyFolder(path):
        pass
    assert path.read_text() == "mine"


def test_failed_write_keeps_the_old_file_and_leaves_no_rest(tmp_path):
    with StudyFolder(tmp_path) as folder:
        folder.write_json("a.json", {"x": 1})
        with pytest.raises(ValueError, match="JSON"):
            folder.write_json("a.json", {"x": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "a.json"]


def test_lock_error_is_a_study_error(tmp_path):
    with StudyFolder(tmp_path), pytest.raises(StudyError, match="is in use by"), StudyFolder(tmp_path):
        pass
