"""Law files: what a law is made of, as arrays and JSON; its digest; writing and reading it."""

import hashlib
import json
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from mpc.explicit.certificate import Certificate
from mpc.explicit.errors import FileFormatError
from mpc.explicit.labels import Labels
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.polyhedron import Polyhedron
from mpc.explicit.readout import Readout
from mpc.explicit.region import ARRAYS, Regions
from mpc.explicit.storage import read_archive, write_archive
from mpc.explicit.value import Quadratic

if TYPE_CHECKING:
    from mpc.explicit.law import PiecewiseAffineLaw

KIND = "law"
PROBLEM = ("H", "f", "F", "G", "w", "S", "A_theta", "b_theta")


def digest(law: "PiecewiseAffineLaw") -> str:
    """Return the SHA-256 of everything that the law is made of, its certificate left out, in hexadecimal."""
    data, arrays = _record(law)
    whole = hashlib.sha256(json.dumps(data, sort_keys=True).encode())
    for name in sorted(arrays):
        whole.update(name.encode() + str(arrays[name].shape).encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return whole.hexdigest()


def write_law(law: "PiecewiseAffineLaw", path: str | PathLike[str]) -> None:
    """Write the law and its certificate to `path`, whole or not at all."""
    write_archive(path, KIND, *law_record(law))


def read_law(law: type["PiecewiseAffineLaw"], path: str | PathLike[str]) -> "PiecewiseAffineLaw":
    """Return the law saved at `path`; raises FileFormatError for a file that is damaged or holds another proof."""
    return law_of_record(law, *read_archive(path, KIND), path)


def law_record(law: "PiecewiseAffineLaw") -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return (data, arrays): all that a file needs of the law and its certificate."""
    data, arrays = _record(law)
    return data | {"certificate": None if law.certificate is None else law.certificate.to_dict()}, arrays


def law_of_record(
    law: type["PiecewiseAffineLaw"], data: dict[str, Any], arrays: dict[str, np.ndarray], path: str | PathLike[str]
) -> "PiecewiseAffineLaw":
    """Return the law behind `law_record`, read from `path`; raises FileFormatError where it is none."""
    try:
        labels = Labels.from_dict(data["labels"])
        regions = Regions(**{name: arrays[name] for name in ARRAYS}, rows=labels.rows)
        parameter_set = Polyhedron(arrays["parameter_A"], arrays["parameter_b"])
        lower, upper = arrays["parameter_bounds"]
        bounds = tuple(arrays["input_bounds"]) if "input_bounds" in arrays else None
        problem = _problem(data, arrays, labels) if "H" in arrays else None
        members = tuple(tuple(group) for group in data.get("members", ()))
        proof = None if data["certificate"] is None else Certificate.from_dict(data["certificate"])
        read = law(regions, parameter_set, (lower, upper), labels, bounds, problem, data["partial"], proof, members)
    except (LookupError, ArithmeticError, AttributeError, TypeError, ValueError) as cause:
        raise FileFormatError(f"{path} does not hold a whole law: {cause}; write it again") from cause
    if read.certificate is not proof:
        raise FileFormatError(f"{path} holds the certificate of another law; certify this one anew")
    return read


def _record(law: "PiecewiseAffineLaw") -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    regions = law.regions if isinstance(law.regions, Regions) else Regions.of(law.regions, law.labels.rows)
    arrays = dict(regions.arrays)
    arrays |= {"parameter_A": law.parameter_set.A, "parameter_b": law.parameter_set.b}
    arrays["parameter_bounds"] = np.stack(law.parameter_bounds)
    if law.input_bounds is not None:
        arrays["input_bounds"] = np.stack(law.input_bounds)
    data: dict[str, Any] = {"labels": law.labels.to_dict(), "partial": law.partial}
    if law.members:  # what a law has none of leaves no trace, so that digests stay as they were in older files
        data["members"] = [list(group) for group in law.members]
    if law.problem is not None:
        arrays |= {name: getattr(law.problem, name) for name in PROBLEM}
        arrays["equality_rows"] = np.array(law.problem.equality_rows, dtype=np.int64)
        more, beside = _reported(law.problem)
        data, arrays = data | more, arrays | beside
    return data, arrays


def _reported(problem: MultiparametricQP) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the constant part of the cost and the readouts, as far as there are any."""
    data: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    if problem.constant is not None:
        arrays["constant_c0"] = np.array([problem.constant.c0])
        arrays |= {"constant_c": problem.constant.c, "constant_Y": problem.constant.Y}
    if problem.readouts:
        data["readouts"] = [[one.name, one.unit] for one in problem.readouts]
        arrays["readout_offset"] = np.array([one.offset for one in problem.readouts])
        arrays["readout_theta"] = np.stack([one.theta_map for one in problem.readouts])
        arrays["readout_z"] = np.stack([one.z_map for one in problem.readouts])
    return data, arrays


def _problem(data: dict[str, Any], arrays: dict[str, np.ndarray], labels: Labels) -> MultiparametricQP:
    rows = tuple(int(row) for row in arrays["equality_rows"])
    constant, readouts = None, ()
    if "constant_c0" in arrays:
        (c0,) = arrays["constant_c0"]
        constant = Quadratic(c0, arrays["constant_c"], arrays["constant_Y"])
    if "readouts" in data:
        maps = (arrays[name] for name in ("readout_offset", "readout_theta", "readout_z"))
        readouts = tuple(Readout(*name, *parts) for name, *parts in zip(data["readouts"], *maps, strict=True))
    arguments = {name: arrays[name] for name in PROBLEM}
    return MultiparametricQP(**arguments, equality_rows=rows, labels=labels, constant=constant, readouts=readouts)
