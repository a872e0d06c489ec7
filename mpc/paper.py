"""The paper's linear models, as printed in Braniff & Tian 2025 (arXiv 2508.16474), rounding and all."""

from mpc.model import LinearModel


def printed_pendulum() -> LinearModel:
    """Return Eq. 12: the pendulum upright, sampled every 0.05 s."""
    return LinearModel(
        A=[[1.0188, 0.0503], [0.7547, 1.0188]],
        B=[[0.0038], [0.1509]],
        sample_time=0.05,
        state_names=("angle", "rate"),
        state_units=("rad", "rad/s"),
        input_names=("torque",),
        input_units=("N m",),
    )


def printed_reactor() -> LinearModel:
    """Return Eq. 14: deviations of the reactor from its steady state, sampled every 1/60 h.

    As printed it is unlike any plant of its kind: A33 should be about 0.9990, and the zeros in rows 1 and 2 cannot
    hold for mass action. The true plant is stable; A44 = 1.003 looks unstable only without the coupling.
    """
    return LinearModel(
        A=[[0.9506, 0, 0, 0], [-0.0484, 0.9943, 0, 0], [0, 0, 0.9909, 0], [0.697, 0.0678, 0, 1.003]],
        B=[[0], [0], [0], [-0.0007]],
        sample_time=1 / 60,
        state_names=("C_A", "C_B", "C_S", "temperature"),
        state_units=("mol/L", "mol/L", "mol/L", "K"),
        input_names=("heat transfer",),
        input_units=("kJ/(h m2 K)",),
        time_unit="h",
    )
