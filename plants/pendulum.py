"""The clipped pendulum, the first case study of the paper."""

from math import pi

from casadi import SX, sin

from plants.arrays import real_scalar
from plants.cost import QuadraticCost
from plants.errors import PlantError
from plants.integrate import SemiImplicitEuler
from plants.plant import Plant


def clipped_pendulum(angle_stop: float | None = None) -> Plant:
    """Return the pendulum: x = (angle [rad], rate [rad/s]), u = torque [N m]; upright, at angle 0, is unstable.

    The physics is that of Gymnasium's Pendulum-v1: a rod of 1 kg and 1 m, torque within +-2, rate within +-8,
    angle turning freely. With `angle_stop` [rad] it meets instead a hard stop at +-`angle_stop`, where its
    rate becomes 0. Raises PlantError for a stop that is not in (0, pi].

    Source: Braniff & Tian 2025, Eq. 11 and 12; Gymnasium's Pendulum-v1 for limits, cost and integrator.
    """
    stop = None if angle_stop is None else _checked_stop(angle_stop)
    return Plant(
        name="clipped pendulum",
        derivative=pendulum_motion,
        state_names=("angle", "rate"),
        state_units=("rad", "rad/s"),
        input_names=("torque",),
        input_units=("N m",),
        state_bounds=([-2, -8], [2, 8]),
        input_bounds=([-2], [2]),
        equilibrium=([0, 0], [0]),
        sample_time=0.05,
        integrator=SemiImplicitEuler(positions=("angle",), rates=("rate",)),
        angles=("angle",) if stop is None else (),
        state_caps=([None if stop is None else -stop, -8], [stop, 8]),
        cost=QuadraticCost([[1, 0], [0, 0.1]], 0.001, state_target=[0, 0], input_target=[0], angles=(0,)),
        start_bounds=([-0.5, 0], [0.5, 0]),
        episode_steps=200,
        source="Braniff & Tian 2025, Eq. 11; Gymnasium Pendulum-v1",
    )


def pendulum_motion(x: SX, u: SX) -> tuple[SX, SX]:
    """Return d(angle, rate)/dt of a rod of 1 kg and 1 m with gravity 10 m/s2: 3g/(2l) = 15, 3/(m l^2) = 3."""
    angle, rate = x[0], x[1]
    return rate, 15 * sin(angle) + 3 * u[0]


def _checked_stop(value: float) -> float:
    stop = real_scalar(value, "angle_stop", PlantError, positive=True)
    if stop > pi:
        raise PlantError(f"`angle_stop` is {stop:g} rad, but it cannot lie beyond pi = 3.14159; pass a smaller one")
    return stop
