import csv
import json

import numpy as np
import pytest

from plants import clipped_pendulum, simulate
from rl import Diverged, train


@pytest.fixture
def lone(plain_agent):
    """Return a maker of ledgers of training without noise and updates: episodes as `simulate` runs them."""

    def make(plant, episodes=1, seeds=(3,), **arguments):
        agent = plain_agent(plant, warm_up=10**6)
        training = train(agent, plant, episodes=episodes, seeds=seeds, **arguments)
        return training, training.ledger

    return make


def starts_of(plant, seed, count):
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    return np.concatenate([plant.sample_starts(generator, 1) for _ in range(count)])


def test_costs_are_those_of_a_simulation_from_the_same_start(lone):
    plant = clipped_pendulum()
    training, ledger = lone(plant, episodes=2, seeds=(3, 9))
    for i, seed in enumerate((3, 9)):
        alone = simulate(plant, training.actors[i], starts_of(plant, seed, 2))
        assert ledger.cost[i] == pytest.approx(alone.total_cost)
        assert (ledger.runs[i] == 1).all()
    assert (ledger.violations == 0).all()
    assert (ledger.first_violation == -1).all()
    assert (ledger.updates == 0).all()
    assert (ledger.plant_steps == 200).all()


@pytest.mark.parametrize("side", [-1, 1])
def test_violations_are_counted_timed_and_measured(lone, drift, side):
    """x+ = 3 x + u runs away from any start: each run is simulated again, one after the other."""
    plant = drift(factor=3.0, limit=1.0, start_bounds=sorted(([0.5 * side], [0.6 * side])))
    training, ledger = lone(plant, steps=12)
    remaining, costs, depths, ends, runs = 12, 0.0, [], [], 0
    for start in starts_of(plant, 3, 12):
        if remaining == 0:
            break
        run = simulate(plant, training.actors[0], start, steps=remaining)
        remaining -= int(run.ended_at)
        costs += float(run.total_cost)
        runs += 1
        if run.unsafe:
            ends.append(12 - remaining - 1)
            depths.append(abs(run.states[int(run.ended_at), 0]) - 1)
    assert len(ends) >= 2
    assert ledger.runs.tolist() == [[runs]]
    assert ledger.cost[0, 0] == pytest.approx(costs)
    assert ledger.violations.tolist() == [[len(ends)]]
    assert ledger.violation_time[0, 0] == 0.5 * len(ends)
    assert ledger.first_violation.tolist() == [[ends[0]]]
    assert ledger.violation_depth[0, 0] == pytest.approx([max(depths)])


def test_a_violation_at_the_last_step_opens_no_run(lone, drift):
    plant = drift(factor=30.0, limit=1.0)
    _, ledger = lone(plant, steps=3)
    assert ledger.violations.tolist() == [[3]]
    assert ledger.runs.tolist() == [[3]]


def test_a_runaway_without_limits_ends_its_run_and_training_goes_on(lone, drift):
    plant = drift(factor=1000.0)
    training, ledger = lone(plant, steps=20)
    assert ledger.runaways[0, 0] >= 4
    assert ledger.runs[0, 0] >= ledger.runaways[0, 0]
    assert ledger.violations.sum() == 0
    assert np.isfinite(ledger.cost).all()
    assert training.episodes == 1


def test_large_states_with_a_cap_of_their_own_are_no_runaways(lone, drift):
    """A count of cells, say: 2e9 of them are no accident."""
    plant = drift(factor=1.0, state_caps=([0], [1e12]), state_bounds=([0], [1e11]), start_bounds=([2e9], [3e9]))
    _, ledger = lone(plant, steps=20)
    assert ledger.runaways.tolist() == [[0]]
    assert ledger.runs.tolist() == [[1]]


def test_inputs_wanted_beyond_a_bound_are_clipped_and_counted(drift, plain_agent):
    plant = drift()
    quiet, loud = (
        train(plain_agent(plant, warm_up=10**6, exploration=e), plant, episodes=1, seeds=[0]).ledger
        for e in (0.0, 50.0)
    )
    assert quiet.inputs_clipped.tolist() == [[0]]
    assert 15 <= loud.inputs_clipped[0, 0] <= 20


def test_a_plant_that_refuses_inputs_beyond_its_bounds_gets_none(drift, plain_agent):
    plant = drift(clips_input=False)
    ledger = train(plain_agent(plant, exploration=50.0, warm_up=10**6), plant, episodes=1, seeds=[0]).ledger
    assert ledger.inputs_clipped[0, 0] > 0


def test_steps_held_at_a_cap_are_counted(lone, drift):
    plant = drift(factor=3.0, state_caps=([-4], [4]))
    _, ledger = lone(plant, steps=20)
    assert ledger.capped[0, 0] > 10
    assert ledger.runaways.sum() == 0


def test_an_angle_straight_down_is_at_no_cap(lone, drift):
    still = {"update": lambda x, u: x + 0 * u, "state_units": ["rad"], "angles": ("level",)}
    _, ledger = lone(drift(**still, start_bounds=([np.pi], [np.pi])), steps=3)
    assert ledger.capped.tolist() == [[0]]


def test_rows_are_plain_json_with_names(lone, drift):
    _, ledger = lone(drift(factor=3.0, limit=1.0), episodes=2, seeds=(3, 5), steps=12)
    rows = json.loads(json.dumps(ledger.to_rows()))
    assert [(row["seed"], row["episode"]) for row in rows] == [(3, 0), (3, 1), (5, 0), (5, 1)]
    assert rows[2]["cost"] == ledger.cost[1, 0]
    assert rows[2]["violations"] == ledger.violations[1, 0]
    assert list(rows[2]["violation_depth"]) == ["level"]


def test_never_is_none_in_rows(lone):
    (row,) = lone(clipped_pendulum())[1].to_rows()
    assert row["first_violation"] is None
    assert row["violation_depth"] == {}


def test_tables_are_read_only(lone, drift):
    _, ledger = lone(drift())
    with pytest.raises(ValueError, match="read-only"):
        ledger.cost[0, 0] = 1.0


class TestTotals:
    @pytest.fixture
    def ledger(self, lone, drift):
        return lone(drift(factor=3.0, limit=1.0), episodes=2, seeds=(3, 5), steps=12)[1]

    def test_rates_are_those_of_all_seeds(self, ledger):
        per_run, per_step = ledger.violations_per_run(0.9), ledger.violations_per_step()
        assert per_run.count == per_step.count == ledger.violations.sum() > 0
        assert per_run.trials == ledger.runs.sum()
        assert per_step.trials == ledger.plant_steps.sum() == 48
        assert (per_run.confidence, per_step.confidence) == (0.9, 0.95)

    def test_totals_are_sums_of_rows(self, ledger):
        totals, rows = ledger.totals(), ledger.to_rows()
        for name in set(totals) - {"divergences"}:
            assert totals[name] == pytest.approx(sum(row[name] for row in rows)), name
        assert totals["divergences"] == 0

    def test_csv_has_every_number_of_the_rows(self, ledger, tmp_path):
        ledger.write_csv(tmp_path / "ledger.csv")
        with (tmp_path / "ledger.csv").open(newline="") as file:
            lines = list(csv.DictReader(file))
        rows = ledger.to_rows()
        assert len(lines) == len(rows) == 4
        for line, row in zip(lines, rows, strict=True):
            assert float(line.pop("violation_depth level")) == row.pop("violation_depth").get("level", 0)
            assert {k: None if v == "" else float(v) for k, v in line.items()} == row

    def test_json_has_rows_totals_and_rates(self, ledger, tmp_path):
        ledger.write_json(tmp_path / "ledger.json", confidence=0.9)
        read = json.loads((tmp_path / "ledger.json").read_text())
        assert read["rows"] == ledger.to_rows()
        assert read["totals"] == ledger.totals()
        assert read["violations"]["per_run"] == ledger.violations_per_run(0.9).row()
        assert read["divergences"] == {"3": 0, "5": 0}

    @pytest.mark.parametrize("write", ["write_csv", "write_json"])
    def test_a_file_that_cannot_be_written_leaves_nothing(self, ledger, tmp_path, write):
        (tmp_path / "taken").mkdir()
        with pytest.raises(IsADirectoryError):
            getattr(ledger, write)(tmp_path / "taken")
        assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


def test_a_seed_that_diverged_is_counted(drift, plain_agent):
    agent = plain_agent(drift(), batch_size=4, actor_learning_rate=1e6)
    with pytest.raises(Diverged) as caught:
        train(agent, drift(), episodes=3, seeds=[4, 8])
    ledger = caught.value.training.ledger
    assert ledger.divergences.sum() == ledger.totals()["divergences"] == 1
    assert ledger.divergences[[4, 8].index(caught.value.seed)] == 1


def test_without_a_gate_nothing_is_simulated_or_rolled_back(lone, drift):
    totals = lone(drift())[1].totals()
    assert totals["simulated_steps"] == totals["rollbacks"] == 0
