"""Suites: studies that belong together, each in a folder of its own, with one page that leads to their reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from mpc.explicit.storage import write_whole
from studies.report import Report


@dataclass(frozen=True)
class Suite:
    """A name and a title, and the names of the studies by the folders that they go to."""

    name: str
    title: str
    parts: Mapping[str, str]


SUITES: Mapping[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite(
            "safety",
            "Safety that is proved, on two plants",
            {"reactor": "safety-reactor", "pendulum": "safety-pendulum"},
        ),
    )
}


def suite_in(folder: Path) -> Suite | None:
    """Return the suite whose finished studies are all in a folder, None where there is none."""
    for suite in SUITES.values():
        if all((folder / part / "result.npz").exists() for part in suite.parts):
            return suite
    return None


def write_index(title: str, reports: Mapping[str, Report], path: str | PathLike[str]) -> None:
    """Write one page with what each report found and a link to it; `reports` has them by the folder beside the page."""
    environment = Environment(
        loader=PackageLoader("studies"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    links = [(report, f"{part}/report.html") for part, report in reports.items()]
    page = environment.get_template("index.html").render(title=title, reports=links)
    write_whole(path, page.encode())
