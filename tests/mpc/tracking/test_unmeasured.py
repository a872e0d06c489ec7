"""A disturbance that nobody measures is added to a model only where its outputs can show it."""

from dataclasses import replace

import numpy as np
import pytest

from mpc import LinearModel, ProblemError, four_tank, with_input_disturbance, with_output_disturbance

INTEGRATOR = LinearModel(np.diag([1.0, 0.5]), np.eye(2), 0.1, C=np.eye(2), input_names=("fill", "heat"))


def test_an_input_disturbance_moves_the_state_as_its_input_does():
    plain = four_tank()
    model = with_input_disturbance(plain, ["pump 2"])
    assert (model.k, model.disturbance_names, model.disturbance_units) == (1, ("disturbance of pump 2",), ("V",))
    x, u = plain.state + 0.5, plain.input - 0.2
    assert model.step(x, u, [0.3]) == pytest.approx(plain.step(x, u + np.array([0, 0.3])), rel=1e-14)
    assert with_input_disturbance(plain, "pump 2").E.tolist() == model.E.tolist()


def test_an_output_disturbance_moves_readings_alone():
    plain = four_tank()
    model = with_output_disturbance(plain)
    x = plain.state + 0.5
    assert (model.step(x, plain.input, [0.3, 0.1]) == plain.step(x, plain.input)).all()
    assert model.outputs(x, d=[0.3, 0.1]) == pytest.approx(plain.outputs(x) + np.array([0.3, 0.1]), rel=1e-14)


def test_an_input_that_acts_on_outputs_at_once_does_so_as_a_disturbance():
    plain = LinearModel([[0.5]], [1], 1.0, C=[1], D=[[2]])
    assert with_input_disturbance(plain).F.tolist() == [[2.0]]


def test_columns_that_were_there_stay_ahead():
    plain = replace(four_tank(), E=np.eye(4)[:, :1], F=None, disturbance=None, disturbance_names=("rain",),
                    disturbance_units=("cm",))  # fmt: skip
    model = with_input_disturbance(plain, "pump 1")
    assert model.disturbance_names == ("rain", "disturbance of pump 1")
    assert (model.E[:, 0] == plain.E[:, 0]).all()


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: with_input_disturbance("tanks"), "`model` is a str, but a LinearModel is needed"),
        (lambda: with_input_disturbance(four_tank(), ["pump 3"]), "`inputs` names 'pump 3'; did you mean 'pump"),
        (lambda: with_output_disturbance(four_tank(), []), "0 names, 0 of them different; name 1 or more"),
        (lambda: with_output_disturbance(four_tank(), ["reading 1"] * 2), "2 names, 1 of them different"),
        (lambda: with_output_disturbance(four_tank(), 1), "`outputs` is a int, but a str"),
        (
            lambda: with_output_disturbance(with_output_disturbance(four_tank())),
            "has a 'disturbance of reading 1' already; add it once",
        ),
        (
            lambda: with_input_disturbance(LinearModel(0.5 * np.eye(2), np.eye(2), 1.0, C=[1, 1])),
            "2 disturbances cannot be told from 1 outputs: .* name at most 1 of them",
        ),
        (
            lambda: with_output_disturbance(INTEGRATOR, "output0"),
            r"rank \[A - I, E; C, F\] is 2, but 3 = 2 states \+ 1 disturbances is needed; .*with_input_disturbance",
        ),
        (
            lambda: with_input_disturbance(LinearModel(np.diag([1.1, 0.5]), np.eye(2), 0.1, C=[0, 1])),
            r"\(A, C\) is not detectable: the mode with eigenvalue 1.1 \(state0\) .* measure a state",
        ),
    ],
)
def test_what_cannot_be_told_apart_is_refused_with_both_numbers(build, words):
    with pytest.raises(ProblemError, match=words):
        build()


def test_the_rank_condition_does_not_depend_on_units():
    plain = four_tank()
    unit = np.array([1e6, 1e-6, 1e3, 1.0])
    scaled = LinearModel(
        plain.A * np.outer(unit, 1 / unit), plain.B * unit[:, None] * [1e-5, 1e5], 5.0, C=plain.C / unit * 1e4
    )
    assert with_input_disturbance(scaled).k == 2
    assert with_output_disturbance(scaled).k == 2


def test_an_integrator_takes_its_disturbance_at_the_input():
    assert with_input_disturbance(INTEGRATOR, "fill").k == 1
