"""Ids: all plants and scenarios there are, clean under gymnasium's checker, and built only when made."""

import inspect
import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import plants
from plants import Plant, PlantEnvironment, PlantError, PlantVectorEnvironment, Scenario, clipped_pendulum, register
from plants.registry import FAMILIES, PLANTS, SCENARIOS, identities, made_environment

IDS = list(identities())


@pytest.mark.parametrize("identity", IDS)
def test_gymnasium_finds_nothing_to_warn_of(identity):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        environment = gymnasium.make(identity)
        assert isinstance(environment.unwrapped, PlantEnvironment)
        check_env(environment.unwrapped)


@pytest.mark.parametrize("identity", IDS)
def test_rows_are_single_environments_with_seeds_of_their_own(identity):
    rows = gymnasium.make_vec(identity, num_envs=2, vectorization_mode="vector_entry_point", steps=20)
    singles = gymnasium.make_vec(identity, num_envs=2, vectorization_mode="sync", steps=20)
    assert isinstance(rows, PlantVectorEnvironment)
    np.testing.assert_array_equal(rows.reset(seed=7)[0], singles.reset(seed=7)[0])
    generator = np.random.default_rng(0)
    for _ in range(25):
        actions = generator.uniform(-1, 1, rows.action_space.shape).astype(np.float32)
        (x, reward, *ends, _), (y, other, *others, _) = rows.step(actions), singles.step(actions)
        np.testing.assert_array_equal(x, y)
        np.testing.assert_allclose(reward, other, rtol=1e-13)
        np.testing.assert_array_equal(ends, others)


def made_by_the_package(kind):
    """The names of what plants offers that takes no argument and returns that kind."""
    for name in plants.__all__:
        if inspect.isfunction(maker := getattr(plants, name)):
            signature = inspect.signature(maker)
            free = all(argument.default is not argument.empty for argument in signature.parameters.values())
            if free and signature.return_annotation == kind:
                yield name


@pytest.mark.parametrize(
    ("kind", "makers"),
    [(Plant, PLANTS.values()), (Scenario, SCENARIOS.values()), (dict[str, Scenario], dict(FAMILIES.values()))],
)
def test_every_plant_and_scenario_of_the_package_has_an_id(kind, makers):
    assert set(made_by_the_package(kind)) == {maker.partition(":")[2] for maker in makers}


@pytest.mark.parametrize("plant", FAMILIES)
def test_the_names_of_scenarios_are_those_that_there_are(plant):
    maker, names = FAMILIES[plant]
    scenarios = getattr(plants, maker.partition(":")[2])()
    assert plant in PLANTS
    assert names == tuple(scenarios)
    assert all(scenarios[name].name == name for name in names)


def test_importing_registers_and_builds_nothing():
    code = (
        "import casadi, gymnasium\n"
        "def built(*_): raise SystemExit('a function was built')\n"
        "casadi.Function.__init__ = built\n"
        "import plants\n"
        "print(*(name for name in gymnasium.registry if name.startswith('yann/')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == IDS


def test_make_finds_the_package_by_itself():
    code = "import gymnasium; print(gymnasium.make('plants:yann/Pendulum-v0').unwrapped.plant.name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "clipped pendulum\n"


def test_arguments_go_to_the_environment_and_to_the_plant():
    environment = gymnasium.make("yann/Pendulum-v0", steps=7, angle_stop=0.7).unwrapped
    assert environment.face.steps == 7
    assert environment.plant.state_caps[1][0] == 0.7
    rows = gymnasium.make_vec("yann/Pendulum-v0", num_envs=3, max_episode_steps=7, angle_stop=0.7)
    assert rows.face.steps == 7
    assert rows.plant.state_caps[1][0] == 0.7
    with pytest.raises(TypeError, match="unexpected keyword argument 'step'"):
        gymnasium.make("yann/Pendulum-v0", step=7)


def test_environments_of_one_id_share_its_plant_but_not_their_episodes():
    first, second = (gymnasium.make("yann/Pendulum-v0").unwrapped for _ in range(2))
    assert first.plant is second.plant
    first.reset(seed=0)
    second.reset(seed=1)
    for _ in range(3):
        second.step([1.0])
    assert np.array_equal(first.step([0.5])[4]["input"], [1.0])


def test_a_spec_travels_as_text():
    spec = gymnasium.spec("yann/Pendulum-v0")
    again = gymnasium.make(type(spec).from_json(spec.to_json()))
    assert again.unwrapped.plant.name == "clipped pendulum"


def test_users_register_what_is_theirs():
    identity = "mine/Pendulum-v0"
    try:
        plants.register(identity, "plants:clipped_pendulum")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            plants.register(identity, "plants:clipped_pendulum")
        assert gymnasium.make(identity).unwrapped.plant.name == clipped_pendulum().name
        with pytest.warns(UserWarning, match="Overriding environment mine/Pendulum-v0"):
            plants.register(identity, "plants.pendulum:clipped_pendulum")
    finally:
        gymnasium.registry.pop(identity, None)


@pytest.mark.parametrize("identity", [None, "", "no version", 5, ["a"]])
def test_an_id_that_is_none_is_refused(identity):
    with pytest.raises(PlantError, match="`identity`"):
        register(identity, "plants.reactor:safety_cstr")


@pytest.mark.parametrize("maker", [None, "plants.reactor.safety_cstr", 5, ""])
def test_a_maker_that_is_none_is_refused(maker):
    with pytest.raises(PlantError, match=r"`maker` is .*'module:function'"):
        register("mine/None-v0", maker)


@pytest.mark.parametrize(
    ("maker", "name", "words"),
    [
        ("plants.nowhere:f", None, "cannot be imported"),
        ("plants.reactor:nothing", None, "cannot be imported"),
        ("plants.reactor:safety_cstr", "fouled", "leave out `name`"),
        ("plants.reactor_scenarios:reactor_scenarios", "fouled-6O", "did you mean 'fouled-60'"),
    ],
)
def test_a_maker_that_makes_nothing_says_so_when_it_is_asked(maker, name, words):
    with pytest.raises(PlantError, match=words):
        made_environment(maker, name)
