"""The studies by name, each with what tells and draws its results."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from studies import cstr_report, pendulum_report, safety_report
from studies.case import Study
from studies.cstr import CstrStudy
from studies.errors import StudyError
from studies.pendulum import PendulumStudy
from studies.report import Report
from studies.result import StudyResult
from studies.safety import PendulumSafety, ReactorSafety


@dataclass(frozen=True)
class Entry:
    """A study with its default settings, its findings in words, and its report."""

    study: Study
    findings: Callable[[StudyResult], Iterator[str]]
    report: Callable[[StudyResult], Report]

    def summary(self, result: StudyResult) -> str:
        """Return the findings as lines of text for a terminal."""
        return "\n".join(f"- {finding}" for finding in self.findings(result))


REGISTRY: Mapping[str, Entry] = {
    entry.study.name: entry
    for entry in (
        Entry(PendulumStudy(), pendulum_report.findings, pendulum_report.pendulum_report),
        Entry(CstrStudy(), cstr_report.findings, cstr_report.cstr_report),
        Entry(ReactorSafety(), safety_report.findings, safety_report.safety_report),
        Entry(PendulumSafety(), safety_report.findings, safety_report.safety_report),
    )
}


def entry_of(result: StudyResult) -> Entry:
    """Return the entry of the study that a result is of; raise StudyError for a study that is not known here."""
    if result.name not in REGISTRY:
        raise StudyError(f"the result is of a study {result.name!r}, but known are: {', '.join(REGISTRY)}")
    return REGISTRY[result.name]
