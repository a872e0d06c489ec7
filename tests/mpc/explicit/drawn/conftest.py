"""The random problems of the benchmarks, and their laws."""

from collections.abc import Callable
from functools import cache

import pytest

from benchmarks.random_problems import Draft, drawn
from mpc import PiecewiseAffineLaw, solve_explicit


@pytest.fixture(scope="session")
def draw() -> Callable[[int], Draft]:
    return drawn


@cache
def solved(number: int) -> PiecewiseAffineLaw:
    return solve_explicit(drawn(number).problem)


@pytest.fixture(scope="session")
def solve() -> Callable[[int], PiecewiseAffineLaw]:
    return solved
