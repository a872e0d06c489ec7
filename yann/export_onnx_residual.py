"""The residual of an actor as nodes of an ONNX graph, in every form that yann trains."""

import numpy as np
from torch import nn

from yann.continuous import ContinuousResidual
from yann.errors import NetworkError
from yann.export_onnx_graph import Graph
from yann.per_move import PerMoveResidual
from yann.readout import HalfWidths, PairedReadout
from yann.residual import AsPrintedResidual, PerRegionResidual, SharedResidual
from yann.trainable_law import LawChange


def add_residual(graph: Graph, residual: nn.Module, x: str, region: str) -> str:
    """Return the residual (B, m) of states x (B, t) in their regions (B,); NetworkError for a form unknown here."""
    match residual:
        case PerRegionResidual():
            return _per_region(graph, residual, x, region)
        case PerMoveResidual():
            return _per_region(graph, residual.networks, x, graph.add("Gather", residual.move, region))
        case SharedResidual():
            return _shared(graph, residual, x, region)
        case AsPrintedResidual():
            return _as_printed(graph, residual, x, region)
        case LawChange():
            return _law_change(graph, residual, x, region)
        case ContinuousResidual():
            return graph.add("Mul", _factor(graph, residual, x, region), add_residual(graph, residual.form, x, region))
        case _:
            raise NetworkError(
                f"`policy` has a {type(residual).__name__}, but ONNX is written for PerRegion, PerMove, Shared, "
                "AsPrinted, TrainableLaw and Continuous; build the actor with one of them"
            )


def _per_region(graph: Graph, residual: PerRegionResidual, x: str, network: str) -> str:
    first = graph.affine(residual.inner[0], residual.bias[0], network, _scaled(graph, residual.scale, x))
    hidden = graph.add("Tanh", first)
    halves = (graph.product(half[0], network, hidden) for half in (residual.plus, residual.minus))
    return _readout(graph, residual.readout, *halves)


def _shared(graph: Graph, residual: SharedResidual, x: str, region: str) -> str:
    rows = _scaled(graph, residual.scale, x)
    for layer in residual.trunk.layers:
        weight, bias = layer.weight[0], layer.bias[0]  # type: ignore[index]
        rows = graph.add("Tanh", graph.add("Add", graph.add("MatMul", rows, weight.T), bias))
    return graph.add("Mul", graph.affine(residual.heads[0], residual.bias[0], region, rows), residual.half_range)


def _as_printed(graph: Graph, residual: AsPrintedResidual, x: str, region: str) -> str:
    first = graph.add("Add", graph.add("MatMul", x, residual.inner[0].T), residual.bias[0])
    hidden, own = graph.add("Tanh", first), graph.add("Unsqueeze", region, np.array([1]))
    halves = []
    for half in (residual.plus, residual.minus):
        every = graph.add("MatMul", hidden, half[0].T)
        by_region = graph.add("Reshape", every, np.array([0, residual.regions, half.shape[1] // residual.regions]))
        halves.append(graph.add("GatherND", by_region, own, batch_dims=1))
    return _readout(graph, residual.readout, *halves)


def _law_change(graph: Graph, residual: LawChange, x: str, region: str) -> str:
    change = graph.affine(residual.gain[0], residual.offset[0], region, _scaled(graph, residual.scale, x))
    change = graph.add("Mul", change, residual.half_range)
    return (
        change if residual.beside is None else graph.add("Add", change, add_residual(graph, residual.beside, x, region))
    )


def _factor(graph: Graph, residual: ContinuousResidual, x: str, region: str) -> str:
    """Return the factor (B, 1) with which a continuous residual fades."""
    room = graph.add("Sub", graph.add("Gather", residual.b, region), graph.product(residual.A, region, x))
    depth = graph.add("ReduceMin", room, axes=[1], keepdims=1)
    fade = graph.add("Gather", residual.fade[:, None], region)
    w = graph.add("Clip", graph.add("Div", depth, fade), np.array(0.0), np.array(1.0))
    slope = graph.add("Sub", np.array(3.0), graph.add("Mul", w, np.array(2.0)))
    return graph.add("Mul", graph.add("Mul", w, w), slope)


def _scaled(graph: Graph, scale: HalfWidths, x: str) -> str:
    return graph.add("Div", graph.add("Sub", x, scale.centre), scale.half_width)


def _readout(graph: Graph, readout: PairedReadout, plus: str, minus: str) -> str:
    difference = graph.add("Sub", graph.add("Tanh", plus), graph.add("Tanh", minus))
    by_input = graph.add("Reshape", difference, np.array([0, len(readout.half_range), readout.pairs]))
    return graph.add("Mul", graph.add("ReduceMean", by_input, axes=[2], keepdims=0), readout.half_range)
