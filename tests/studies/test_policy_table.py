from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from mpc import MPCProblem, printed_pendulum, solve_explicit
from studies.policy_table import changes_table, policy_table
from yann import YannActor, changes


@pytest.fixture(scope="module")
def actor():
    limits = {"state_bounds": ([-2, -8], [2, 8]), "input_bounds": (-2, 2)}
    law = solve_explicit(MPCProblem(printed_pendulum(), np.diag([1, 0.1]), 0.001, horizon=2, **limits))
    return YannActor.from_law(law, bound=0.25)


def drawn(table) -> str:
    file = StringIO()
    Console(file=file, width=200).print(table)
    return file.getvalue()


def test_both_inputs_and_slopes_are_drawn_with_units(actor):
    text = drawn(policy_table(actor.explain([0.4, 0.0])))
    for words in ("at angle = 0.4 rad", "region 6", "torque", "-2 N m", "0.25 N m", "per angle (law)", "0 (0)"):
        assert words in text


def test_every_visited_region_is_drawn(actor):
    after = actor.replicate([1]).member(0)
    for parameter in after.parameters():
        parameter.data += 0.1 * torch.linspace(0, 1, parameter.numel()).reshape(parameter.shape)
    found = changes(actor, after, [[0.0, 0.0], [0.4, 0.0]], cost=lambda x, u: (u**2).sum(-1))
    text = drawn(changes_table(found))
    for words in ("2 states in 2 of 7 regions", "torque N m, mean", "torque N m, largest", "torque at its lower limit"):
        assert words in text
    for one in found.regions:
        assert f"{one.largest[0]:+.4g}" in text
