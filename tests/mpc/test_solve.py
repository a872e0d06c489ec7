"""The front door: from a problem to its law, unconstrained to LQR, the same in every process."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mpc import ImplicitMPC, Infeasible, LinearModel, MPCProblem, ProblemError, dlqr, printed_pendulum, solve_explicit

BOX = ([-2, -8], [2, 8])
SEEDS = st.integers(0, 2**32 - 1)


def random_problem(seed, growth, **changes) -> MPCProblem:
    generator = np.random.default_rng(seed)
    n, m = generator.integers(1, 4), generator.integers(1, 3)
    A = generator.normal(size=(n, n))
    A *= growth / np.abs(np.linalg.eigvals(A)).max()
    arguments = {
        "model": LinearModel(A, generator.normal(size=(n, m)), 0.1),
        "state_weight": np.diag(generator.uniform(0.1, 1, n)),
        "input_weight": np.diag(generator.uniform(0.05, 1, m)),
        "horizon": int(generator.integers(1, 5 if m == 1 else 3)),
        "input_bounds": (-generator.uniform(0.2, 2, m), generator.uniform(0.2, 2, m)),
        "state_bounds": (-np.full(n, 3.0), np.full(n, 3.0)) if generator.integers(2) else None,
        "parameter_bounds": (-np.full(n, 2.0), np.full(n, 2.0)),
    }
    return MPCProblem(**arguments | changes)


@given(SEEDS, st.sampled_from([0.7, 1.0, 1.3]))
def test_the_law_is_the_online_controller_on_facets_too(partition, seed, growth):
    problem = random_problem(seed, growth)
    assume(problem.model.unstabilisable_mode() is None)
    cells, online = partition(solve_explicit(problem)), ImplicitMPC(problem)
    generator = np.random.default_rng(seed)
    scaled = np.concatenate([generator.uniform(-1, 1, (30, problem.model.n)), cells.across(0.0), cells.across(-1e-9)])
    theta = cells.physical(scaled[generator.permutation(len(scaled))[:120]])
    theta = theta[np.asarray(cells.law.locate(theta).margin) > 0]
    assert cells.law.solution(theta) == pytest.approx(online.solution(theta), abs=1e-9)


@given(SEEDS, st.sampled_from([0.7, 1.2]), st.sampled_from([1.0, 0.99, 0.95]))
def test_without_limits_the_law_is_the_regulator(seed, growth, discount):
    problem = random_problem(seed, growth, input_bounds=None, state_bounds=None, discount=discount)
    law = solve_explicit(problem)
    K, _ = dlqr(problem.model.A, problem.model.B, problem.state_weight, problem.input_weight, discount)
    assert len(law.regions) == 1
    assert law.input_bounds is None
    assert law.regions[0].gain == pytest.approx(-K, abs=1e-9 * (1 + np.abs(K).max()))
    assert np.abs(law.regions[0].offset).max() <= 1e-12


def test_limits_that_never_bind_leave_the_regulator(pendulum_problem):
    K, _ = dlqr(printed_pendulum().A, printed_pendulum().B, np.diag([1, 0.1]), 0.001)
    law = solve_explicit(pendulum_problem(input_bounds=(-1e6, 1e6), state_bounds=None, parameter_bounds=BOX))
    assert len(law.regions) == 1
    assert np.abs(law.gains[0] + K).max() <= 1e-9 * np.abs(K).max()


@pytest.mark.parametrize("decades", [2, 4, 6])
def test_units_between_states_do_not_matter(pendulum_problem, decades):
    """Angle in 10^-6 rad and rate in 10^6 rad/s: the law of the scaled problem to 1e-9."""
    unit, plain = np.array([10.0**decades, 10.0**-decades]), printed_pendulum()
    model = LinearModel(plain.A * np.outer(unit, 1 / unit), plain.B * unit[:, None], 0.05)
    weight = np.diag([1, 0.1]) / np.outer(unit, unit)
    box = (np.array([-2, -8]) * unit, np.array([2, 8]) * unit)
    law = solve_explicit(pendulum_problem())
    other = solve_explicit(pendulum_problem(model=model, state_weight=weight, state_bounds=box))
    points = np.random.default_rng(0).uniform([-2, -8], [2, 8], (500, 2))
    inside = law.nearest(points)[2]
    assert (other.nearest(points * unit)[2] == inside).all()
    assert other(points[inside] * unit) == pytest.approx(law(points[inside]), abs=1e-9)
    assert len(other.regions) == 7


@pytest.mark.parametrize("place", [1.0, 1e3])
def test_an_operating_point_moves_the_law_and_nothing_else(pendulum_problem, place):
    plain, shift = printed_pendulum(), np.array([place, -2 * place])
    model = LinearModel(plain.A, plain.B, 0.05, state=shift, input=[place])
    box = (np.array([-2, -8]) + shift, np.array([2, 8]) + shift)
    moved = solve_explicit(pendulum_problem(model=model, state_bounds=box, input_bounds=(place - 2, place + 2)))
    law = solve_explicit(pendulum_problem())
    points = np.random.default_rng(0).uniform([-2, -8], [2, 8], (500, 2))
    inside = law.nearest(points)[2]
    assert moved(points[inside] + shift) == pytest.approx(law(points[inside]) + place, abs=1e-12 * (1 + place) * 100)
    assert len(moved.regions) == len(law.regions)


def test_infeasible_everywhere_names_the_rows_that_conflict(pendulum_problem):
    with pytest.raises(Infeasible, match=r"rate at its .* limit.*widen one, or make it soft") as caught:
        solve_explicit(pendulum_problem(state_bounds=([-2, 100], [2, 101]), parameter_bounds=([-2, -8], [2, 8])))
    assert any("torque at its upper limit 2 N m at step 0" in row for row in caught.value.rows)
    assert caught.value.relaxation > 0


def test_what_is_no_problem():
    with pytest.raises(ProblemError, match="`problem` is a dict; pass an MPCProblem or a MultiparametricQP"):
        solve_explicit({})


SCRIPT = """
import sys
import numpy as np
from mpc import MPCProblem, printed_pendulum, solve_explicit
box = ([-2, -8], [2, 8])
law = solve_explicit(MPCProblem(printed_pendulum(), np.eye(2), 0.001, 4, state_bounds=box, input_bounds=(-2, 2)))
law.save(sys.argv[1])
print(law.digest)
"""


@pytest.mark.slow
def test_fresh_processes_write_the_same_bytes(tmp_path):
    files = [tmp_path / "one.npz", tmp_path / "two.npz"]
    for seed, file in enumerate(files):
        environment = os.environ | {"PYTHONHASHSEED": str(seed), "OMP_NUM_THREADS": str(seed + 1)}
        subprocess.run([sys.executable, "-c", SCRIPT, str(file)], check=True, env=environment, capture_output=True)
    assert len({hashlib.sha256(file.read_bytes()).hexdigest() for file in files}) == 1


def test_later_changes_of_the_arguments_do_not_reach_the_law(pendulum_problem):
    weight, lower = np.diag([1.0, 0.1]), np.array([-2.0, -8.0])
    problem = pendulum_problem(state_weight=weight, state_bounds=(lower, [2, 8]))
    law = solve_explicit(problem)
    digest = solve_explicit(problem).digest
    weight[...] = lower[...] = 0
    assert law.digest == solve_explicit(problem).digest == digest
