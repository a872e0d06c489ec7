"""The benchmark of safe sets: starts at the border, honest counts, controls that fail, tables that are written."""

import numpy as np
import pytest

from benchmarks import safety
from benchmarks.safety_runs import POLICIES, Disturbances, as_policy, run, starts, zero_cooling
from mpc import READABLE, ROBUST, safe_set
from plants import safety_cstr


@pytest.fixture(scope="module")
def plant():
    return safety_cstr()


@pytest.fixture(scope="module")
def robust(plant):
    return safe_set(plant, design=ROBUST)


def test_half_of_the_starts_are_on_the_border(robust):
    x = starts(robust, 1000, np.random.default_rng(0))
    assert x.shape == (1000, 4)
    assert robust.contains(x).all()
    depth = (robust.b[:8] - x @ robust.A[:8].T).min(axis=1)
    assert 0.4 < (depth < 1e-9).mean() < 0.6
    assert depth.max() > 5
    assert np.ptp(x[:, 0]) > 0.45


def test_vertices_are_those_of_the_bounds(plant, robust):
    names = [constant.name for constant in plant.constants]
    high, low = Disturbances(plant, robust).vertices(np.array([[1.0] * 5, [-1.0] * 5])) / plant.constant_values
    shift = 2 / plant.constant_values[names.index("feed_temperature")]
    expected = {"feed_a": 0.05, "feed_b": 0.05, "feed_s": 0.05, "feed_temperature": shift}
    for i, name in enumerate(names):
        assert high[i] == pytest.approx(0.6 if name == "effectiveness" else 1 + expected.get(name, 0.0))
        assert low[i] == pytest.approx(1 - expected.get(name, 0.0))
    wild = Disturbances(plant, robust, doubled=True).vertices(np.ones((1, 5)))[0] / plant.constant_values
    assert wild[names.index("effectiveness")] == pytest.approx(0.36)
    assert wild[names.index("feed_a")] == pytest.approx(1.1)


def test_violations_and_interventions_are_counted(plant, robust):
    x = np.array([[0.1, 0.9, 3.0, 470.0], [0.1, 0.9, 3.0, 479.5]])
    calm = np.tile(plant.constant_values, (2, 1))
    wanted = zero_cooling(plant, 2, np.random.default_rng(0))
    free = run(robust, plant, x, wanted, lambda step: calm, 3, filtered=False)
    assert (free.steps, free.interventions) == (6, 0)
    after = x[1:]
    hot = 0
    for _ in range(3):
        after = plant.step_rows(after, np.zeros((1, 1)))
        hot += int(after[0, 3] > 480)
    assert free.violations == hot
    assert free.hottest == pytest.approx(after[0, 3])
    assert free.left >= hot


def test_any_function_is_a_policy(plant, robust):
    x = starts(robust, 50, np.random.default_rng(0))
    policy = as_policy(lambda states: 2 * states[:, 3:])(plant, len(x), np.random.default_rng(0))
    np.testing.assert_array_equal(policy(x, 0), 2 * x[:, 3:])


def test_every_policy_stays_within_the_bounds(plant):
    for maker in POLICIES.values():
        policy = maker(plant, 7, np.random.default_rng(0))
        u = np.concatenate([policy(np.zeros((7, 4)), step) for step in range(0, 240, 40)])
        assert u.shape == (42, 1)
        assert (u >= 0).all()
        assert (u <= 110).all()


@pytest.mark.slow
def test_the_command_writes_its_tables(tmp_path, monkeypatch, capsys):
    page = tmp_path / "safety.md"
    page.write_text("before\n<!-- safety reactor -->\n<!-- /safety reactor -->\nafter\n")
    monkeypatch.setattr(safety, "PAGE", page)
    monkeypatch.setattr(safety, "ROWS", 200)
    monkeypatch.setattr(safety, "POLICIES", {"zero cooling": zero_cooling})
    monkeypatch.setattr(safety, "learned", lambda plant: {})
    safety.main(["--preset", "robust", "--steps", "80000", "--write"])
    text = page.read_text()
    assert text.startswith("before")
    assert "| robust | 8 | " in text
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| zero cooling")]
    assert [line[3:5] for line in lines[:4]] == [["0", "0"]] * 4
    assert all(int(line[3].replace(",", "")) > 100 for line in lines[4:])
    assert len(lines) == 6
    assert "zero cooling, temperature's row alone" in capsys.readouterr().out


@pytest.mark.slow
def test_the_command_ships_certificates(tmp_path, monkeypatch, plant):
    monkeypatch.setattr(safety, "FOLDER", tmp_path)
    safety.main(["--preset", "readable", "--ship"])
    [file] = tmp_path.iterdir()
    known = safe_set(plant, design=READABLE).certificate
    found = type(known).load(file)
    np.testing.assert_allclose(found.content["facets"], known.content["facets"], rtol=1e-6)
