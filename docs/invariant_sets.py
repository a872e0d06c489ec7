"""Draws docs/invariant_sets.png, the picture of docs/invariant_sets.md: python docs/invariant_sets.py."""

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from mpc import Polyhedron, feasible_set, kept_for_ever, maximal_admissible
from plants import clipped_pendulum
from studies.pendulum import pendulum_problem
from studies.style import BLUE, GREEN, GREY, LIGHT_GREY, SKY, STYLE, WIDTH

PICTURE = Path(__file__).with_suffix(".png")


def around(region: Polyhedron) -> np.ndarray:
    """Return the corners of a plane set in order."""
    corners = region.vertices()
    middle = corners - corners.mean(axis=0)
    return corners[np.argsort(np.arctan2(*middle.T))]


def draw(path: Path = PICTURE) -> None:
    """Write the pendulum's box with its feasible, holdable and unconstrained sets to `path`."""
    problem = pendulum_problem(clipped_pendulum())
    held = kept_for_ever(problem)
    inner = maximal_admissible(problem.model, problem.regulator, problem.state_bounds, problem.input_bounds)
    sets = [
        (feasible_set(problem), SKY, 0.35, "a plan of 2 steps\nexists (84.2 %)", None, (-1.0, -4.6)),
        (held.polyhedron, BLUE, 0.55, "limits can be kept\nfor ever (18.7 %)", (-0.3, 2.2), (0.2, 4.6)),
        (inner.polyhedron, GREEN, 0.9, "the regulator\nkeeps them", (0.4, -1.4), (0.95, 0.9)),
    ]
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 0.62 * WIDTH), layout="constrained")
        axes = figure.add_subplot()
        axes.set_facecolor(LIGHT_GREY)
        for region, colour, alpha, words, point, place in sets:
            axes.add_patch(Polygon(around(region), facecolor="white", edgecolor="none"))
            axes.add_patch(Polygon(around(region), facecolor=colour, alpha=alpha, edgecolor="none"))
            axes.add_patch(Polygon(around(region), facecolor="none", edgecolor=colour, linewidth=1.4))
            if point is None:
                axes.text(*place, words)
            else:
                axes.annotate(words, point, place, arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.8})
        lower, upper = problem.domain
        axes.set(xlim=(lower[0], upper[0]), ylim=(lower[1], upper[1]), xlabel="angle (rad)", ylabel="rate (rad/s)")
        figure.savefig(path, dpi=130)


if __name__ == "__main__":
    draw()
