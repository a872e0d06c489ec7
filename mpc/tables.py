"""Tables: explanations drawn for a terminal. Not imported by `mpc` itself, so that nothing else waits for rich."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from mpc.explicit.explanation import Explanation

FACETS = 8  # facets that the table lists


def explanation_table(explanation: Explanation) -> Group:
    """Return what `rich.print` draws of law.explain(theta): the point, gains, prices, readouts and facets."""
    parts: list[Text | Table] = [Text(f"at {explanation.point}"), Text(explanation.place), _gains(explanation)]
    parts.append(Text(f"cost: {explanation.cost}"))
    if explanation.worth.prices:
        parts.append(_prices(explanation))
    if explanation.worth.readings:
        parts.append(Text("then: " + ", ".join(map(str, explanation.worth.readings))))
    if explanation.facets:
        parts.append(_facets(explanation))
    return Group(*parts)


def _gains(explanation: Explanation) -> Table:
    table = _table("input", ("input", "value", *(f"per {name}" for name in explanation.parameter_names), "offset"))
    for i, name in enumerate(explanation.input_names):
        value = f"{explanation.input[i]:.6g} {explanation.input_units[i]}".rstrip()
        gains = [f"{gain:.5g}" for gain in explanation.gain[i]]
        table.add_row(*map(Text, (name, value, *gains, f"{explanation.offset[i]:.5g}")))
    return table


def _prices(explanation: Explanation) -> Table:
    table = _table(explanation.price_heading, ("row", "unit", "saved by 1 more", "lost by 1 less"))
    for price in explanation.worth.prices:
        table.add_row(*map(Text, (price.row, price.unit, f"{price.low:.4g}", f"{price.high:.4g}")))
    return table


def _facets(explanation: Explanation) -> Table:
    shown = explanation.facets[:FACETS]
    title = f"{len(shown)} nearest of {len(explanation.facets)} facets; behind the first: {explanation.behind}"
    table = _table(title, ("half widths", "shortest way", "what changes there"))
    for facet in shown:
        table.add_row(*map(Text, (f"{facet.distance:.3g}", explanation.way(facet), str(facet))))
    return table


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=Text(title), title_justify="left")
    for column in columns:
        table.add_column(Text(column))
    return table
