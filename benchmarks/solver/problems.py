"""The problem set: stored ones with trusted counts, and harder ones built here from their formulas."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
STORED = (ROOT / "tests" / "data" / "mpqp", ROOT / "benchmarks" / "data")
KEYS = ("H", "f", "F", "G", "w", "S", "A_th", "b_th", "eq_idx")


@dataclass(frozen=True, eq=False)
class Problem:
    """min 1/2 z'Hz + (f + F theta)'z, G z <= w + S theta (rows eq_idx: =), A_th theta <= b_th, by name.

    `trusted` is the count of regions that is known by other means (None: nobody knows), `refusal` the name
    of the error that is the right answer ("": there is a law).
    """

    name: str
    arrays: dict[str, np.ndarray]
    source: str
    trusted: int | None = None
    refusal: str = ""

    @property
    def parameters(self) -> int:
        return self.arrays["F"].shape[1]

    @property
    def variables(self) -> int:
        return len(self.arrays["H"])

    @property
    def rows(self) -> int:
        return len(self.arrays["w"])

    @property
    def strictly_convex(self) -> bool:
        return bool(np.linalg.eigvalsh(self.arrays["H"])[0] > 0)


def raw(H, f, F, G, w, S, A_th, b_th, eq_idx=()) -> dict[str, np.ndarray]:
    """The arrays of a problem under their names, in double precision."""
    values = [np.asarray(value, dtype=float) for value in (H, f, F, G, w, S, A_th, b_th)]
    return dict(zip(KEYS, [*values, np.asarray(eq_idx, dtype=np.int64)], strict=True))


def box(half_widths) -> tuple[np.ndarray, np.ndarray]:
    """Rows A and b of the box of these half widths around 0."""
    half_widths = np.asarray(half_widths, dtype=float)
    return np.vstack([np.eye(len(half_widths)), -np.eye(len(half_widths))]), np.tile(half_widths, 2)


def filed() -> list[Problem]:
    """Every problem on file, those that must be refused included."""
    problems = []
    for folder in STORED:
        for name, record in json.loads((folder / "trusted.json").read_text()).items():
            with np.load(folder / f"{name}.npz", allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in KEYS}
            problems.append(Problem(name, arrays, record["source"], record["regions"], record.get("error", "")))
    return problems


def stored_problems() -> list[Problem]:
    """The strictly convex ones of them."""
    return [problem for problem in filed() if problem.strictly_convex]
