"""Starts that a held input still saves, on a spring whose answers are known."""

import numpy as np
import pytest

from plants import PlantError, Recoverable, safety_cstr


@pytest.fixture
def falling(spring):
    """An integrator of the force: dx/dt = 1 + u, unsafe above 2."""
    return spring(
        derivative=lambda x, u: (1 + u[0], -x[1]),
        equilibrium=([0, 0], [-1]),
        safe_limits=([None, None], [2, None]),
        input_bounds=([-1], [1]),
    )


def test_it_keeps_exactly_what_stays_safe(falling):
    points = np.array([[0.9, 0], [1.1, 0], [2.1, 0], [-3, 1]])
    keeps = Recoverable(falling, [0], steps=10)  # 0.1 s each: the position rises by 1
    assert keeps(points).tolist() == [True, False, False, True]
    assert Recoverable(falling, [-1], steps=10)(points).tolist() == [True, True, False, True]
    assert Recoverable(falling, [0], steps=5)(points).tolist() == [True, True, False, True]
    assert Recoverable(falling, [0], steps=5)(points[:0]).shape == (0,)


def test_what_does_not_fit_is_refused(spring, falling):
    with pytest.raises(PlantError, match="'spring' has no `safe_limits`"):
        Recoverable(spring(), [0], steps=5)
    with pytest.raises(PlantError, match="`held`"):
        Recoverable(falling, [0, 0], steps=5)
    with pytest.raises(PlantError, match="3"):
        Recoverable(falling, [3], steps=5)
    with pytest.raises(PlantError, match="`steps`"):
        Recoverable(falling, [0], steps=0)
    with pytest.raises(PlantError, match="`plant`"):
        Recoverable("spring", [0], steps=5)  # type: ignore[arg-type]


def test_a_run_of_endless_steps_is_refused():
    with pytest.raises(PlantError, match="above 1000000"):
        Recoverable(safety_cstr(), [110], 10**10)


def test_a_start_that_is_unsafe_now_is_none_even_if_it_cools():
    reactor = safety_cstr()
    start = np.array([[0.0, 0.0, 0.0, 480.01]])
    assert reactor.step(start, [110])[0, 3] < 480
    assert not Recoverable(reactor, [110], 5)(start).any()
