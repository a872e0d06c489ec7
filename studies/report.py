"""Reports: what a study ran and found, as one HTML file that needs nothing else to be read or printed."""

import base64
import io
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib import rc_context
from matplotlib.figure import Figure

from mpc.explicit.storage import write_whole
from studies.errors import StudyError
from studies.style import STYLE

Cell = Any
"""What stands in a table: a text, a number, None for "not known", or anything whose str() is a text."""


@dataclass(frozen=True)
class Stacked:
    """A cell of two lines: what counts, and in smaller print below it what belongs to it."""

    top: Cell
    below: str


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header; `footer` rows sum them up, `note` says what to keep in mind.

    Numbers are written with `decimals` digits after the point, whole numbers (int) without; None and NaN as a dash.
    The first column names the row. `groups` are names over several columns, each with how many, from the left.
    Raises StudyError for a row, or groups, that are not as wide as the header.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    footer: tuple[tuple[Cell, ...], ...] = ()
    note: str = ""
    decimals: int = 2
    groups: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if self.groups and sum(width for _, width in self.groups) != len(self.header):
            raise StudyError(
                f"table {self.title!r} has {len(self.header)} columns, but its groups {self.groups} add up to "
                f"{sum(width for _, width in self.groups)}"
            )
        for row in (*self.rows, *self.footer):
            if len(row) != len(self.header):
                raise StudyError(
                    f"table {self.title!r} has {len(self.header)} columns, but the row {row[:1]} has {len(row)} cells"
                )

    @property
    def wordy(self) -> tuple[bool, ...]:
        """Return for each column whether a row has words in it, which are set from the left."""
        return tuple(
            any(isinstance(c, str) and c[:1].isalpha() for c in column) for column in zip(*self.rows, strict=True)
        )


@dataclass(frozen=True, eq=False)
class ReportFigure:
    """A picture with a title, what there is to see in it, and the command that made it (empty: the report's own)."""

    title: str
    figure: Figure
    caption: str
    command: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.figure, Figure):
            raise StudyError(f"`figure` of {self.title!r} is {type(self.figure).__name__}; pass a matplotlib Figure")


@dataclass(frozen=True)
class Excerpt:
    """A text that is shown line by line as it is, such as the explanation of a state."""

    title: str
    text: str


@dataclass(frozen=True, eq=False)
class Report:
    """What a report says, in its order: findings in plain words, figures, tables, excerpts, facts of the run, sources.

    `summary` is the line under the title, `command` what made it all; `facts` are (name, value) pairs: settings,
    seeds, versions; `notes` are limits that a reader must know; `citations` say how to cite.
    """

    title: str
    summary: str
    command: str
    findings: tuple[str, ...]
    figures: tuple[ReportFigure, ...] = ()
    tables: tuple[Table, ...] = ()
    excerpts: tuple[Excerpt, ...] = ()
    notes: tuple[str, ...] = ()
    facts: tuple[tuple[str, Cell], ...] = ()
    citations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.title or not self.findings:
            raise StudyError(f"a report needs a title and findings; it has {self.title!r} and {len(self.findings)}")


def write_report(report: Report, path: str | PathLike[str]) -> Path:
    """Write the report to `path` as one self-contained HTML file, replacing an older one in one step; return the path.

    Nothing is loaded from elsewhere and no script runs. Raises StudyError if the folder does not exist.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise StudyError(f"`path` is {target}, but the folder {target.parent} does not exist; create it first")
    write_whole(target, report_html(report).encode())
    return target


def report_html(report: Report) -> str:
    """Return the report as HTML; every text in it is escaped, so that it can hold whatever names a user chose."""
    if not isinstance(report, Report):
        raise StudyError(f"`report` is {type(report).__name__}; pass a Report")
    environment = Environment(
        loader=PackageLoader("studies"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = cell_text
    environment.filters["picture"] = picture
    environment.tests["stacked"] = lambda value: isinstance(value, Stacked)
    return environment.get_template("report.html").render(report=report)


def cell_text(cell: Cell, decimals: int = 2) -> str:
    """Return a table cell as it is printed: a comma between thousands, a dash for what is not known."""
    if isinstance(cell, bool | np.bool_):
        return "yes" if cell else "no"
    if cell is None or (isinstance(cell, float | np.floating) and np.isnan(cell)):
        return "-"
    if isinstance(cell, int | np.integer):
        return f"{cell:,d}"
    if isinstance(cell, float | np.floating):
        return f"{cell:,.{decimals}f}"
    return str(cell)


@rc_context(STYLE)
def picture(figure: Figure) -> str:
    """Return a figure as a data URI: an SVG that prints sharply and is the same from run to run."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, dpi=200)
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
