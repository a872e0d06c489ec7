"""export_c: a law, the policy trained from it or a safety filter as C89 that needs nothing else, with a self-test."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, overload

from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.storage import write_whole
from plants.arrays import instance_of
from yann.actor import YannActor
from yann.errors import NetworkError
from yann.export_c_files import checked_name, checked_paths
from yann.export_c_filter import FilterSheet, FilterTexts, filter_texts
from yann.export_c_form import DOUBLE, FLOAT, NEAREST, Backup, Hold, Nearest, Outside, Precision
from yann.export_c_law import LawTexts, law_texts
from yann.export_c_sheet import DataSheet
from yann.filtered_actor import FilteredActor
from yann.safety_filter import SafetyFilter


@dataclass(frozen=True)
class ExportedFilter:
    """The files of a safety filter, and its figures; `projection` are those of the law that several inputs need."""

    header: Path
    source: Path
    selftest: Path
    data_sheet: Path
    figures: Path
    sheet: FilterSheet
    projection: "ExportedC | None" = None


@dataclass(frozen=True)
class ExportedC:
    """The files that were written, and their figures; `filter` are those of the safety filter of a FilteredActor."""

    header: Path
    source: Path
    selftest: Path
    data_sheet: Path
    figures: Path
    sheet: DataSheet
    filter: ExportedFilter | None = None


@overload
def export_c(
    policy: SafetyFilter,
    directory: str | PathLike[str],
    name: str = ...,
    precision: Precision = ...,
    outside: Outside = ...,
) -> ExportedFilter: ...
@overload
def export_c(
    policy: PiecewiseAffineLaw | YannActor | FilteredActor,
    directory: str | PathLike[str],
    name: str = ...,
    precision: Precision = ...,
    outside: Outside = ...,
) -> ExportedC: ...
def export_c(
    policy: PiecewiseAffineLaw | YannActor | FilteredActor | SafetyFilter,
    directory: str | PathLike[str],
    name: str = "law",
    precision: Precision = DOUBLE,
    outside: Outside = NEAREST,
) -> ExportedC | ExportedFilter:
    """Write NAME.h, NAME.c, NAME_selftest.c, NAME.md and NAME.json to `directory`; return their paths and figures.

    `int NAME_eval(const double *x, double *u)` gives the input of a law, or of an actor as trained, within the input
    bounds, and 1 inside the domain, 0 outside, where `outside` says what u is. A SafetyFilter gives NAME_filter.h and
    so on, with `int NAME_filter(const double *x, const double *wanted, double *u)`: 1 inside the safe set, 0 outside; a
    FilteredActor both, where NAME_eval ends in the filter. Files of these names are replaced, each in one step.
    Raises NetworkError for a stack of actors, a law without finite input bounds, a filter of several inputs in FLOAT, a
    name that C does not take, a directory that is not there or takes no files, and in place of replacing a link or a
    folder.
    """
    instance_of(outside, (Nearest, Hold, Backup), "outside", NetworkError, "pass NEAREST, HOLD or Backup(input)")
    if not isinstance(precision, Precision) or precision not in (DOUBLE, FLOAT):
        raise NetworkError(f"`precision` is {precision!r}; pass DOUBLE or FLOAT")
    precision = FLOAT if precision == FLOAT else DOUBLE
    called = checked_name(name)
    if isinstance(policy, SafetyFilter):
        if outside != NEAREST:
            raise NetworkError("`outside` is for laws and actors, but `policy` is a filter alone; leave `outside` out")
        return _written_filter(filter_texts(policy.filtering, policy.set, called, precision), directory, called)
    if not isinstance(policy, FilteredActor):
        return _written_law(law_texts(policy, called, precision, outside), directory, called)
    safe = filter_texts(policy.filter.filtering, policy.filter.set, called, precision)
    actor: Any = policy.unfiltered
    law = law_texts(actor, called, precision, outside, safe.sheet.digest)
    checked_paths(directory, called)
    return _written_law(law, directory, called, _written_filter(safe, directory, called))


def _written_filter(texts: FilterTexts, directory: str | PathLike[str], name: str) -> ExportedFilter:
    paths = checked_paths(directory, f"{name}_filter")
    projection = None
    if texts.projection is not None:
        projection = _written_law(texts.projection, directory, texts.projection.sheet.name)
    _write(paths, texts.contents)
    return ExportedFilter(*paths, sheet=texts.sheet, projection=projection)


def _written_law(
    texts: LawTexts, directory: str | PathLike[str], name: str, safe: ExportedFilter | None = None
) -> ExportedC:
    paths = checked_paths(directory, name)
    _write(paths, texts.contents)
    return ExportedC(*paths, sheet=texts.sheet, filter=safe)


def _write(paths: list[Path], contents: tuple[str, ...]) -> None:
    for path, content in zip(paths, contents, strict=True):
        write_whole(path, content.encode())
