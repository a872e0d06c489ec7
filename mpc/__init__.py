"""Control: a plant becomes a linear model, a parametric program and a piecewise affine law."""

from pathlib import Path
from runpy import run_path

__distribution__ = "yann-control"
run_path(str(Path(__file__).parents[1] / "plants" / "ownership.py"))["require_own"]("plants")
