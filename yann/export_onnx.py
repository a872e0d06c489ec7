"""export_onnx: a law, or the policy trained from it, as an ONNX model in float64."""

import hashlib
import json
from dataclasses import dataclass
from functools import reduce
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import cast

import numpy as np

from mpc.explicit.law import TOLERANCE, PiecewiseAffineLaw
from mpc.explicit.magnitudes import LARGEST
from mpc.explicit.storage import write_whole
from plants.arrays import instance_of
from yann.actor import YannActor
from yann.errors import NetworkError
from yann.export_onnx_graph import Graph
from yann.export_onnx_residual import add_residual
from yann.export_paths import file_path
from yann.gathered import check_law, input_box

MOST = 2**31 - 2**20
"""Bytes of constants that fit into one file, whose format ends at 2 GiB."""

X = "States as rows, in physical units: {}."
U = "Inputs within their bounds: {}. Outside the domain the nearest region's; for x not finite 0 or the nearest bound."
REGION = "The region of least violation, the lowest number on a tie; -1 where x is not finite."
VALID = "Whether x is finite and no farther than {:g} half widths outside the law's domain."


@dataclass(frozen=True)
class ExportedOnnx:
    """The file that was written, its bytes, and the hash of the policy in it."""

    path: Path
    file_bytes: int
    digest: str


def export_onnx(policy: PiecewiseAffineLaw | YannActor, path: str | PathLike[str]) -> ExportedOnnx:
    """Write an ONNX model (opset 17, float64) of a law, or of an actor as trained, to `path`; return its figures.

    It takes "x" (batch, t) and gives "u" (batch, m), "region" (batch,) int64 and "valid" (batch,) bool, what
    `actor.evaluate` gives: the region to the last bit, also on facets. Names, units, bounds and the hash are in its
    metadata. A file at `path` is replaced in one step. Raises NetworkError where the package onnx is missing, for a
    stack of actors, weights that are not finite, a law without finite input bounds, a policy beyond 2 GiB, and a path
    that is no place for a file. See docs/exports.md.
    """
    law, actor = _checked_policy(policy)
    target = file_path(path, "policy.onnx")
    if find_spec("onnx") is None:
        raise NetworkError(
            "export_onnx needs the package onnx, which is not installed; run pip install 'yann-control[onnx]'"
        )
    graph = Graph(MOST)
    _add_policy(graph, law, actor)
    notes = _notes(law, actor)
    ends = {"u": (np.float64, law.m), "region": (np.int64, None), "valid": (np.bool_, None)}
    content = graph.model(ends, law.t, notes)
    write_whole(target, content)
    return ExportedOnnx(target, len(content), notes["digest"])


def _checked_policy(policy: object) -> tuple[PiecewiseAffineLaw, YannActor | None]:
    wanted = (PiecewiseAffineLaw, YannActor)
    instance_of(policy, wanted, "policy", NetworkError, "pass a law or what YannActor.from_law returns")
    if not isinstance(policy, YannActor):
        check_law(policy)
        return cast(PiecewiseAffineLaw, policy), None
    if policy.members > 1:
        raise NetworkError(f"`policy` is a stack of {policy.members} actors, but a model holds 1; pass .member(i)")
    for name, weight in policy.named_parameters():
        if not weight.isfinite().all():
            raise NetworkError(f"`policy` has weights {name} that are not finite; train it anew")
    return policy.birth.law, policy


def _add_policy(graph: Graph, law: PiecewiseAffineLaw, actor: YannActor | None) -> None:
    """Add all nodes from x to u, region and valid."""
    unfit = graph.add("Or", graph.add("IsNaN", "x"), graph.add("IsInf", "x"))
    x = graph.add("Where", unfit, np.zeros(1), "x")
    # 6 is INT32, of which there is a maximum, unlike of truth values; 9 is BOOL.
    worst = graph.add("ReduceMax", graph.add("Cast", unfit, to=6), axes=[1], keepdims=1)
    finite = graph.add("Not", graph.add("Cast", worst, to=9))
    region = _add_region(graph, law, x, finite)
    x = graph.add("Clip", x, np.array(-LARGEST), np.array(LARGEST))
    u = graph.affine(law.gains, law.offsets, region, x)
    if actor is not None:
        u = graph.add("Add", u, _bounded(graph, actor, add_residual(graph, actor.residual, x, region)))
    lower, upper = input_box(law)
    u = graph.add("Where", finite, u, np.zeros(1))
    graph.add("Min", graph.add("Max", u, lower), upper, output="u")


def _add_region(graph: Graph, law: PiecewiseAffineLaw, x: str, finite: str) -> str:
    """Add region and valid, and return a region for every state, finite or not."""
    violation = _violation(graph, law, x)
    region = graph.add("ArgMin", violation, axis=1, keepdims=0, select_last_index=0)
    least = graph.add("ReduceMin", violation, axes=[1], keepdims=0)
    inside = graph.add("LessOrEqual", least, np.array(TOLERANCE))
    known = graph.add("Squeeze", finite, np.array([1]))
    graph.add("Where", known, region, np.array(-1), output="region")
    graph.add("And", known, inside, output="valid")
    return region


def _violation(graph: Graph, law: PiecewiseAffineLaw, x: str) -> str:
    """Return the violation (B, p) of every region; those with equally many half-spaces are taken together.

    The products are summed in the order of the law's own scan, without MatMul, so that they have its bits.
    """
    A, b, owner = law.halfspaces
    counts = np.bincount(owner)
    starts = np.cumsum(counts) - counts
    columns = [graph.add("Gather", x, np.array([j]), axis=1) for j in range(law.t)]
    alike = [np.flatnonzero(counts == count) for count in np.unique(counts)]
    parts = []
    for regions in alike:
        rows = starts[regions, None] + np.arange(int(counts[regions[0]]))
        terms = [graph.add("Mul", column, A[rows.ravel(), j]) for j, column in enumerate(columns)]
        level = graph.add("Sub", reduce(lambda total, term: graph.add("Add", total, term), terms), b[rows.ravel()])
        by_region = graph.add("Reshape", level, np.array([0, *rows.shape]))
        parts.append(graph.add("ReduceMax", by_region, axes=[2], keepdims=0))
    together = graph.add("Concat", *parts, axis=1)
    return graph.add("Gather", together, np.argsort(np.concatenate(alike)), axis=1)


def _bounded(graph: Graph, actor: YannActor, residual: str) -> str:
    if actor.bound is None:
        return residual
    return graph.add("Mul", graph.add("Tanh", graph.add("Div", residual, actor.bound)), actor.bound)


def _notes(law: PiecewiseAffineLaw, actor: YannActor | None) -> dict[str, str]:
    """Return the descriptions of the graph and its ends, and the metadata, all as texts."""
    lower, upper = input_box(law)
    inputs, states = _listed(law.input_names, law.input_units), _listed(law.parameter_names, law.parameter_units)
    data = {
        "state_names": law.parameter_names,
        "state_units": law.parameter_units,
        "input_names": law.input_names,
        "input_units": law.input_units,
        "input_bounds": (lower.tolist(), upper.tolist()),
        "parameter_bounds": [side.tolist() for side in law.parameter_bounds],
        "regions": len(law.regions),
        "tolerance": TOLERANCE,
    }
    residual = "none: the law itself" if actor is None else str(actor.birth.residual)
    about = f"Explicit MPC law of {len(law.regions)} regions. Residual: {residual}."
    ends = {"": about, "x": X.format(states), "u": U.format(inputs), "region": REGION, "valid": VALID.format(TOLERANCE)}
    texts = {name: json.dumps(values) for name, values in data.items()}
    return ends | texts | {"residual": residual, "law_digest": law.digest, "digest": _digest(law, actor)}


def _listed(names: tuple[str, ...], units: tuple[str, ...]) -> str:
    return ", ".join(f"{name} ({unit})" if unit else name for name, unit in zip(names, units, strict=True))


def _digest(law: PiecewiseAffineLaw, actor: YannActor | None) -> str:
    """Return the SHA-256 of the law, the weights and the bound, in hexadecimal."""
    whole = hashlib.sha256(law.digest.encode())
    if actor is not None:
        own = {**dict(actor.named_parameters()), **({} if actor.bound is None else {"bound": actor.bound})}
        for name, weight in own.items():
            whole.update(f"{name} {tuple(weight.shape)}".encode() + weight.detach().numpy(force=True).tobytes())
    return whole.hexdigest()
