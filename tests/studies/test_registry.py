"""The studies that there are, and which of them a result is of."""

from dataclasses import replace

import pytest

from studies.__main__ import STUDIES, SUITES
from studies.errors import StudyError
from studies.registry import REGISTRY, entry_of
from studies.suite import SUITES as LOADED


def test_the_command_line_knows_the_studies_before_they_are_loaded():
    assert tuple(REGISTRY) == STUDIES
    assert tuple(LOADED) == SUITES
    assert all(set(suite.parts.values()) <= set(STUDIES) for suite in LOADED.values())


def test_a_result_finds_its_own_report(result, reactor_result):
    assert "reactor" in entry_of(reactor_result).report(reactor_result).title
    assert entry_of(result) is REGISTRY["pendulum"]
    assert entry_of(reactor_result).summary(reactor_result).startswith("- Controllers that do not learn")


def test_a_result_of_an_unknown_study_is_refused(result):
    with pytest.raises(StudyError, match="of a study 'crane', but known are: pendulum, cstr"):
        entry_of(replace(result, name="crane"))
