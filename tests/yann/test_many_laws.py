"""Actors of every stored problem's law, and of a law of 1,801 regions, are their laws."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.masses import masses_law
from mpc import MultiparametricQP, solve_explicit
from yann import PerMove, PerRegion, TrainableLaw, YannActor, verify

FOLDER = Path(__file__).parents[1] / "data" / "mpqp"
TRUSTED = json.loads((FOLDER / "trusted.json").read_text(encoding="utf-8"))
NAMES = sorted(name for name, entry in TRUSTED.items() if "error" not in entry)


def stored(name):
    """The law of a stored problem, its inputs bounded a little beyond what they are on the domain."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as data:
        arrays = [data[key] for key in ("H", "f", "F", "G", "w", "S", "A_th", "b_th")]
        law = solve_explicit(MultiparametricQP(*arrays, equality_rows=tuple(data["eq_idx"].tolist())))
    corners = law.centre + law.half_width * np.random.default_rng(0).uniform(-1, 1, (4000, law.t))
    inside = corners[np.asarray(law.locate(corners).margin) >= 0]
    centres = np.stack([region.centre for region in law.regions])
    inputs = law(np.concatenate([inside, centres]))
    least, most = inputs.min(axis=0), inputs.max(axis=0)
    room = 1 + 2 * (most - least)
    return replace(law, input_bounds=(least - room, most + room))


@pytest.fixture(scope="module")
def masses():
    """The law of two masses on springs, 1,801 regions."""
    return masses_law()


@pytest.mark.parametrize("name", NAMES)
def test_the_actor_of_a_stored_problem_is_its_law(name):
    law = stored(name)
    found = verify(YannActor.from_law(law, residual=TrainableLaw()), law, points=300)
    assert found.passed, str(found)
    assert found.max_error <= 1e-9


@pytest.mark.slow
def test_the_actor_of_a_law_of_1801_regions_is_its_law_on_all_16054_facets(masses):
    found = verify(YannActor.from_law(masses), masses, points=2000)
    assert (len(masses.regions), masses.t) == (1801, 4)
    assert found.passed, str(found)
    assert found.max_error <= 1e-9
    assert found.facets == found.half_spaces == 16054
    assert found.counts["outside"] == 2000


@pytest.mark.parametrize("weight", ["gains", "offsets"])
def test_a_changed_weight_of_a_stored_law_is_found_and_its_region_named(weight):
    """By a little more than 1e-8 of the input range somewhere in the region."""
    law = stored("rand_x2u1_N4")
    lower, upper = law.input_bounds
    for region in range(len(law.regions)):
        actor = YannActor.from_law(law, residual=TrainableLaw())
        size = 1.1e-8 * (upper[0] - lower[0])
        farthest = abs(law.regions[region].centre[0]) + law.regions[region].radius * law.half_width[0]
        getattr(actor.law, weight)[region].view(-1)[0] += size / farthest if weight == "gains" else size
        found = verify(actor, law, points=20)
        assert not found.passed
        assert found.region == region


@pytest.mark.parametrize("form", [PerRegion(), PerMove()], ids=repr)
def test_a_replay_batch_gives_only_visited_weights_a_gradient(masses, form):
    actor = YannActor.from_law(masses, residual=form)
    states = masses.centre + masses.half_width * np.random.default_rng(0).uniform(-0.4, 0.4, (256, 4))
    visited = np.unique(np.asarray(masses.locate(states).region))
    actor.rows(torch.tensor(states)[None]).square().sum().backward()
    networks = actor.residual if isinstance(form, PerRegion) else actor.residual.networks
    used = visited if isinstance(form, PerRegion) else np.unique(actor.residual.move[visited].numpy())
    touched = networks.plus.grad[0].flatten(1).any(dim=1).numpy()
    assert 5 < len(used) < len(touched) / 4
    assert set(np.flatnonzero(touched)) <= set(used.tolist())
    assert touched.sum() > len(used) / 4
