"""Tables of what a trained actor does at one point, and of what training changed, drawn by rich in a terminal."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from yann.changes import Changes
from yann.policy_explanation import PolicyExplanation, quantity

REGIONS = 20  # regions that the table lists


def policy_table(explanation: PolicyExplanation) -> Group:
    """Return what `rich.print` draws of actor.explain(x): the point, then both inputs and both slopes."""
    active = f"active: {'; '.join(explanation.active) or 'no limit'}"
    return Group(*map(Text, (f"at {explanation.point}", explanation.place, active)), _inputs(explanation))


def changes_table(changes: Changes) -> Table:
    """Return what `rich.print` draws of changes(before, after, states): a row for every visited region."""
    units = dict(zip(changes.input_names, changes.input_units, strict=True))
    names = [f"{name} {unit}".rstrip() for name, unit in units.items()]
    wanted = [f"{name}, {kind}" for name in names for kind in ("mean", "largest")]
    title = f"{changes.visits:,} states in {len(changes.regions):,} of {changes.count:,} regions"
    table = _table(title, ("region", "visits", "outside", *wanted, "cost", "active"))
    for one in changes.regions[:REGIONS]:
        moves = [f"{value:+.4g}" for pair in zip(one.mean, one.largest, strict=True) for value in pair]
        cost = "" if one.cost is None else f"{one.cost:+.4g}"
        cells = (f"{one.region}", f"{one.visits:,}", f"{one.outside:,}", *moves, cost, "; ".join(one.active))
        table.add_row(*map(Text, cells))
    return table


def _inputs(explanation: PolicyExplanation) -> Table:
    slopes = [f"per {name} (law)" for name in explanation.parameter_names]
    table = _table("input", ("input", "learned", "law", "residual", "bound", "held at", *slopes))
    for i, name in enumerate(explanation.input_names):
        unit = explanation.input_units[i]
        values = [quantity(row[i], unit) for row in (explanation.learned, explanation.nominal, explanation.residual)]
        bound = "" if explanation.bound is None else quantity(explanation.bound[i], unit)
        pairs = zip(explanation.slope[i], explanation.gain[i], strict=True)
        cells = (name, *values, bound, explanation.limit(i), *(f"{new:.5g} ({law:.5g})" for new, law in pairs))
        table.add_row(*map(Text, cells))
    return table


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=Text(title), title_justify="left")
    for column in columns:
        table.add_column(Text(column))
    return table
