"""Does a training fit into memory? Asked of every table before any of them is made."""

from plants import Plant
from plants.arrays import check_size
from rl.agent import Agent
from rl.errors import TrainingError
from rl.gate import Gate

_TABLES = 16
"""numbers per seed and episode in log and ledger, besides one per state and two per test start"""
_COPIES = 6
"""of every weight: itself, its gradient, two moments of Adam, the target, and what is kept of the last episode"""


def check_sizes(
    agent: Agent, plant: Plant, members: int, episodes: int, steps: int, tests: int, gate: Gate | None = None
) -> None:
    """Raise TrainingError, naming what is to blame, if a table of the training would be larger than 8 GiB."""
    n, m = plant.n, plant.m
    settings, weights, sums = agent.settings, _weights(agent, plant), agent.settings.return_steps
    kept = min(settings.buffer_size, (episodes + settings.prefill) * steps)
    drawn, ahead = settings.batch_size, getattr(settings, "horizon", 1)
    seeds = f"of {members} seeds"
    for cause, numbers, mend in (
        (f"`episodes` = {episodes} {seeds}", episodes * (_TABLES + n + 2 * tests), "train fewer episodes at a time"),
        (f"`steps` = {steps} {seeds}", (steps + 1) * (m + tests * (n + m + 1)), "make the episodes shorter"),
        (f"`buffer_size` = {kept} {seeds}", kept * (2 * n + m + 2), "keep fewer transitions, or train fewer seeds"),
        (f"`return_steps` = {sums} {seeds}", sums * (n + m + 3), "add up fewer steps"),
        (f"an `agent` of {weights} weights, with `seeds` = {members},", _COPIES * weights, "train fewer seeds at once"),
        (f"`batch_size` = {drawn} {seeds}", drawn * (2 * n + m + 2), "draw fewer transitions at a time"),
        (f"`horizon` = {ahead} of {members * drawn} rows", ahead * drawn * (n + m) * (n + 2), "look less far ahead"),
    ):
        check_size(members * numbers, cause, TrainingError, mend)
    if gate is not None:
        starts = gate.count + gate.border_count
        cause = f"the gate's `count` + `border_count` = {starts} over {steps} steps"
        check_size(3 * starts * (steps + 1) * (n + m + 1), cause, TrainingError, "judge from fewer starts")


def _weights(agent: Agent, plant: Plant) -> int:
    """Return the weights of one member: those of a learner of one seed, so a second critic and a spread count, too."""
    frozen = (w for network in (agent.actor, agent.critic) for w in network.parameters() if not w.requires_grad)
    learned = (w for some in agent.learner((0,), plant).weights.values() for w in some)
    return sum(weight.numel() for weight in (*frozen, *learned))
