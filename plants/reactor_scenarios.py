"""The reactor in worlds that are not nominal: each survivable, each with a loss that a better controller wins back."""

import numpy as np

from plants.actuator import Delayed
from plants.disturbance import Disturbance, Misread, Scaled, Shifted
from plants.reactor import safety_cstr
from plants.scenario import Scenario
from plants.signals import Drift, Jump, Ramp, Uniform, White

STEPS = 600
SPREAD = np.array([0.05, 0.05, 0.05, 3.0])  # mol/L and K, either side of rest


def reactor_scenarios() -> dict[str, Scenario]:
    """Return the named scenarios of `safety_cstr`: 600 steps (10 h) from T0 +-3 K and concentrations +-0.05 mol/L.

    `purpose` says what each is there for and the loss: what linear MPC (horizon 2, the plant's own weights) pays above
    the best plan in hindsight, in mean cost over the 20 starts of seed 0. It varies with the starts, since what the
    start itself costs is part of both. Full cooling kept 1,000 episodes of each at or below 478.6 K, linear MPC 200.
    Losses are measured by `python -m benchmarks.scenarios`.
    """
    plant = safety_cstr()
    rest = plant.equilibrium[0]
    return {
        name: Scenario(
            plant=plant,
            name=name,
            disturbances=disturbances,
            steps=STEPS,
            start_bounds=(rest - SPREAD, rest + SPREAD),
            purpose=purpose,
        )
        for name, (disturbances, purpose) in (_lasting() | _passing() | _training()).items()
    }


Preset = tuple[tuple[Disturbance, ...], str]


def _lasting() -> dict[str, Preset]:
    return {
        "fouled-60": (
            (Scaled("effectiveness", 0.6),),
            "a jacket fouled to 60 %: too little cooling at rest, a lasting offset; loss 54 %",
        ),
        "fouled-75": ((Scaled("effectiveness", 0.75),), "a jacket fouled to 75 %: a lasting offset; loss 40 %"),
        "inlet+10": (
            (Shifted("feed_temperature", 10),),
            "feed 10 K too warm: a lasting offset without a change of the plant's gain; loss 39 %",
        ),
        "noisy-late": (
            (Misread("temperature", White(0.5)), Delayed("heat_transfer", 6)),
            "a thermometer with noise of 0.5 K and a valve that answers 6 minutes late: what haste costs; loss 91 %",
        ),
    }


def _passing() -> dict[str, Preset]:
    return {
        "feed-step": (
            (Shifted("feed_a", Jump(0.6, at=60)),),
            "0.6 mol/L more of A in the feed after an hour: slow, and no reading shows it at once; loss 10 %",
        ),
        "cooling-lost": (
            (Scaled("heat_transfer", Jump(0.0, at=60, before=1.0, until=120)),),
            "no cooling at all in the second hour: what it pays to be ready for, and to recover from; loss 34 %",
        ),
        "slow-fouling": (
            (Scaled("effectiveness", Ramp(0.6, begin=0, end=STEPS, before=1.0)),),
            "a jacket that fouls from 100 to 60 % over the episode: an offset that grows; loss 46 %",
        ),
        "wandering-inlet": (
            (Shifted("feed_temperature", Drift(10, memory=300)),),
            "a feed temperature that wanders by 10 K (deviation) within 5 h: nothing stays as it is; loss 32 %",
        ),
    }


def _training() -> dict[str, Preset]:
    return {
        "randomised": ((
            Scaled("effectiveness", Uniform(0.65, 1.0)),
            Shifted("feed_temperature", Uniform(-10, 10)),
            Shifted("feed_a", Uniform(-0.1, 0.1)),
            Shifted("coolant_temperature", Uniform(-3, 3)),
        ), "fouling, feed and coolant drawn anew in every episode: for training, the others for the test; loss 49 %"),
    }  # fmt: skip
