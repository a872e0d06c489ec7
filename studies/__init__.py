"""Studies: the paper's cases and beyond, from plant to report."""

from pathlib import Path
from runpy import run_path

__distribution__ = "yann-control"
run_path(str(Path(__file__).parents[1] / "plants" / "ownership.py"))["require_own"]("plants", "mpc", "yann", "rl")

from studies.change_map import input_change, plot_change
from studies.errors import StudyError
from studies.plane import Plane
from studies.region_map import GainOf, plot_regions
from studies.runs import Run
from studies.trajectory_plot import plot_trajectory

__all__ = ["GainOf", "Plane", "Run", "StudyError", "input_change", "plot_change", "plot_regions", "plot_trajectory"]
