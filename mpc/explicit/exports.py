"""export_json, export_mat: a law as plain JSON and as a MATLAB file, for programs that know nothing of this one.

Both hold the same: half-spaces A theta <= b of every region, its gain and offset, names, units and bounds. The same
law gives the same bytes. MATLAB's format: MathWorks, "MAT-File Level 5 File Format".
"""

import io
import json
from os import PathLike
from typing import Any

import numpy as np
from scipy.io import savemat

from mpc.explicit.domain import TOLERANCE
from mpc.explicit.errors import ProblemError
from mpc.explicit.law import PiecewiseAffineLaw
from mpc.explicit.storage import write_whole
from plants.arrays import Array, instance_of

FORMAT, VERSION = "yann-control law", 1
LARGEST_MATRIX = 2**31 - 1
"""How many bytes a matrix of format 5 may have."""
MAT_TEXT = 116  # bytes of a MATLAB file that are free text


def export_json(law: PiecewiseAffineLaw, path: str | PathLike[str]) -> None:
    """Write a law to `path` as JSON, replacing the file in one step; docs/exports.md states every key.

    Every number reads back as the same float64; a bound that there is not is null. Raises ProblemError for what is no
    law, FileFormatError for what can be no path, OSError as the system gives it.
    """
    _check(law)
    write_whole(path, (json.dumps(_plain(law), allow_nan=False, ensure_ascii=False, indent=1) + "\n").encode())


def export_mat(law: PiecewiseAffineLaw, path: str | PathLike[str]) -> None:
    """Write a law to `path` for MATLAB (format 5, as save -v6), replacing the file in one step.

    docs/exports.md states every variable. All numbers are full matrices of doubles; regions count from 1; a bound that
    there is not is infinite. Raises as `export_json` does, and ProblemError for a matrix that format 5 cannot hold.
    """
    _check(law)
    matrices = _matrices(law)
    for name, matrix in matrices.items():
        if matrix.nbytes > LARGEST_MATRIX:
            raise ProblemError(
                f"`law` needs {matrix.nbytes} bytes for {name}, but a matrix of MATLAB's format 5 holds "
                f"{LARGEST_MATRIX}; use law.save or export_json"
            )
    buffer = io.BytesIO()
    savemat(buffer, matrices | _texts(law), format="5", oned_as="column")
    text = f"MATLAB 5.0 MAT-file, {FORMAT} {law.digest[:32]}".encode().ljust(MAT_TEXT)
    write_whole(path, text + buffer.getvalue()[MAT_TEXT:])


def _check(law: object) -> None:
    instance_of(law, PiecewiseAffineLaw, "law", ProblemError, "pass the law that solve_explicit returns")


def _plain(law: PiecewiseAffineLaw) -> dict[str, Any]:
    """Return the law in lists, numbers and texts."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "digest": law.digest,
        "partial": law.partial,
        "tolerance": TOLERANCE,
        "parameters": _axes(law.parameter_names, law.parameter_units, law.parameter_bounds),
        "inputs": _axes(law.input_names, law.input_units, _input_bounds(law)),
        "parameter_set": {"A": law.parameter_set.A.tolist(), "b": law.parameter_set.b.tolist()},
        "regions": [
            {
                "A": region.A.tolist(),
                "b": region.b.tolist(),
                "gain": region.gain.tolist(),
                "offset": region.offset.tolist(),
                "active": list(region.active),
            }
            for region in law.regions
        ],
    }


def _axes(names: tuple[str, ...], units: tuple[str, ...], bounds: tuple[Array, Array]) -> list[dict[str, Any]]:
    """Return name, unit and bounds of each component; None for a bound that there is not."""
    lower, upper = ([value if np.isfinite(value) else None for value in bound.tolist()] for bound in bounds)
    keys = ("name", "unit", "lower", "upper")
    return [dict(zip(keys, axis, strict=True)) for axis in zip(names, units, lower, upper, strict=True)]


def _matrices(law: PiecewiseAffineLaw) -> dict[str, Array]:
    """Return the numbers, all two-dimensional: input i of region k is row (k - 1) m + i of gain and offset."""
    A, b, owner = law.halfspaces
    return {
        "version": np.full((1, 1), float(VERSION)),
        "tolerance": np.full((1, 1), TOLERANCE),
        "A": A,
        "b": b[:, None],
        "region": owner[:, None] + 1.0,
        "gain": law.gains.reshape(-1, law.t),
        "offset": law.offsets.reshape(-1, 1),
        "parameter_A": law.parameter_set.A,
        "parameter_b": law.parameter_set.b[:, None],
        "parameter_bounds": np.stack(law.parameter_bounds),
        "input_bounds": np.stack(_input_bounds(law)),
    }


def _texts(law: PiecewiseAffineLaw) -> dict[str, str | np.ndarray]:
    columns = {
        "parameter_names": law.parameter_names,
        "parameter_units": law.parameter_units,
        "input_names": law.input_names,
        "input_units": law.input_units,
    }
    cells = {name: np.array(texts, dtype=object)[:, None] for name, texts in columns.items()}
    return {"digest": law.digest, "partial": law.partial} | cells


def _input_bounds(law: PiecewiseAffineLaw) -> tuple[Array, Array]:
    return law.input_bounds or (np.full(law.m, -np.inf), np.full(law.m, np.inf))
