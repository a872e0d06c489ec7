"""A plant or a scenario as a gymnasium vector environment: one compiled call for each step of all rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike

from plants.arrays import Array, check_size, whole_number
from plants.cost import Cost
from plants.environment import checked_options
from plants.errors import PlantError
from plants.face import PLACE, Face, Outcome
from plants.plant import Plant
from plants.run import Run
from plants.scenario import Scenario
from plants.starts import sample_each


class PlantVectorEnvironment(VectorEnv[Array, Array, Any]):
    """`num_envs` rows of a plant or a scenario, stepped together; each is, bit for bit, a PlantEnvironment.

    Observations (num_envs, k), actions (num_envs, m), rewards and ends (num_envs,) are those of PlantEnvironment, and
    so are the entries of `infos`, as arrays (num_envs, ...) beside `_name`, bool (num_envs,): which rows have it.
    `reset(seed=s)` seeds row i with s + i, as gymnasium's own do; a sequence gives one seed for each row. Rewards are
    alike to the last bit where the cost's weights are diagonal, else up to rounding.

    `autoreset_mode` is one of gymnasium's: NEXT_STEP begins anew in the step after the end, whose action is ignored;
    SAME_STEP at once, with the last observation in `final_obs` and its info in `final_info`; DISABLED leaves it to
    `reset(options={"reset_mask": rows})`. `options["state"]` is one state for all rows, or (num_envs, n).
    Raises PlantError for what does not fit, ResetNeeded for a step of a row that has not begun.
    """

    def __init__(
        self,
        plant: Plant | Scenario,
        num_envs: int,
        steps: int | None = None,
        cost: Cost | None = None,
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> None:
        self.face = Face(plant, steps, cost)
        self.num_envs = whole_number(num_envs, "num_envs", PlantError, least=1)
        each = self.face.steps * len(self.face.scenario.disturbances) + 2 * len(self.face.observation_space.low)
        check_size(self.num_envs * each, f"`num_envs` = {self.num_envs}", PlantError, "take fewer, or shorter episodes")
        self.autoreset_mode = _checked_mode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = self.face.observation_space
        self.single_action_space = self.face.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._generators: list[np.random.Generator] = []
        self._seeds: list[int] = []
        self._run: Run | None = None
        self._seen = np.empty(self.observation_space.shape or ())
        self._over = np.zeros(self.num_envs, dtype=bool)

    @property
    def plant(self) -> Plant:
        """Return the plant."""
        return self.face.plant

    @property
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """Return the generator of each row; none before the first reset."""
        return tuple(self._generators)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """Return the seed of each row; none before the first reset."""
        return tuple(self._seeds)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Return the first observations and infos of all rows, or of those in options["reset_mask"], bool (num_envs,).

        Raises PlantError for a seed, options or states that do not fit.
        """
        chosen = checked_options(options, "state", "reset_mask")
        seeds = self._checked_seeds(seed)
        rows = self._checked_mask(chosen.get("reset_mask"))
        state = chosen.get("state")
        given = None if state is None else self.face.checked_starts(state, self.num_envs)[rows]
        self._seed(seeds, rows)
        run = self._begin(rows, given)
        observation, info = self.face.first(run)
        self._seen = np.where(rows[:, None], observation, self._seen)
        self._over = self._over & ~rows
        infos = [_masked(name, values, rows) for name, values in info.items()]
        return self._seen.copy(), {name: values for part in infos for name, values in part.items()}

    def step(self, actions: ArrayLike) -> tuple[Array, Array, Any, Any, dict[str, Any]]:
        """Return observations, rewards, which rows have ended, for which time is up, and the infos."""
        run, live = self._underway(), ~self._over
        inputs = self.face.inputs(actions, (self.num_envs, self.plant.m))
        if not live.all():
            self._begin(~live)
        outcome = self.face.step(run, inputs, live)
        self._seen, self._over = outcome.observation, outcome.terminated | outcome.truncated
        infos = self._infos(outcome.info, live, np.ones_like(live))
        if self.autoreset_mode is AutoresetMode.SAME_STEP and self._over.any():
            infos = self._begun_at_once(outcome)
        return self._seen.copy(), outcome.reward, outcome.terminated, outcome.truncated, infos

    def _begun_at_once(self, outcome: Outcome) -> dict[str, Any]:
        """Begin anew where it is over, and return the infos, those of the ends among them."""
        over = self._over
        finals = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(over):
            finals[row] = outcome.observation[row].copy()
        last = self._infos(outcome.info, over, over)
        self._seen, place = self.face.first(self._begin(over))
        self._over = np.zeros_like(over)
        infos = self._infos(outcome.info | place, ~over, np.ones_like(over))
        return infos | {"final_obs": finals, "_final_obs": over, "final_info": last, "_final_info": over.copy()}

    def _begin(self, rows: Any, given: Array | None = None) -> Run:
        """Let the episodes of `rows`, bool (num_envs,), begin, at the states `given` or drawn."""
        generators = [self._generators[row] for row in np.flatnonzero(rows)]
        starts = sample_each(self.plant, generators, self.face.scenario.start_bounds) if given is None else given
        if self._run is None:
            self._run = self.face.begin(starts, self._generators)
        else:
            self._run.restart(rows, starts)
        return self._run

    def _seed(self, seeds: list[int | None], rows: Any) -> None:
        """Give the rows that have a seed their generators; the run draws from the very list that is changed here."""
        if not self._generators:
            drawn = [np_random(seed) for seed in seeds]
            self._generators, self._seeds = [made for made, _ in drawn], [seed for _, seed in drawn]
            return
        for row in np.flatnonzero(rows):
            if seeds[row] is not None:
                self._generators[row], self._seeds[row] = np_random(seeds[row])

    def _infos(self, info: dict[str, Any], stepped: Any, placed: Any) -> dict[str, Any]:
        """Return the infos of rows that have `stepped`, and where those stand that are `placed`, as gymnasium does."""
        infos: dict[str, Any] = {}
        for name, values in info.items():
            infos |= _masked(name, values, placed if name in PLACE else stepped)
        finished = stepped & info["finished"]
        names = np.full(self.num_envs, None, dtype=object)
        names[finished] = self.face.event_name
        return infos | _masked("event", names, finished)

    def _underway(self) -> Run:
        if self._run is None:
            raise ResetNeeded("no episode has begun; call reset() first")
        if self.autoreset_mode is AutoresetMode.DISABLED and self._over.any():
            raise ResetNeeded(
                f"the episodes of rows {np.flatnonzero(self._over)[:8].tolist()} are over, and nothing resets them; "
                'call reset(options={"reset_mask": terminated | truncated})'
            )
        return self._run

    def _checked_seeds(self, seed: object) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, Sequence):
            if len(seed) != self.num_envs:
                raise PlantError(f"`seed` has {len(seed)} entries, but there are {self.num_envs} rows; give one each")
            return [None if entry is None else whole_number(entry, "seed", PlantError) for entry in seed]
        first = whole_number(seed, "seed", PlantError)
        return [first + row for row in range(self.num_envs)]

    def _checked_mask(self, mask: object) -> Any:
        if mask is None:
            return np.ones(self.num_envs, dtype=bool)
        rows = np.array(mask)
        if rows.dtype != bool or rows.shape != (self.num_envs,) or not rows.any():
            raise PlantError(
                f"`reset_mask` has dtype {rows.dtype}, shape {rows.shape} and {np.count_nonzero(rows)} rows to reset, "
                f"but bool of shape ({self.num_envs},) with one row at least is needed"
            )
        if self._run is None and not rows.all():
            raise ResetNeeded("no episode has begun; the first reset must be of all rows")
        return rows


def _masked(name: str, values: Any, rows: Any) -> dict[str, Any]:
    """Return values (num_envs, ...) with nothing in them but for `rows`, beside these; nothing where there are none."""
    if not rows.any():
        return {}
    if not rows.all() and values.dtype != object:
        values = np.where(rows.reshape(-1, *[1] * (values.ndim - 1)), values, values.dtype.type(0))
    return {name: values, f"_{name}": rows.copy()}


def _checked_mode(mode: object) -> AutoresetMode:
    try:
        return AutoresetMode(mode)
    except ValueError as cause:
        known = ", ".join(str(member) for member in AutoresetMode)
        raise PlantError(f"`autoreset_mode` is {mode!r}, but it is one of {known}") from cause
