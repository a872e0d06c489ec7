"""A sensor reads outputs with a bias and with noise from the caller's generator, and nothing else."""

import numpy as np
import pytest

from mpc import LinearModel, ProblemError, Sensor, four_tank


def test_without_faults_it_reads_the_outputs():
    model = four_tank()
    x = model.state + np.arange(8.0).reshape(2, 4)
    assert (Sensor(model)(x) == model.outputs(x)).all()
    assert Sensor(model, bias=[0.1, -0.2])(x) == pytest.approx(model.outputs(x) + np.array([0.1, -0.2]))


def test_noise_has_its_deviation_and_comes_from_the_generator_that_was_given():
    model = four_tank()
    x = np.tile(model.state, (20_000, 1))
    noise = Sensor(model, deviation=[0.1, 0], generator=np.random.default_rng(3))(x) - model.output
    assert noise.std(axis=0) == pytest.approx([0.1, 0], rel=0.02)
    again = Sensor(model, deviation=[0.1, 0], generator=np.random.default_rng(3))(x) - model.output
    assert (noise == again).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": "tanks"}, "`model` is a str, but a LinearModel is needed"),
        ({"bias": [1.0]}, r"`Sensor bias` has shape \(1,\), but \(2,\)"),
        ({"deviation": [np.nan, 0]}, r"`Sensor deviation` is NaN at \[0\]"),
        ({"deviation": [0.1, -0.2]}, "`Sensor deviation` of reading 2 is -0.2, but it must be at least 0"),
        ({"deviation": [0.1, 0.2]}, r"`Sensor generator` is a NoneType, .*pass numpy.random.default_rng\(seed\)"),
        ({"model": LinearModel([[0.5]], [1], 1.0, D=[[1]])}, "`D` is not 0: these outputs depend on the input"),
    ],
)
def test_a_sensor_that_cannot_be_is_refused(arguments, words):
    with pytest.raises(ProblemError, match=words):
        Sensor(**{"model": four_tank()} | arguments)
