"""One small law, plant and result for all tests of figures and reports."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """What a browser would see: the tags in order, balanced, and all text."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.text, self.cells = [], [], [], []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag in {"td", "th"}:
            self.cells.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def two_methods():
    """Leave the pendulum's study its first two methods, which are done at once."""
    from studies.pendulum import PendulumStudy  # noqa: PLC0415 - the shape-checked run hooks into imports

    whole = PendulumStudy.build

    def build(study):
        case = whole(study)
        agents = {name: case.agents["nominal"][name] for name in ("DDPG", "YANN-DDPG")}
        return replace(case, agents={"nominal": agents})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PendulumStudy, "build", build)
        yield


@pytest.fixture(scope="session")
def read():
    return Page


@pytest.fixture(scope="session")
def plant():
    from plants import clipped_pendulum  # noqa: PLC0415 - the shape-checked run hooks into imports

    return clipped_pendulum()


@pytest.fixture(scope="session")
def law(plant):
    from mpc import solve_explicit  # noqa: PLC0415 - the shape-checked run hooks into imports
    from studies.pendulum import pendulum_problem  # noqa: PLC0415 - the shape-checked run hooks into imports

    return solve_explicit(pendulum_problem(plant))


@pytest.fixture(scope="session")
def printed_law(plant):
    from mpc import solve_explicit  # noqa: PLC0415 - the shape-checked run hooks into imports
    from studies.pendulum import printed_pendulum_problem  # noqa: PLC0415 - the shape-checked run hooks into imports

    return solve_explicit(printed_pendulum_problem(plant))


@pytest.fixture(scope="session")
def law_controller(law, plant):
    return lambda x: plant.clip_input(law.nearest(x)[0])


@pytest.fixture(scope="session")
def trajectory(plant, law_controller):
    """Two starts that the law brings to rest without leaving the map."""
    from plants import simulate  # noqa: PLC0415 - the shape-checked run hooks into imports

    return simulate(plant, law_controller, [[0.3, 0.0], [-0.2, 0.5]], steps=40)


@pytest.fixture(scope="session")
def result(plant, law, law_controller):
    """A study of 3 seeds and 5 episodes whose costs were made up, with real paths of the law."""
    from studies.pendulum import PATH_STARTS, groups  # noqa: PLC0415 - the shape-checked run hooks into imports
    from studies.published import published_pendulum  # noqa: PLC0415 - the shape-checked run hooks into imports
    from studies.result import StudyResult  # noqa: PLC0415 - the shape-checked run hooks into imports

    published = published_pendulum()
    grid = np.stack(np.meshgrid(np.linspace(-2, 2, 9), np.linspace(-8, 8, 9), indexing="ij"), axis=-1).reshape(-1, 2)
    methods = tuple(_method(name, i, plant, law_controller, grid) for i, name in enumerate(("DDPG", "YANN-DDPG")))
    return StudyResult(
        name="pendulum",
        settings={"seeds": 3, "plain_widths": (64, 64), "yann": {"discount": None, "batch_size": 64}},
        methods=methods,
        baselines=(),
        law=law,
        starts=published.starts,
        groups=groups(),
        stored_best={"nominal": published.best_known(published.starts)},
        grid=grid,
        path_starts=PATH_STARTS,
        checks={"YANN actor": {"max_error": 1.5e-15, "points": {"random": 10_000, "facet": 256}}},
        provenance={"command": "yann pendulum --seeds 3", "versions": {"numpy": "2.0"}},
    )


def _method(name, number, plant, controller, grid):
    from plants import simulate  # noqa: PLC0415 - the shape-checked run hooks into imports
    from studies.method_result import MethodResult  # noqa: PLC0415 - the shape-checked run hooks into imports
    from studies.pendulum import PATH_STARTS  # noqa: PLC0415 - the shape-checked run hooks into imports
    from studies.published import published_pendulum  # noqa: PLC0415 - the shape-checked run hooks into imports

    generator = np.random.default_rng(number)
    starts = published_pendulum().starts
    costs = generator.uniform(130, 900, (3, 6, len(starts)))
    if name == "YANN-DDPG":
        costs[:, 0] = costs[0, 0]
    run = simulate(plant, controller, starts[list(PATH_STARTS)])
    shape = (2, 3, len(PATH_STARTS))
    return MethodResult(
        name=name,
        scenario="nominal",
        seeds=(4, 5, 6),
        discount=1.0,
        actor_weights=2128,
        critic_weights=4481,
        test_costs=costs,
        test_unsafe=np.zeros((3, 6, len(starts)), dtype=np.int64),
        training_costs=generator.uniform(100, 900, (3, 5)),
        runs=np.ones((3, 5), dtype=np.int64),
        violations=np.zeros((3, 5), dtype=np.int64),
        grid_inputs=generator.uniform(-2, 2, (2, 3, len(grid), 1)),
        paths=np.broadcast_to(run.states, (*shape, *run.states.shape[1:])),
        path_inputs=np.broadcast_to(run.inputs, (*shape, *run.inputs.shape[1:])),
        core_excess=np.full(3, np.nan),
    )


@pytest.fixture(scope="session")
def reactor_result():
    """A study of the reactor, 3 seeds, 4 episodes and 5 starts, whose costs were made up, with real paths of the law.

    Linear MPC costs 500 on the mean in both worlds, the best plan 300 in the fouled one and 200 in the other.
    """
    from mpc import solve_explicit  # noqa: PLC0415 - the shape-checked run hooks into imports
    from plants import safety_cstr, simulate  # noqa: PLC0415 - the shape-checked run hooks into imports
    from studies.cstr import FOULED, reactor_worlds, stored_reactor, temperature_grid  # noqa: PLC0415
    from studies.method_result import Baseline  # noqa: PLC0415 - the shape-checked run hooks into imports
    from studies.reactor_control import reactor_problem  # noqa: PLC0415 - the shape-checked run hooks into imports
    from studies.result import StudyResult  # noqa: PLC0415 - the shape-checked run hooks into imports

    plant = safety_cstr()
    law = solve_explicit(reactor_problem(plant))
    starts, grid = stored_reactor().starts[:5], temperature_grid(plant)
    spread = np.array([-20.0, -10.0, 0.0, 10.0, 20.0])
    worlds = reactor_worlds(plant, 30)
    controlled = {"linear MPC": 500.0, "linear MPC +30": 330.0, "offset-free MPC": 900.0}
    return StudyResult(
        name="cstr",
        settings={"seeds": 3},
        methods=tuple(
            _reactor_method(name, i, scenario, simulate(world, lambda x: law.nearest(x)[0], starts[:2]), grid)
            for scenario, world in worlds.items()
            for i, name in enumerate(("YANN-DDPG", "YANN-TD3"))
        ),
        baselines=tuple(
            Baseline(name, scenario, cost + spread, np.zeros(5, dtype=np.int64))
            for scenario in worlds
            for name, cost in controlled.items()
        ),
        law=law,
        starts=starts,
        groups={"all": list(range(5))},
        stored_best={"nominal": 200.0 + spread, FOULED: 300.0 + spread},
        grid=grid,
        path_starts=(0, 1),
        checks={"YANN actor": {"max_error": 1.5e-15, "points": {"random": 10_000, "facet": 256}}},
        provenance={"command": "yann cstr --seeds 3", "versions": {"numpy": "2.0"}},
    )


def _reactor_method(name, number, scenario, run, grid):
    from studies.method_result import MethodResult  # noqa: PLC0415 - the shape-checked run hooks into imports

    generator = np.random.default_rng(number)
    costs = np.full((3, 5, 5), 500.0) + np.array([-20.0, -10.0, 0.0, 10.0, 20.0])
    costs[:, 1:] += generator.uniform(-150, 0, (3, 4, 1))
    shape, violations = (2, 3, 2), np.zeros((3, 4), dtype=np.int64)
    violations[1, 2] = number
    return MethodResult(
        name=name,
        scenario=scenario,
        seeds=(4, 5, 6),
        discount=0.99,
        actor_weights=100,
        critic_weights=200,
        test_costs=costs,
        test_unsafe=np.zeros((3, 5, 5), dtype=np.int64),
        training_costs=np.ones((3, 4)),
        runs=1 + violations,
        violations=violations,
        grid_inputs=generator.uniform(0, 110, (2, 3, len(grid), 1)),
        paths=np.broadcast_to(run.states, (*shape, *run.states.shape[1:])),
        path_inputs=np.broadcast_to(run.inputs, (*shape, *run.inputs.shape[1:])),
        core_excess=np.full(3, np.nan),
    )


@pytest.fixture
def with_costs():
    """Give a result other test costs for one of its methods."""

    def give(result, name, costs):
        methods = tuple(replace(m, test_costs=costs) if m.name == name else m for m in result.methods)
        return replace(result, methods=methods)

    return give
