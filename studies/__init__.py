"""Studies: the paper's cases and beyond, from plant to report."""

from pathlib import Path
from runpy import run_path

__distribution__ = "yann-control"
run_path(str(Path(__file__).parents[1] / "plants" / "ownership.py"))["require_own"]("plants", "mpc", "yann", "rl")
