"""Files: what comes back is what was written, and nothing half written stays."""

import errno
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from mpc import FileFormatError, PiecewiseAffineLaw, solve_explicit
from mpc.explicit.storage import read_archive, write_archive


def test_a_law_comes_back_as_it_was(law, path):
    again = PiecewiseAffineLaw.load(path)
    assert again.digest == law.digest
    points = np.linspace(-2, 2, 101)[:, None]
    assert (again(points) == law(points)).all()
    assert str(again.explain([1.5])) == str(law.explain([1.5]))
    assert again.input_bounds is None
    assert [r.active for r in again.regions] == [r.active for r in law.regions]


def test_names_units_and_bounds_come_back(pendulum_problem, tmp_path):
    law = solve_explicit(pendulum_problem())
    law.save(str(tmp_path / "law.npz"))
    again = PiecewiseAffineLaw.load(str(tmp_path / "law.npz"))
    assert again.digest == law.digest
    assert (again.input_names, again.parameter_units) == (("torque",), ("rad", "rad/s"))
    assert np.array(again.input_bounds).tolist() == [[-2], [2]]
    assert np.array(again.parameter_bounds).tolist() == [[-2, -8], [2, 8]]


def test_same_law_same_bytes(law, path, tmp_path, small_law):
    small_law().save(tmp_path / "other.npz")
    assert (tmp_path / "other.npz").read_bytes() == path.read_bytes()


def test_missing_file_folder_and_permission_pass_as_they_are(tmp_path, path, small_law):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        PiecewiseAffineLaw.load(tmp_path / "nowhere.npz")
    with pytest.raises(IsADirectoryError):
        PiecewiseAffineLaw.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder"):
        small_law().save(tmp_path / "no folder" / "law.npz")
    with pytest.raises(IsADirectoryError):
        small_law().save(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["law.npz"]


def test_no_permission_to_read(path, monkeypatch):
    def denied(*arguments, **settings):
        raise PermissionError(errno.EACCES, "denied", str(path))

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(PermissionError):
        PiecewiseAffineLaw.load(path)


@pytest.mark.parametrize("failing", ["fsync", "fdopen"])
def test_a_failed_write_keeps_the_old_file(law, path, tmp_path, monkeypatch, failing):
    before = path.read_bytes()

    def no_space(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(os, failing, no_space)
    with pytest.raises(OSError, match="No space left"):
        law.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["law.npz"]


def test_a_full_disk_keeps_the_old_file(law, path, tmp_path, monkeypatch):
    """A real write error, in the middle of the file."""
    before, real = path.read_bytes(), os.fdopen

    def small_disk(handle, mode):
        file = real(handle, mode, buffering=0)
        written = file.write

        class Disk:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                file.close()

            def write(self, content):
                written(content[:100])
                raise OSError(errno.ENOSPC, "No space left on device")

        return Disk()

    monkeypatch.setattr(os, "fdopen", small_disk)
    with pytest.raises(OSError, match="No space left"):
        law.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["law.npz"]


def test_saving_over_a_link_leaves_what_it_points_to(law, path, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    link = tmp_path / "link.npz"
    link.symlink_to(precious)
    law.save(link)
    assert precious.read_text() == "keep me"
    assert PiecewiseAffineLaw.load(link).digest == law.digest


def test_others_may_read_a_law(law, path):
    assert stat.S_IMODE(path.stat().st_mode) & stat.S_IRGRP


def test_archives_hold_any_kind_of_record(tmp_path):
    file = tmp_path / "record.npz"
    write_archive(file, "notes", {"a": [1, "b"]}, {"x": np.arange(3), "y": np.zeros((0, 2)), "z": np.array(0.5)})
    data, arrays = read_archive(file, "notes")
    assert data == {"a": [1, "b"]}
    assert arrays["x"].tolist() == [0, 1, 2]
    assert arrays["y"].shape == (0, 2)
    assert arrays["z"].shape == ()
    assert not arrays["x"].flags.writeable
    with pytest.raises(FileFormatError, match="holds a 'notes', but a 'law' was expected"):
        PiecewiseAffineLaw.load(file)
