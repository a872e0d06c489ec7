"""A safe set as plain data and arrays, for files that hold one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mpc.explicit.errors import ProblemError
from mpc.safety.certificate import SafetyCertificate
from mpc.safety.checkers import CHECKERS
from mpc.safety.safe_set import InputRows, SafeSet
from plants.arrays import Indices, read_only

TEXTS = ("state_names", "input_names", "input_units", "labels", "units")


def safe_set_record(safe: SafeSet) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return (data, arrays) from which `safe_set_of` makes the set again."""
    certificate, rows = safe.certificate, safe.rows
    data: dict[str, Any] = {name: list(getattr(safe, name)) for name in TEXTS}
    data["certificate"] = {
        "kind": certificate.kind, "content": dict(certificate.content), "assumptions": list(certificate.assumptions)
    }  # fmt: skip
    arrays = {"A": safe.A, "b": safe.b, "bounds": np.array(safe.input_bounds), "backup": safe.backup}
    return data, arrays | {"X": rows.X, "U": rows.U, "h": rows.h, "sines": rows.sines, "guards": rows.guards}


def safe_set_of(data: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> SafeSet:
    """Return the safe set of a record; raises ProblemError, LookupError or TypeError for one that does not fit."""
    texts = {name: tuple(str(text) for text in data[name]) for name in TEXTS}
    n, m, q, k = len(texts["state_names"]), len(texts["input_names"]), len(texts["labels"]), len(arrays["h"])
    shapes = {
        "A": (q, n), "b": (q,), "bounds": (2, m), "backup": (m,),
        "X": (k, n), "U": (k, m), "h": (k,), "sines": (m, n), "guards": (k,),
    }  # fmt: skip
    for name, shape in shapes.items():
        if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            raise ProblemError(
                f"`{name}` of the safe set is {arrays[name].shape}, but finite numbers of shape {shape} are needed"
            )
    guards = np.asarray(arrays["guards"], dtype=np.intp)
    if k and not (guards.min() >= 0 and guards.max() < q):
        raise ProblemError(f"`guards` of the safe set names half-space {guards.max()}, but there are {q}")
    part = {name: read_only(arrays[name]) for name in shapes if name != "guards"}
    told = data["certificate"]
    if told["kind"] in CHECKERS:
        _check_certified(part, guards, told["content"])
    return SafeSet(
        A=part["A"],
        b=part["b"],
        rows=InputRows(part["X"], part["U"], part["h"], part["sines"], guards),
        input_bounds=(part["bounds"][0], part["bounds"][1]),
        backup=part["backup"],
        certificate=SafetyCertificate(told["kind"], told["content"], tuple(told["assumptions"])),
        **texts,
    )


def _check_certified(part: Mapping[str, np.ndarray], guards: Indices, content: Mapping[str, Any]) -> None:
    """Raise ProblemError for a set or rows that are other than those in the certificate beside them."""
    certified, rows = content["set"], content["rows"]
    chosen = np.asarray(rows.get("guards", np.arange(len(rows["h"]))), dtype=np.intp)
    sines = np.zeros(part["sines"].shape)
    sines.flat[0] = rows.get("sine", 0.0)
    wanted = {
        "A": certified["A"], "b": certified["b"], "bounds": np.reshape(content["input"], part["bounds"].shape),
        "sines": sines, **{name: np.array(rows[name], dtype=float)[chosen] for name in "Xh"},
        "U": np.reshape(np.array(rows["U"], dtype=float)[chosen], part["U"].shape),
    }  # fmt: skip
    for name, values in wanted.items():
        if not np.array_equal(part[name], np.asarray(values, dtype=float)):
            raise ProblemError(f"`{name}` of the safe set is not that of its certificate, so nothing of it is proved")
    if "guards" in rows and not np.array_equal(guards, chosen):
        raise ProblemError("`guards` of the safe set are not those of its certificate")
