"""The table of an explanation holds what its text says."""

import subprocess
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from mpc import solve_explicit
from mpc.tables import explanation_table


def drawn(explanation) -> str:
    console = Console(width=200, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(explanation_table(explanation))
    return capture.get()


@pytest.fixture(scope="module")
def law(pendulum_problem):
    return solve_explicit(pendulum_problem())


def test_a_table_shows_gains_prices_and_facets(law):
    explanation = law.explain([0.4, 0.0])
    text = drawn(explanation)
    assert "at angle = 0.4 rad, rate = 0 rad/s" in text
    assert "per angle" in text
    price = explanation.worth.prices[0]
    (line,) = [line for line in text.splitlines() if price.row in line and f"{price.low:.4g}" in line]
    assert line.count(f"{price.low:.4g}") == 2
    assert "N m" in line
    for facet in explanation.facets[:8]:
        assert str(facet) in text
        assert explanation.way(facet) in text
    assert f"{len(explanation.facets)} nearest of {len(explanation.facets)} facets" in text


def test_outside_and_without_prices_its_tables_are_left_out(law):
    outside = drawn(law.explain([3.0, 0.0]))
    assert "outside the domain" in outside
    assert "saved by" not in outside
    assert "shortest way" not in outside
    assert "saved by" not in drawn(law.explain([0.0, 0.0]))


def test_names_are_shown_as_they_are(law):
    labels = replace(law.labels, parameters=("[red]angle", "rate"))
    assert "per [red]angle" in drawn(replace(law, labels=labels).explain([0.0, 0.0]))


def test_mpc_itself_does_not_wait_for_rich():
    code = "import sys, mpc; assert 'mpc.tables' not in sys.modules; print('rich.table' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
