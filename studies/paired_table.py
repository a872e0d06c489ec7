"""The table of methods before and after training, start by start."""

from collections.abc import Sequence

import numpy as np

from plants.arrays import Array
from studies.comparison import Comparison, PairedCosts
from studies.report import Cell, Stacked, Table
from studies.statistics import Spread


def paired_table(compared: Comparison, title: str, note: str) -> Table:
    """Return one row per start: each method before and after training, the like figures of others, the best known.

    A cell has the mean over the seeds and, below, the least and the largest. The footer has the means over the starts.
    Methods that begin alike, as all do that begin as the law, share the first one's column.
    """
    columns: list[tuple[Cell, ...]] = [(*compared.starts, f"mean of {len(compared.starts)}")]
    header, groups = ["start"], [("", 1)]
    for method in compared.methods:
        others = {r.name: r.costs for r in compared.references if method.method in r.name.split()}
        shown = stages(method, compared.methods)
        for stage, costs in shown:
            header.append(stage)
            columns.append(tuple(stacked(each) for each in (*costs.T, costs.mean(axis=1))))
        for name, costs in others.items():
            header.append(name.replace(f" {method.method}", ""))
            columns.append((*costs.tolist(), float(costs.mean())))
        groups.append((method.method, len(shown) + len(others)))
    header.append("best known")
    columns.append((*compared.best.tolist(), float(compared.best.mean())))
    if header.count("before") < len(compared.methods):
        note = f"{note} Methods that begin alike share the first one's column."
    *rows, last = zip(*columns, strict=True)
    return Table(title, tuple(header), tuple(rows), (last,), note, groups=(*groups, ("", 1)))


def stages(method: PairedCosts, methods: Sequence[PairedCosts]) -> list[tuple[str, Array]]:
    """Return (stage, costs (S, K)) of a method, without "before" if one of the methods before it began the same."""
    earlier = methods[: list(methods).index(method)]
    begun = any(np.array_equal(method.before, other.before) for other in earlier)
    return list(method.stages())[begun:]


def stacked(costs: Array) -> Cell:
    """Return the mean over seeds with the least and the largest below it, or the one number where all print alike."""
    spread = Spread.of(costs)
    if f"{spread.least:.2f}" == f"{spread.largest:.2f}":
        return spread.mean
    return Stacked(spread.mean, f"{short(spread.least)} to {short(spread.largest)}")


def short(value: float) -> str:
    """Return a cost with two decimals, or with none from 100 on."""
    return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
