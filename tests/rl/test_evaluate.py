import numpy as np
import pytest

from plants import QuadraticCost, clipped_pendulum
from rl import TrainingError, evaluate, plain_actor

PENDULUM = clipped_pendulum()
STARTS = [[0.1, 0.0], [-0.3, 0.2], [0.5, 0.0]]


def test_a_stack_costs_what_its_members_cost():
    stack = plain_actor(PENDULUM, (8,)).replicate([4, 5])
    together = evaluate(stack, PENDULUM, starts=STARTS)
    assert together.costs.shape == together.violations.shape == (2, 3)
    for i in range(2):
        alone = evaluate(stack.member(i), PENDULUM, starts=STARTS)
        assert alone.costs.shape == (3,)
        assert together.costs[i] == pytest.approx(alone.costs, rel=1e-9)


@pytest.mark.parametrize(
    "layout",
    [np.asfortranarray, lambda a: a[::-1].copy()[::-1], lambda a: np.repeat(a, 2, 1)[:, ::2]],
    ids=["transposed", "reversed", "strided"],
)
@pytest.mark.parametrize("count", [1, 3])
def test_starts_may_lie_in_memory_as_they_like(layout, count):
    stack = plain_actor(PENDULUM, (8,)).replicate([4, 5])
    starts = np.array(STARTS[:count])
    found = evaluate(stack, PENDULUM, starts=layout(starts), steps=9)
    assert found.costs.shape == (2, count)
    for i in range(2):
        alone = evaluate(stack.member(i), PENDULUM, starts=starts, steps=9)
        assert found.costs[i] == pytest.approx(alone.costs, rel=1e-9)


def test_any_controller_will_do():
    law = evaluate(lambda x: np.clip(x @ [[-19.6], [-5.7]], -2, 2), PENDULUM, starts=[[0.1, 0.0], [0.2, 0.0]])
    assert law.costs == pytest.approx([0.07, 0.32], abs=0.01)
    assert "2 episodes" in repr(law)


def test_cost_and_steps_may_be_ones_own():
    own = QuadraticCost(np.eye(2), 0, [0, 0], [0], angles=(0,))
    found = evaluate(lambda x: 0 * x[..., :1], PENDULUM, own, starts=[[0.1, 0.5]], steps=1)
    assert found.costs == pytest.approx([0.01 + 0.25])


def test_violations_say_which_episodes_were_unsafe(drift):
    found = evaluate(np.zeros_like, drift(limit=1.0), starts=[[0.0], [0.9]])
    assert found.violations.tolist() == [False, True]
    assert found.costs[1] > 100


def test_runaways_say_which_episodes_ran_away_and_cost_a_finite_number(drift):
    found = evaluate(np.zeros_like, drift(factor=1000.0), starts=[[0.0], [0.9]])
    assert found.violations.tolist() == [False, False]
    assert found.runaways.tolist() == [False, True]
    assert 100 < found.costs[1] < 1e18
    assert "0 unsafe, 1 runaways" in repr(found)


@pytest.mark.parametrize(
    ("starts", "words"),
    [
        ([0.1, 0.0], r"`starts` has shape \(2,\), but \(K, 2\)"),
        ([[0.1]], r"`starts` has shape \(1, 1\).*2 long \(angle, rate\)"),
        ([[np.inf, 0]], r"`starts` is infinite at \[0, 0\]"),
        ([["a", "b"]], "`starts` has dtype"),
    ],
)
def test_bad_starts_are_refused(starts, words):
    with pytest.raises(TrainingError, match=words):
        evaluate(plain_actor(PENDULUM, (8,)), PENDULUM, starts=starts)
