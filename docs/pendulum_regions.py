"""Draws docs/pendulum_regions.png, the picture of the README: python docs/pendulum_regions.py."""

from pathlib import Path

from mpc import solve_explicit
from plants import clipped_pendulum, simulate
from studies import plot_regions
from studies.pendulum import pendulum_problem
from yann import YannActor

PICTURE = Path(__file__).with_suffix(".png")


def draw(path: Path = PICTURE) -> None:
    """Write the region map of the pendulum's law to `path`, with four closed loops of the plant on it."""
    plant = clipped_pendulum()
    law = solve_explicit(pendulum_problem(plant))
    paths = simulate(plant, YannActor.from_law(law), [[0.35, 0.0], [-0.2, 0.0], [-1.2, 4.5], [1.0, -4.0]], steps=100)
    plot_regions(law, paths=paths).savefig(path, dpi=130)


if __name__ == "__main__":
    draw()
