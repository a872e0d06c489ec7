"""Laws in JSON and for MATLAB: rebuilt from the file alone, by other readers, with the same bits."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.io import loadmat

from mpc import FileFormatError, ProblemError, export_json, export_mat, solve_explicit
from mpc.explicit import exports
from mpc.explicit.domain import TOLERANCE
from mpc.matfile import read_matrices

NAMES = ("dint_N10", "rand_x2u2_N3", "mplp_inf_N2")
NUMBERS = ("A", "b", "region", "gain", "offset", "parameter_A", "parameter_b", "parameter_bounds", "tolerance")
KEYS = {"format", "version", "digest", "partial", "tolerance", "parameters", "inputs", "parameter_set", "regions"}
EXPORTS = (export_json, export_mat)


@pytest.fixture(scope="session")
def pendulum(pendulum_problem):
    return solve_explicit(pendulum_problem())


@pytest.fixture
def points():
    def drawn(law, wide=1.3):
        return law.centre + np.random.default_rng(0).uniform(-wide, wide, (300, law.t)) * law.half_width

    return drawn


def evaluated(theta, A, b, owner, gains, offsets):
    """What docs/exports.md tells another program to do: (input, region, violation)."""
    violation = [(A[owner == i] @ theta - b[owner == i]).max() for i in range(len(gains))]
    region = int(np.argmin(violation))
    return gains[region] @ theta + offsets[region], region, violation[region]


@pytest.mark.parametrize("name", NAMES)
def test_json_holds_the_law_bit_for_bit(name, solved, tmp_path):
    law, path = solved(name), tmp_path / "law.json"
    export_json(law, path)
    read = json.loads(path.read_bytes())
    assert set(read) == KEYS
    assert (read["format"], read["version"], read["digest"]) == ("yann-control law", 1, law.digest)
    assert (read["tolerance"], read["partial"]) == (TOLERANCE, law.partial)
    assert len(read["regions"]) == len(law.regions)
    for stored, region in zip(read["regions"], law.regions, strict=True):
        for key in ("A", "b", "gain", "offset"):
            assert np.array(stored[key]).tobytes() == np.ascontiguousarray(getattr(region, key)).tobytes()
        assert tuple(stored["active"]) == region.active
    assert [[p["lower"], p["upper"]] for p in read["parameters"]] == np.transpose(law.parameter_bounds).tolist()
    assert read["parameter_set"] == {"A": law.parameter_set.A.tolist(), "b": law.parameter_set.b.tolist()}


@pytest.mark.parametrize("reader", ["own", "scipy"])
@pytest.mark.parametrize("name", NAMES)
def test_matlab_gets_the_law_bit_for_bit(name, reader, solved, tmp_path):
    law, path = solved(name), tmp_path / "law.mat"
    export_mat(law, path)
    read = read_matrices(path, NUMBERS) if reader == "own" else loadmat(path)
    A, b, owner = law.halfspaces
    wanted = (A, b, owner + 1.0, law.gains, law.offsets, law.parameter_set.A, law.parameter_set.b,
              np.stack(law.parameter_bounds), np.array(TOLERANCE))  # fmt: skip
    for key, matrix in zip(NUMBERS, wanted, strict=True):
        assert np.ascontiguousarray(read[key]).tobytes() == np.ascontiguousarray(matrix).tobytes(), key
        assert read[key].ndim == 2
    assert read["A"].shape == A.shape
    assert read["gain"].shape == (len(law.regions) * law.m, law.t)


@pytest.mark.parametrize("name", NAMES)
def test_the_files_alone_give_the_laws_inputs(name, solved, points, tmp_path):
    law = solved(name)
    export_json(law, tmp_path / "law.json")
    export_mat(law, tmp_path / "law.mat")
    regions = json.loads((tmp_path / "law.json").read_bytes())["regions"]
    plain = [np.concatenate([np.array(r[key]) for r in regions]) for key in ("A", "b")]
    plain += [np.repeat(np.arange(len(regions)), [len(r["b"]) for r in regions])]
    plain += [np.array([r[key] for r in regions]) for key in ("gain", "offset")]
    mat = read_matrices(tmp_path / "law.mat", NUMBERS)
    matlab = (mat["A"], mat["b"][:, 0], mat["region"][:, 0] - 1,
              mat["gain"].reshape(-1, law.m, law.t), mat["offset"].reshape(-1, law.m))  # fmt: skip
    for theta in points(law)[:100]:
        wanted, region, inside = law.nearest(theta)
        for parts in (plain, matlab):
            inputs, found, violation = evaluated(theta, *parts)
            assert (found, violation <= TOLERANCE) == (region, inside)
            np.testing.assert_allclose(inputs, wanted, rtol=1e-13, atol=1e-13)


def test_names_and_units_of_every_alphabet_travel(pendulum, tmp_path):
    names = replace(
        pendulum.labels,
        parameters=("Winkel ϑ", "rate 'r'"),
        parameter_units=("°", "rad/s"),
        variable_units=("N·m", *[""] * (len(pendulum.labels.variables) - 1)),
    )
    law = replace(pendulum, labels=names, certificate=None)
    export_json(law, tmp_path / "law.json")
    export_mat(law, tmp_path / "law.mat")
    read = json.loads((tmp_path / "law.json").read_text("utf-8"))
    assert [(axis["name"], axis["unit"]) for axis in read["parameters"]] == [("Winkel ϑ", "°"), ("rate 'r'", "rad/s")]
    assert [(axis["name"], axis["unit"]) for axis in read["inputs"]] == [(law.input_names[0], "N·m")]
    cells = loadmat(tmp_path / "law.mat", simplify_cells=True)
    assert cells["parameter_names"].tolist() == ["Winkel ϑ", "rate 'r'"]
    assert cells["parameter_units"].tolist() == ["°", "rad/s"]
    assert (cells["input_names"], cells["input_units"]) == (law.input_names[0], "N·m")
    assert cells["digest"] == law.digest


def test_a_bound_that_there_is_not(pendulum, tmp_path):
    law = replace(pendulum, input_bounds=None, partial="stopped early", certificate=None)
    export_json(law, tmp_path / "law.json")
    export_mat(law, tmp_path / "law.mat")
    read = json.loads((tmp_path / "law.json").read_bytes())
    assert read["inputs"][0]["lower"] is read["inputs"][0]["upper"] is None
    assert read["partial"] == "stopped early"
    cells = loadmat(tmp_path / "law.mat")
    assert cells["input_bounds"].tolist() == [[-np.inf], [np.inf]]
    assert cells["partial"].tolist() == ["stopped early"]


@pytest.mark.parametrize("export", EXPORTS)
def test_the_same_law_gives_the_same_bytes(export, pendulum, tmp_path):
    export(pendulum, tmp_path / "one")
    export(pendulum, str(tmp_path / "two"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
    assert b"Created on" not in (tmp_path / "one").read_bytes()


@pytest.mark.parametrize("export", EXPORTS)
def test_what_fails_leaves_the_old_file(export, pendulum, tmp_path, monkeypatch):
    path = tmp_path / "law"
    path.write_bytes(b"old")
    with pytest.raises(ProblemError, match="`law` is a str, but a PiecewiseAffineLaw is needed; pass the law that"):
        export("law", path)
    with pytest.raises(FileFormatError, match="`path` is 3; pass the path of a file"):
        export(pendulum, 3)
    with pytest.raises(FileNotFoundError):
        export(pendulum, tmp_path / "missing" / "law")
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="no"):
        export(pendulum, path)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


def test_what_format_5_cannot_hold_is_refused(pendulum, tmp_path, monkeypatch):
    size = pendulum.halfspaces[0].nbytes
    monkeypatch.setattr(exports, "LARGEST_MATRIX", size - 1)
    words = f"`law` needs {size} bytes for A, but a matrix of MATLAB's format 5 holds {size - 1}; use law.save or"
    with pytest.raises(ProblemError, match=words):
        export_mat(pendulum, tmp_path / "law.mat")
    assert not list(tmp_path.iterdir())
