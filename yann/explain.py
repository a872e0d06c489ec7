"""explain: what a trained actor does at one point, beside what its law would do there."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike

from plants.arrays import Array, real_array
from yann.errors import NetworkError
from yann.policy_explanation import PolicyExplanation

if TYPE_CHECKING:
    from yann.actor import YannActor


def explain(actor: "YannActor", state: ArrayLike, member: int | None = None) -> PolicyExplanation:
    """Return what `actor` does at one state (t,), how that differs from its law, and how both answer to the state.

    `member` picks one of a stack. On a facet the slopes are those of the region used there. Raises NetworkError for a
    state of another size, NaN or infinity, and for a stack without a member.
    """
    single = one_member(actor, member, "actor")
    law = actor.birth.law
    theta = real_array(state, "state", (law.t,), NetworkError)
    raw, slope, region, margin = _followed(single, theta)
    lower, upper = (side.numpy(force=True) for side in (single.lower, single.upper))
    piece = law.regions[region]
    affine = piece.gain @ theta + piece.offset
    held = (raw > upper).astype(np.int64) - (raw < lower)
    return PolicyExplanation(
        theta=theta,
        nominal=affine.clip(lower, upper),
        learned=raw.clip(lower, upper),
        residual=raw - affine,
        bound=None if single.bound is None else np.broadcast_to(single.bound.numpy(force=True), law.m).copy(),
        held=tuple(int(side) for side in held),
        input_bounds=(lower, upper),
        region=region,
        margin=margin,
        inside=-margin <= single.tolerance,
        active=piece.active,
        gain=piece.gain,
        slope=np.where(held[:, None] != 0, 0.0, slope),
        parameter_names=law.parameter_names,
        parameter_units=law.parameter_units,
        input_names=law.input_names,
        input_units=law.input_units,
    )


def one_member(actor: "YannActor", member: int | None, name: str) -> "YannActor":
    """Return a stack of one: the actor itself, or one member; raises NetworkError where it is not said which."""
    if member is not None:
        return actor.member(member)
    if actor.members > 1:
        raise NetworkError(f"`{name}` is a stack of {actor.members}; say which one, as in member=0")
    return actor


def _followed(actor: "YannActor", theta: Array) -> tuple[Array, Array, int, float]:
    """Return input before clipping (m,), its derivative (m, t), region and margin of a stack of one."""
    point = torch.tensor(theta).reshape(1, 1, -1).requires_grad_()
    with torch.enable_grad():
        region, violation = actor.selector(point)
        raw = actor.unclipped(point, region)[0, 0]
        rows = [torch.autograd.grad(value, point, retain_graph=True)[0][0, 0] for value in raw]
    slope = torch.stack(rows).numpy(force=True)
    return raw.numpy(force=True), slope, int(region), -float(violation)
