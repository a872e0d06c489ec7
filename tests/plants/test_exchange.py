"""Plants to and from do-mpc, and to CasADi functions: the same equations and the same numbers on both sides."""

import copy
import pickle
import re

import casadi as ca
import do_mpc
import numpy as np
import pytest

from plants import (
    CVODES,
    Constant,
    PlantError,
    RungeKutta4,
    casadi_function,
    casadi_step,
    clipped_pendulum,
    do_mpc_simulator,
    plant_from_do_mpc,
    safety_cstr,
    simulate,
    to_do_mpc,
)

CARRIED = [
    *("name", "state_units", "input_units", "state_bounds", "input_bounds", "equilibrium", "sample_time", "time_unit"),
    *("integrator", "angles", "state_caps", "safe_limits", "cost", "start_bounds", "constants"),
]


def carried(plant):
    return {name: getattr(plant, name) for name in CARRIED}


def rows(plant, count=20):
    generator = np.random.default_rng(0)
    return plant.sample_starts(generator, count), generator.uniform(*plant.input_bounds, (count, plant.m))


@pytest.fixture(scope="module", params=["reactor", "pendulum", "spring", "update"])
def plant(request, weighted_spring):
    builders = {
        "reactor": safety_cstr,
        "pendulum": clipped_pendulum,
        "spring": weighted_spring,
        "update": lambda: weighted_spring(update=lambda x, u, p: (x[0], p.gain * u[0] - x[1] / 2), derivative=None),
    }
    return builders[request.param]()


def test_casadi_functions_are_the_plant_with_names(plant):
    states, inputs = rows(plant)
    inputs = 1.5 * inputs  # beyond the bounds: a step clips, the equations do not
    constants = [plant.constant_values] if plant.constants else []
    equations, step = casadi_function(plant), casadi_step(plant)
    for x, u in zip(states, inputs, strict=True):
        np.testing.assert_array_equal(equations(x, u, *constants).full().ravel(), plant.derivatives(x, u))
        np.testing.assert_array_equal(step(x, u, *constants).full().ravel(), plant.step(x, u))
    assert equations.name_in() == step.name_in() == list("xup")[: 2 + len(constants)]
    assert equations.name_out() == ["derivative" if plant.is_continuous else "next_state"]
    assert step.name_out() == ["next_state"]


def test_casadi_functions_take_other_constants(weighted_spring):
    function = casadi_function(weighted_spring())
    named = function(x=[1, 0], u=0.5, p=[6, 2, 0.25])["derivative"]
    np.testing.assert_allclose(named.full().ravel(), [0, -6 + 1 + 0.25])


def test_a_step_by_cvodes_is_a_casadi_function_too(spring):
    plant = spring(integrator=CVODES())
    np.testing.assert_array_equal(casadi_step(plant)([0.5, 0], 0.1).full().ravel(), plant.step([0.5, 0], [0.1]))


def test_there_and_back_is_the_same_plant(plant):
    states, inputs = rows(plant)
    back = plant_from_do_mpc(to_do_mpc(plant), **carried(plant))
    assert (back.state_names, back.input_names) == (plant.state_names, plant.input_names)
    assert back.is_continuous == plant.is_continuous
    np.testing.assert_array_equal(back.derivatives(states, inputs), plant.derivatives(states, inputs))
    np.testing.assert_array_equal(back.step(states, inputs), plant.step(states, inputs))
    for twin in (pickle.loads(pickle.dumps(back)), copy.deepcopy(back)):
        np.testing.assert_array_equal(twin.step(states, inputs), plant.step(states, inputs))


@pytest.mark.parametrize("name", ["reactor", "spring", "update"])
def test_the_simulator_runs_as_the_plant_does(name, weighted_spring):
    accurate = {"integrator": RungeKutta4(substeps=50)}
    update = {"update": lambda x, u, p: (x[0] / 2, p.gain * u[0] - x[1] / 2), "derivative": None}
    plant = {
        "reactor": safety_cstr,
        "spring": lambda: weighted_spring(**accurate),
        "update": lambda: weighted_spring(**update),
    }[name]()
    (start,), _ = rows(plant, 1)
    inputs = np.random.default_rng(1).uniform(*plant.input_bounds, (30, plant.m))
    asked = iter(inputs)
    wanted = simulate(plant, lambda x: next(asked), start, 30)
    simulator = do_mpc_simulator(plant, start)
    states = np.array([simulator.make_step(u[:, None]).ravel() for u in inputs])
    np.testing.assert_allclose(states, wanted.states[1:], rtol=1e-7, atol=1e-7)


def test_the_simulator_rests_where_the_plant_does():
    plant = safety_cstr()
    simulator = do_mpc_simulator(plant)
    np.testing.assert_allclose(simulator.make_step(plant.equilibrium[1][:, None]).ravel(), plant.equilibrium[0])


def test_do_mpc_controls_the_plant_by_its_own_nmpc(spring):
    plant = spring()
    model = to_do_mpc(plant)
    controller = do_mpc.controller.MPC(model)
    controller.settings.n_horizon, controller.settings.t_step = 10, plant.sample_time
    controller.settings.supress_ipopt_output()
    cost = plant.cost.expression(model.x.cat, model.u.cat)
    controller.set_objective(lterm=cost, mterm=10 * plant.cost.expression(model.x.cat, ca.DM.zeros(1)))
    controller.set_rterm(force=0.0)
    controller.bounds["lower", "_u", "force"], controller.bounds["upper", "_u", "force"] = -1, 1
    controller.setup()
    controller.x0 = np.array([1.0, 0.0])
    controller.set_initial_guess()
    controlled = simulate(plant, lambda x: controller.make_step(x[:, None]).ravel(), [1.0, 0.0], 40)
    at_rest = simulate(plant, lambda x: np.zeros(1), [1.0, 0.0], 40)
    assert np.abs(controlled.inputs).max() <= 1 + 1e-6
    assert controlled.total_cost < 0.5 * at_rest.total_cost
    assert np.abs(controlled.states[-1]).max() < 0.02


def test_names_become_identifiers_and_must_stay_apart(spring):
    model = to_do_mpc(spring(state_names=["position (m)", "2nd speed"], input_names=["default"]))
    assert [key for key in model.x.keys() if key != "default"] == ["position_m", "v_2nd_speed"]  # noqa: SIM118
    assert "v_default" in model.u.keys()  # noqa: SIM118
    with pytest.raises(PlantError, match="'the speed' and 'the-speed' of 'spring' both become 'the_speed'"):
        to_do_mpc(spring(state_names=["the speed", "the-speed"]))


def tank_model(kind="continuous", algebraic=False, setup=True, symbols="SX"):
    model = do_mpc.model.Model(kind, symbols)
    level = model.set_variable("_x", "level", shape=(2, 1))
    valve = model.set_variable("_u", "valve")
    outflow, feed = model.set_variable("_p", "outflow"), model.set_variable("_tvp", "feed")
    model.set_expression("sum", level[0] + level[1])
    drop = outflow * (level[0] - level[1])
    if algebraic:
        drop = model.set_variable("_z", "drop")
        model.set_alg("flow", drop - outflow * (level[0] - level[1]))
    rates = [feed + valve - drop, drop - outflow * level[1]]
    if kind == "discrete":
        rates = [level[0] + 0.1 * rates[0], level[1] + 0.1 * rates[1]]
    model.set_rhs("level", ca.vertcat(*rates), process_noise=True)
    if setup:
        model.setup()
    return model


VALUES = Constant("outflow", 2.0, "1/s"), Constant("feed", 1.0, "m/s")


@pytest.fixture(scope="module")
def tank_arguments(spring):
    changed = {"equilibrium": ([1.0, 0.5], [0.0]), "state_units": ["m", "m"], "input_units": ["m/s"]}
    plain = {name: value for name, value in carried(spring()).items() if name != "constants"}
    return plain | changed | {"name": "tanks", "constants": VALUES}


@pytest.mark.parametrize("kind", ["continuous", "discrete"])
@pytest.mark.parametrize("symbols", ["SX", "MX"])
def test_a_model_of_do_mpc_becomes_a_plant(tank_arguments, kind, symbols):
    plant = plant_from_do_mpc(tank_model(kind, symbols=symbols), **tank_arguments)
    assert (plant.state_names, plant.input_names) == (("level_0", "level_1"), ("valve",))
    rate = np.array([1 + 0.2 - 2 * (1.5 - 0.5), 2 * (1.5 - 0.5) - 2 * 0.5])
    wanted = rate if kind == "continuous" else [1.5, 0.5] + 0.1 * rate
    np.testing.assert_allclose(plant.derivatives([1.5, 0.5], [0.2]), wanted)
    assert re.match("tanks", plant.name)


WRONG = [
    (lambda: 3, {}, "`model` is a int, but a do_mpc.model.Model is needed"),
    (lambda: tank_model(setup=False), {}, r"not set up yet; call model.setup\(\)"),
    (lambda: tank_model(algebraic=True), {}, "algebraic states drop, .*solve its algebraic equations"),
    (tank_model, {"constants": VALUES[:1]}, r"no value for the model's parameter 'feed'; pass constants=\(Constant"),
    (tank_model, {"constants": (*VALUES, Constant("fede", 1, "-"))}, "names 'fede'; did you mean 'feed'"),
    (tank_model, {"state_names": ["a", "b"]}, "`state_names` comes from the model; leave it out"),
    (tank_model, {"equilibrium": ([1.0, 0.6], [0.0])}, "no steady state"),
    (tank_model, {"state_units": ["m"]}, "1 entries, but there are 2 names"),
]


@pytest.mark.parametrize(("model", "changes", "words"), WRONG)
def test_models_that_are_no_plants_are_refused_by_name(tank_arguments, model, changes, words):
    with pytest.raises(PlantError, match=words):
        plant_from_do_mpc(model(), **(tank_arguments | changes))


def test_a_model_without_inputs_or_without_parameters_says_so(tank_arguments):
    model = do_mpc.model.Model("continuous", "SX")
    model.set_rhs("level", -model.set_variable("_x", "level"))
    model.setup()
    with pytest.raises(PlantError, match=r"no inputs.*set_variable\('_u'\)"):
        plant_from_do_mpc(model, **tank_arguments)


@pytest.mark.parametrize("export", [casadi_function, casadi_step, to_do_mpc, do_mpc_simulator])
def test_exports_take_plants_only(export):
    with pytest.raises(PlantError, match="`plant` is a int, but a Plant is needed"):
        export(3)


def test_a_simulator_starts_at_a_state(spring):
    with pytest.raises(PlantError, match=r"`start` has shape \(3,\), but \(2,\) is needed"):
        do_mpc_simulator(spring(), [0, 0, 0])
