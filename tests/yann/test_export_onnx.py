"""Exported ONNX models, run by onnxruntime: on facets, vertices and outside, damaged, and asked for nonsense."""

import json
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from mpc.explicit.errors import FileFormatError
from yann import AsPrinted, Continuous, NetworkError, PerMove, PerRegion, Shared, TrainableLaw, YannActor, export_onnx
from yann.probes import probe

MODULE = sys.modules["yann.export_onnx"]

POLICIES = [
    (PerRegion(8), None),
    (PerRegion(8), 0.5),
    (Shared(8), 0.5),
    (AsPrinted(8), None),
    (PerMove(8), 0.5),
    (TrainableLaw(PerRegion(8)), None),
    (Continuous(PerMove(8)), None),
]


def run(path, points):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["u", "region", "valid"], {"x": points})


def hard_points(law):
    return np.concatenate([p[:3000] for p in probe(law, 500, np.random.default_rng(0)).points.values()])


def difference(law, path, actor):
    """The largest difference of inputs over their range, and the numbers of other regions and flags."""
    points = hard_points(law)
    u, region, valid = run(path, points)
    wanted, home, inside = actor.evaluate(points)
    assert 0.1 < inside.mean() < 0.95
    assert (u.dtype, region.dtype, valid.dtype) == (np.float64, np.int64, np.bool_)
    assert u.shape == wanted.shape
    lower, upper = law.input_bounds
    error = float((np.abs(u - wanted) / (upper - lower)).max())
    return error, int((region != home).sum()), int((valid != inside).sum())


@pytest.mark.parametrize(("residual", "bound"), POLICIES, ids=repr)
def test_a_trained_actor_is_the_same_everywhere(law, residual, bound, shake, tmp_path):
    actor = shake(YannActor.from_law(law, residual=residual, bound=bound))
    export_onnx(actor, tmp_path / "policy.onnx")
    error, moved, misflagged = difference(law, tmp_path / "policy.onnx", actor)
    assert error <= 1e-12
    assert (moved, misflagged) == (0, 0)


def test_a_law_is_the_actor_at_birth(law, tmp_path):
    export_onnx(law, tmp_path / "law.onnx")
    error, moved, misflagged = difference(law, tmp_path / "law.onnx", YannActor.from_law(law))
    assert error <= 1e-12
    assert (moved, misflagged) == (0, 0)


def test_the_residual_and_its_bound_are_in_it(pendulum, shake, tmp_path):
    points = hard_points(pendulum)
    born = YannActor.from_law(pendulum, bound=1e-3)
    shaken = shake(born.replicate([0]), 5.0)
    export_onnx(shaken, tmp_path / "policy.onnx")
    change = np.abs(run(tmp_path / "policy.onnx", points)[0] - born(points))
    assert 0.9e-3 < change.max() <= 1e-3 + 1e-12


def test_every_damaged_table_is_seen(pendulum, tmp_path):
    export_onnx(pendulum, tmp_path / "law.onnx")
    actor, sound = YannActor.from_law(pendulum), onnx.load(tmp_path / "law.onnx")
    arrays = {t.name: (i, numpy_helper.to_array(t)) for i, t in enumerate(sound.graph.initializer)}
    tables = {name: entry for name, entry in arrays.items() if entry[1].dtype == np.float64 and entry[1].size > 1}
    assert sum(values.size for _, values in tables.values()) == 3 * len(pendulum.halfspaces[1]) + 3 * 7
    for name, (number, values) in tables.items():
        damaged, model = values.copy(), onnx.ModelProto()
        damaged.flat[0] -= 1e-2 * max(1.0, abs(damaged.flat[0]))
        model.CopyFrom(sound)
        model.graph.initializer[number].CopyFrom(numpy_helper.from_array(damaged, name))
        onnx.save(model, tmp_path / "damaged.onnx")
        error, moved, misflagged = difference(pendulum, tmp_path / "damaged.onnx", actor)
        assert error > 1e-12 or moved or misflagged, name


def test_states_that_are_not_finite_get_a_flag_and_an_admissible_input(laws, tmp_path):
    law = laws["far"]
    export_onnx(law, tmp_path / "law.onnx")
    points = np.tile(law.centre, (8, 1))
    points[1:, 0] = np.nan, np.inf, -np.inf, 1e308, -1e308, 1e308, -1e308
    points[6:, 1] = 1e308
    u, region, valid = run(tmp_path / "law.onnx", points)
    assert valid.tolist() == [True] + [False] * 7
    assert (region[1:4] == -1).all()
    assert ((region[4:] >= 0) & (region[4:] < len(law.regions))).all()
    assert (u[1:4] == np.clip(0, *law.input_bounds)).all()
    assert ((u >= law.input_bounds[0]) & (u <= law.input_bounds[1])).all()
    wanted, home, _ = YannActor.from_law(law).evaluate(points[4:])
    assert np.array_equal(u[4:], wanted)
    assert np.array_equal(region[4:], home)
    assert [part.shape for part in run(tmp_path / "law.onnx", points[:0])] == [(0, 1), (0,), (0,)]


def test_the_model_says_what_it_is(pendulum, shake, tmp_path):
    actor = shake(YannActor.from_law(pendulum, residual=Shared(8)))
    done = export_onnx(actor, str(tmp_path / "policy.onnx"))
    model = onnx.load(done.path)
    notes = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(notes["state_names"]) == ["angle", "rate"]
    assert json.loads(notes["input_names"]) == ["torque"]
    assert json.loads(notes["input_bounds"]) == [[-2], [2]]
    assert json.loads(notes["state_units"]) == list(pendulum.parameter_units)
    assert (notes["law_digest"], notes["digest"]) == (pendulum.digest, done.digest)
    assert notes["residual"] == "Shared(hidden=8)"
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    assert "angle, rate" in model.graph.input[0].doc_string
    assert "7 regions" in model.doc_string
    assert done.file_bytes == done.path.stat().st_size


def test_the_same_policy_gives_the_same_bytes_and_another_one_another_digest(pendulum, shake, tmp_path):
    actor = YannActor.from_law(pendulum)
    first, second = (export_onnx(actor, tmp_path / name) for name in ("one", "two"))
    assert first.path.read_bytes() == second.path.read_bytes()
    digests = [export_onnx(p, tmp_path / "x").digest for p in (pendulum, shake(actor.replicate([0])))]
    bounded = export_onnx(YannActor.from_law(pendulum, bound=1.0), tmp_path / "x").digest
    assert len({first.digest, bounded, *digests}) == 4


def test_what_has_no_model_is_refused(pendulum, tmp_path, monkeypatch):
    actor = YannActor.from_law(pendulum)
    path = tmp_path / "policy.onnx"
    with pytest.raises(NetworkError, match=r"stack of 2 actors, but a model holds 1; pass .member\(i\)"):
        export_onnx(actor.replicate([0, 1]), path)
    with pytest.raises(NetworkError, match="`policy` is a str, but"):
        export_onnx("actor", path)
    broken = actor.replicate([0])
    with torch.no_grad():
        broken.residual.inner[0, 0, 0, 0] = torch.nan
    with pytest.raises(NetworkError, match=r"weights residual.inner that are not finite"):
        export_onnx(broken, path)
    actor.residual = torch.nn.Identity()
    with pytest.raises(NetworkError, match="has a Identity, but ONNX is written for PerRegion"):
        export_onnx(actor, path)
    monkeypatch.setattr(MODULE, "MOST", 1000)
    with pytest.raises(NetworkError, match="more constants than an ONNX file holds"):
        export_onnx(pendulum, path)
    assert not list(tmp_path.iterdir())


def test_what_is_no_place_for_a_file_is_refused(pendulum, tmp_path):
    with pytest.raises(NetworkError, match="is a folder; pass the path of a file in it"):
        export_onnx(pendulum, tmp_path)
    with pytest.raises(NetworkError, match="which is no folder; make it first"):
        export_onnx(pendulum, tmp_path / "none" / "policy.onnx")
    with pytest.raises(NetworkError, match="`path` is a int"):
        export_onnx(pendulum, 3)
    with pytest.raises(FileFormatError, match="NUL"):
        export_onnx(pendulum, f"{tmp_path}{os.sep}a\0b")


def test_a_write_that_fails_leaves_the_old_file(pendulum, tmp_path, monkeypatch):
    path = tmp_path / "policy.onnx"
    path.write_text("old")
    monkeypatch.setattr("mpc.explicit.storage.os.fsync", lambda number: os.close(-1))
    with pytest.raises(OSError, match=r"policy\.onnx"):
        export_onnx(pendulum, path)
    assert [file.name for file in tmp_path.iterdir()] == ["policy.onnx"]
    assert path.read_text() == "old"


def test_without_onnx_it_says_what_to_install(pendulum, tmp_path, monkeypatch):
    monkeypatch.setattr(MODULE, "find_spec", {"onnx": None}.get)
    with pytest.raises(NetworkError, match=r"pip install 'yann-control\[onnx\]'"):
        export_onnx(pendulum, tmp_path / "policy.onnx")


def test_yann_does_not_load_onnx():
    code = "import sys, yann; print('onnx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
