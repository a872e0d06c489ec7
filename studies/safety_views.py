"""How the two plants of the safety studies are shown: names, the plane of the picture, what is drawn over time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from plants import Plant, safety_cstr
from plants.arrays import Array
from studies.errors import StudyError
from studies.safety import LIMITS, PENALTY, PendulumSafety, ReactorSafety, limited_pendulum


@dataclass(frozen=True, eq=False)
class View:
    """A plant as the report shows it.

    The picture is of the states `at` + `along` y, with y (2,) in `window` (lower, upper), each (2,); `along` is (n, 2)
    and `shown` the indices of the states that y counts. `only` names what is drawn over time, none of it for all.
    """

    title: str
    limits: str
    starts: str
    plant: Callable[[], Plant]
    shown: tuple[int, int]
    at: Array
    along: Array
    window: tuple[Array, Array]
    plane: str
    only: tuple[str, ...] = ()

    def cut(self, A: Array, b: Array) -> tuple[Array, Array]:
        """Return the half-planes (q, 2) and (q,) in y of half-spaces (q, n) and (q,) of states."""
        return A @ self.along, b - A @ self.at

    def seen(self, states: Array) -> Array:
        """Return the two shown components (..., 2) of states (..., n)."""
        return states[..., list(self.shown)]


def view_of(name: str) -> View:
    """Return how the plant of a study is shown; raise StudyError for a study without a view."""
    if name not in VIEWS:
        raise StudyError(f"there is no view of a study {name!r} (there is: {', '.join(VIEWS)})")
    return VIEWS[name]()


def _reactor() -> View:
    rest = safety_cstr().equilibrium[0]
    at, along = np.array([0.0, rest[1] - rest[0], rest[2], 0.0]), np.zeros((4, 2))
    along[[0, 1], 0], along[3, 1] = 1.0, 1.0
    return View(
        title="the safety-critical reactor",
        limits="Unsafe is above 480 K, which costs 100,000 and ends the run.",
        starts="Starts are the reactor's own study set: T from 8 K below to 4.75 K above rest at 475 K, every "
        "concentration within .05 mol/L of rest.",
        plant=safety_cstr,
        shown=(0, 3),
        at=at,
        along=along,
        window=(np.array([0.0, 473.0]), np.array([0.25, 480.8])),
        plane="with C_B - C_A and C_S as at rest",
        only=("temperature", "heat_transfer"),
    )


def _pendulum() -> View:
    (angle, rate), penalty = LIMITS[1], f"{PENALTY:g}"
    return View(
        title="the pendulum within limits",
        limits=f"Unsafe is beyond {angle:g} rad or {rate:g} rad/s, which costs {penalty} and ends the run.",
        starts="Starts are drawn evenly from the safe set: from elsewhere nothing is guaranteed.",
        plant=lambda: replace(limited_pendulum(), state_bounds=LIMITS),
        shown=(0, 1),
        at=np.zeros(2),
        along=np.eye(2),
        window=(1.15 * np.array(LIMITS[0]), 1.15 * np.array(LIMITS[1])),
        plane="which is all there is",
    )


VIEWS: Mapping[str, Callable[[], View]] = {ReactorSafety.name: _reactor, PendulumSafety.name: _pendulum}
