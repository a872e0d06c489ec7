"""The safety studies: who learns, from where, inside what; and what is kept of it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mpc.safety.certificate import SafetyCertificate
from plants import simulate
from rl import SACLagrangian, train
from studies.case import Guarded
from studies.errors import StudyError
from studies.folder import StudyFolder
from studies.guarantee import Guarantee, guaranteed
from studies.result import StudyResult
from studies.runner import run_study
from studies.safety import FILTER, LIMITS, METHODS, PENALTY, PendulumSafety, ReactorSafety, nearest_border

SMALL = PendulumSafety(seeds=2, episodes=1, steps=70)


@pytest.fixture(scope="module")
def pendulum():
    return PendulumSafety(steps=60).build()


@pytest.fixture(scope="module")
def reactor():
    return ReactorSafety(steps=60).build()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("safety")
    with StudyFolder(path) as folder:
        return path, run_study(SMALL, folder, "yann safety-pendulum")


@pytest.fixture(params=["pendulum", "reactor"])
def case(request):
    return request.getfixturevalue(request.param)


def test_the_methods_are_those_of_the_study_and_two_of_them_end_in_its_set(case):
    agents = case.agents["nominal"]
    assert tuple(agents) == METHODS
    for name, agent in agents.items():
        known = getattr(agent.actor, "filter", None)
        assert (known is not None) == name.endswith(FILTER)
        assert known is None or known.set is case.guarded.safe
    assert isinstance(agents["SAC-Lagrangian"], SACLagrangian)


def test_a_learner_inside_the_filter_is_the_one_outside_with_a_filter_behind_it(case):
    agents, x = case.agents["nominal"], case.starts
    for name in ("DDPG", "YANN-DDPG"):
        outside, inside = agents[name], agents[name + FILTER]
        assert inside.settings is outside.settings
        assert inside.critic is outside.critic
        np.testing.assert_array_equal(inside.actor.unfiltered(x), outside.actor(x))
        wanted = np.clip(outside.actor(x), *case.plant.input_bounds)
        np.testing.assert_array_equal(inside.actor(x), inside.actor.filter.filtered(x, wanted))


def test_starts_are_inside_the_set_and_far_apart(case):
    inside = case.guarded.safe.contains(case.starts)
    assert inside.all()
    width = np.subtract(*case.plant.start_bounds[::-1])
    assert (np.ptp(case.starts, axis=0) > 0.6 * width).all()


def test_training_on_the_pendulum_begins_inside_the_set_alone(pendulum):
    world = pendulum.worlds["nominal"]
    starts = world.sample_starts(np.random.default_rng(5), 300)
    assert pendulum.guarded.safe.contains(starts).all()
    box = np.random.default_rng(5).uniform(*LIMITS, (300, 2))
    assert pendulum.guarded.safe.contains(box).mean() < 0.6, "so the filter of the starts matters"


def test_limits_and_penalty_are_felt_by_those_outside(pendulum):
    drop = simulate(pendulum.worlds["nominal"], lambda x: 0 * x[..., :1], [0.55, 1.0])
    assert drop.unsafe
    assert drop.total_cost > PENALTY


def test_the_law_alone_is_safe_from_the_test_starts(case):
    laws = case.baselines["nominal"]
    assert list(laws) == ["linear MPC", "linear MPC+filter"]
    x = case.starts
    np.testing.assert_allclose(laws["linear MPC"](x), case.agents["nominal"]["YANN-DDPG"].actor(x), atol=1e-12)


def test_paths_are_those_nearest_to_what_inputs_must_keep(case):
    safe, starts = case.guarded.safe, case.starts
    centre = starts.mean(axis=0)
    kept = [(safe.A[k], safe.b[k]) for k in set(safe.rows.guards.tolist())]
    left = [min((b - a @ x) / (b - a @ centre) for a, b in kept) for x in starts]
    assert case.path_starts == tuple(np.argsort(left)[:4].tolist())
    assert nearest_border(safe, starts, 1) == case.path_starts[:1]


def test_random_weights_leave_the_set_and_the_same_ones_inside_the_filter_do_not(pendulum):
    agents, world = pendulum.agents["nominal"], pendulum.worlds["nominal"]
    ledgers = [train(agents[name], world, episodes=1, seeds=[0, 1], steps=60).ledger for name in METHODS[:2]]
    assert ledgers[0].violations.sum() > 0
    assert ledgers[0].interventions.sum() == 0
    assert ledgers[1].violations.sum() == ledgers[1].unguarded.sum() == 0
    assert ledgers[1].interventions.sum() > 0


# ---- what is kept


def test_rows_tell_of_interventions_where_there_is_a_filter(finished):
    path, result = finished
    rows = json.loads((path / "result.json").read_text())["rows"]
    assert {row["method"] for row in rows} == {*METHODS, "linear MPC", "linear MPC+filter"}
    fixed = {
        "method", "scenario", "seed", "start", "cost_initial", "cost_final", "cost_best", "violations_training",
        "violations_test",
    }  # fmt: skip
    assert {frozenset(row) for row in rows} == {frozenset(fixed | {"interventions_training"})}
    told = {(row["method"], row["seed"]): row["interventions_training"] for row in rows}
    own = result.method("DDPG+filter")
    assert [told["DDPG+filter", seed] for seed in (0, 1)] == own.interventions.sum(axis=1).tolist()
    assert sum(told["DDPG+filter", seed] for seed in (0, 1)) > 0
    for name in ("DDPG", "SAC-Lagrangian"):
        assert told[name, 0] is None
    assert told["linear MPC+filter", None] is None
    assert result.method("DDPG").interventions is None
    assert own.violations.sum() == own.unguarded.sum() == 0
    assert result.method("DDPG").violations.sum() > 0


def test_a_finished_study_loads_as_it_was(finished):
    path, result = finished
    loaded = StudyResult.load(path)
    assert loaded.rows() == result.rows()
    assert loaded.guarantee == result.guarantee
    np.testing.assert_array_equal(loaded.method("DDPG+filter").unguarded, result.method("DDPG+filter").unguarded)
    assert loaded.method("DDPG").interventions is None


def test_the_certificate_lies_beside_the_result_and_verifies(finished):
    path, result = finished
    certificate = SafetyCertificate.load(path / "certificate.json")
    certificate.verify()
    assert str(certificate) == result.guarantee.certificate


def test_filtered_blocks_are_joined_seed_by_seed(finished, tmp_path, monkeypatch):
    whole, every = finished[1].method("DDPG+filter"), PendulumSafety._agents
    monkeypatch.setattr(PendulumSafety, "_agents", lambda *given: {METHODS[1]: every(*given)[METHODS[1]]})
    with StudyFolder(tmp_path) as folder:
        apart = run_study(replace(SMALL, block=1), folder, "").method("DDPG+filter")
    np.testing.assert_array_equal(apart.interventions, whole.interventions)
    assert apart.interventions.shape == (2, 1)


def test_a_result_of_a_study_without_filters_has_no_guarantee(result, tmp_path):
    bare = replace(result, provenance=result.provenance | {"law_sha256": result.law.digest})
    with StudyFolder(tmp_path) as folder:
        bare.save(folder)
    assert StudyResult.load(tmp_path).guarantee is None
    assert "interventions_training" not in bare.rows()[0]


# ---- what was proved


def test_the_share_is_that_of_the_points(pendulum):
    safe = pendulum.guarded.safe
    points = np.array([[0.0, 0.0], [0.1, 0.0], [0.59, 3.9], [9.0, 9.0]])
    told = guaranteed(Guarded(safe, lambda: points, "four points", 0.5))
    assert (told.inside, told.draws, told.share, told.domain) == (2, 4, 0.5, "four points")
    A, b = told.half_spaces
    np.testing.assert_array_equal(A, safe.A)
    np.testing.assert_array_equal(b, safe.b)
    assert Guarantee.of(json.loads(json.dumps(told.facts()))) == told


def test_both_sets_hold_what_they_were_to_hold(case, monkeypatch):
    monkeypatch.setattr(SafetyCertificate, "verify", lambda _: None)  # the reactor's takes seconds
    told = guaranteed(case.guarded)
    assert told.draws == 10_000
    assert told.share >= told.wanted_share


def test_a_certificate_that_does_not_hold_stops_the_study_before_training(tmp_path, monkeypatch):
    honest = SafetyCertificate.verify

    def spoilt(certificate):
        content = json.loads(json.dumps(certificate.content))
        content["disturbance"] = [100 * gust for gust in content["disturbance"]]
        return honest(replace(certificate, content=content))

    monkeypatch.setattr(SafetyCertificate, "verify", spoilt)
    seen = []
    words = "the safe set is not what its certificate says, so nothing was trained: "
    with pytest.raises(StudyError, match=words), StudyFolder(tmp_path) as folder:
        run_study(SMALL, folder, "", lambda *told: seen.append(told))
    assert not seen
    assert not (tmp_path / "result.json").exists()


def test_quick_and_paper_sized_change_what_they_say():
    quick = ReactorSafety().quick()
    assert (quick.seeds, quick.episodes, quick.steps) == (2, 4, 60)
    assert PendulumSafety().paper_sized().plain_widths == (256, 256)
    with pytest.raises(StudyError, match="`horizon` is 0"):
        PendulumSafety(horizon=0)
