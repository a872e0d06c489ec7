"""What the ablation takes apart: a study's recipe on one plant, and the same with one ingredient more or less."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import cast

from plants import Scenario
from plants.arrays import Array
from rl import (
    DDPG,
    TD3,
    Core,
    CoredActor,
    DDPGSettings,
    Gate,
    TD3Settings,
    plain_actor,
    plain_critic,
)
from rl.core import core_of
from studies.case import NOMINAL
from studies.cstr import FOULED, CstrStudy
from studies.pendulum import PendulumStudy
from yann import YannActor
from yann.stacked import StackedNetwork


@dataclass(frozen=True, eq=False)
class Recipe:
    """Who learns: actor and critic at the start, what is kept, the settings, one critic or two, a gate or none."""

    actor: StackedNetwork
    critic: StackedNetwork
    core: Core | None
    settings: TD3Settings
    twin: bool = True
    gate: Gate | None = None

    def agent(self, law: YannActor) -> TD3 | DDPG:
        """TD3, or DDPG with as much of its settings as it has."""
        actor = self.actor if self.core is None else CoredActor(self.actor, self.core, law)
        if self.twin:
            return TD3(actor, self.critic, self.settings)
        shared = {name: asdict(self.settings)[name] for name in DDPGSettings.__dataclass_fields__}
        return DDPG(actor, self.critic, DDPGSettings(**shared))


@dataclass(frozen=True, eq=False)
class Ground:
    """A plant with its recipe, and what stands in for an ingredient that the recipe lacks.

    The gap is measured from the starts `hard`, harm from the starts `kept`; `best` (K,) is the least cost known.
    """

    world: Scenario
    law: YannActor
    recipe: Recipe
    starts: Array
    hard: list[int]
    kept: list[int]
    best: Array
    bound: float
    gate: Gate
    critic_first: int


@cache
def pendulum() -> Ground:
    """The clipped pendulum with the study's YANN-TD3+core."""
    case = PendulumStudy().build()
    agent = cast(TD3, case.agents[NOMINAL]["YANN-TD3+core"])
    return Ground(
        world=case.worlds[NOMINAL],
        law=case.actor,
        recipe=Recipe(case.actor, agent.critic, core_of(agent.actor), replace(agent.settings, discount=agent.discount)),
        starts=case.starts,
        hard=case.groups["hard"],
        kept=case.groups["easy"],
        best=case.best[NOMINAL],
        bound=2.0,
        gate=Gate(count=300),
        critic_first=600,
    )


@cache
def cstr() -> Ground:
    """The reactor with a jacket fouled to 60 %, the study's YANN-TD3+gate without its gate."""
    case = CstrStudy().build()
    agent, world = cast(TD3, case.agents[FOULED]["YANN-TD3+gate"]), case.worlds[FOULED]
    every = list(range(len(case.starts)))
    return Ground(
        world=world,
        law=case.actor,
        recipe=Recipe(agent.actor, agent.critic, None, replace(agent.settings, discount=agent.discount)),
        starts=case.starts,
        hard=every,
        kept=every,
        best=case.best[FOULED],
        bound=20.0,
        gate=case.gates["YANN-TD3+gate"],
        critic_first=600,
    )


GROUNDS = {"pendulum": pendulum, "cstr": cstr}
WIDTHS = (64, 64)


def critic_start(ground: Ground) -> tuple[str, Recipe]:
    critic = plain_critic(ground.world.plant, WIDTHS)
    return "plain critic", replace(ground.recipe, critic=critic)


def actor_start(ground: Ground) -> tuple[str, Recipe]:
    actor = plain_actor(ground.world.plant, WIDTHS)
    return "plain actor", replace(ground.recipe, actor=actor)


def core(ground: Ground) -> tuple[str, Recipe]:
    return "no core", replace(ground.recipe, core=None)


def bound(ground: Ground) -> tuple[str, Recipe]:
    if ground.recipe.actor.bound is not None:
        return "no residual bound", _with_bound(ground, None)
    unit = ground.world.plant.input_units[0]
    return f"residual bound {ground.bound:g} {unit}", _with_bound(ground, ground.bound)


def _with_bound(ground: Ground, limit: float | None) -> Recipe:
    birth = ground.law.birth
    return replace(ground.recipe, actor=YannActor.from_law(birth.law, residual=birth.residual, bound=limit))


def prefill(ground: Ground) -> tuple[str, Recipe]:
    episodes = 0 if ground.recipe.settings.prefill else 1
    return f"{episodes or 'no'} episode{'s' * (not episodes)} of prefill", _set(ground, prefill=episodes)


def warm_up(ground: Ground) -> tuple[str, Recipe]:
    updates = 0 if ground.recipe.settings.critic_first else ground.critic_first
    return f"{updates or 'no'} updates of the critic first", _set(ground, critic_first=updates)


def twin(ground: Ground) -> tuple[str, Recipe]:
    return "one critic (DDPG)", replace(ground.recipe, twin=False)


def n_step(ground: Ground) -> tuple[str, Recipe]:
    return "returns of 1 step", _set(ground, return_steps=1)


def gate(ground: Ground) -> tuple[str, Recipe]:
    return "gate", replace(ground.recipe, gate=ground.gate)


def _set(ground: Ground, **changes: int) -> Recipe:
    return replace(ground.recipe, settings=replace(ground.recipe.settings, **changes))


Change = Callable[[Ground], tuple[str, Recipe]]
CHANGES: dict[str, Change] = {
    "base": lambda ground: ("the recipe", ground.recipe),
    "critic start": critic_start,
    "actor start": actor_start,
    "core": core,
    "bound": bound,
    "prefill": prefill,
    "warm-up": warm_up,
    "twin": twin,
    "n-step": n_step,
    "gate": gate,
}


def changes(place: str) -> list[str]:
    """The rows of a plant: a recipe without a core lacks that of the core, as a core is of one nominal plant."""
    return [change for change in CHANGES if change != "core" or GROUNDS[place]().recipe.core is not None]
