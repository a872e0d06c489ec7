"""The page of one's own plant keeps its promise: under 60 lines, a plant that is not in the package, figures as told.

tests/test_docs.py runs it, and the page itself asserts that the controller it keeps is better than the law.
"""

import re
from pathlib import Path

import plants

PAGE = (Path(__file__).parents[1] / "docs" / "add_your_own_plant.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_from_equations_to_a_controller_in_under_60_lines():
    lines = [line for line in BLOCKS[0].splitlines() if line.strip()]
    assert len(lines) < 60


def test_every_stage_is_there_and_the_gain_is_asserted():
    stages = (
        "Plant(",
        "check_plant(",
        "linearise(",
        "MPCProblem(",
        "solve_explicit(",
        "explain(",
        "Scenario(",
        "metrics(",
    )
    for stage in (*stages, "YannActor.from_law(", "YannCritic.from_problem(", "DDPG(", "train(", "evaluate("):
        assert stage in BLOCKS[0], stage
    assert BLOCKS[0].rstrip().endswith("assert runs[-1].costs.mean() < runs[0].costs.mean()")


def test_the_plant_is_not_in_the_package():
    assert not any("ferment" in name for name in plants.__all__)


def test_the_table_is_filled_in():
    assert not re.findall(r"@[A-Z0-9]+@", PAGE)
