"""Digest: one number by which problems are told apart."""

import hashlib

import numpy as np

from mpc.explicit.mpqp import MultiparametricQP

ARRAYS = ("H", "f", "F", "G", "w", "S", "A_theta", "b_theta")


def problem_digest(problem: MultiparametricQP) -> str:
    """Return the SHA-256, in hexadecimal, of the arrays and equality rows of a problem; names do not count."""
    whole = hashlib.sha256(str(tuple(int(row) for row in problem.equality_rows)).encode())
    for name in ARRAYS:
        array = np.asarray(getattr(problem, name), dtype="<f8") + 0.0
        whole.update(f"{name}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()
