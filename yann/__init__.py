"""Laws as networks: compiled exactly, then trainable."""

from pathlib import Path
from runpy import run_path

__distribution__ = "yann-control"
run_path(str(Path(__file__).parents[1] / "plants" / "ownership.py"))["require_own"]("plants", "mpc")
