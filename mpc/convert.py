"""LinearModel from what other libraries call a state-space system, and from matrices in a .mat file."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from mpc.explicit.errors import FileFormatError, ProblemError
from mpc.matfile import read_matrices
from mpc.model import LinearModel
from mpc.sampling import SamplingRule, discretise, zero_order_hold
from plants.arrays import Array, instance_of, real_array, real_scalar


def from_state_space(
    system: Any, sample_time: float | None = None, rule: SamplingRule = zero_order_hold, time_unit: str = "s"
) -> LinearModel:
    """Return the model of a StateSpace of python-control or of scipy.signal (StateSpace, lti, dlti).

    It is read by its fields A, B, C, D and dt, so neither library is needed here. A continuous one needs a
    `sample_time` and is discretised by `rule`; a discrete one has its own, or takes `sample_time` where its dt is
    True, which means "not said". Labels of python-control come along.
    Transfer functions of scipy.signal are realised by their own `to_ss`.
    Raises ProblemError for anything else, for a dt that is not known, and for one that `sample_time` contradicts.
    """
    system = _realised(system)
    missing = [name for name in ("A", "B", "C", "D", "dt") if not hasattr(system, name)]
    if missing or isinstance(system, type):
        raise ProblemError(
            f"`system` is a {type(system).__name__} without {', '.join(missing) or 'values'}; pass a StateSpace of "
            "python-control or scipy.signal (control.ss(...) makes one), or LinearModel(A, B, sample_time)"
        )
    A = real_array(system.A, "system.A", (None, None), ProblemError)
    B = real_array(system.B, "system.B", (len(A), None), ProblemError)
    period = _period(system, sample_time)
    if _is_continuous(system):
        A, B = discretise(A, B, period, rule)
    labels = {name: tuple(getattr(system, f"{name}_labels", None) or ()) for name in ("state", "input", "output")}
    return LinearModel(
        A, B, period, C=system.C, D=system.D, state_names=labels["state"], input_names=labels["input"],
        output_names=labels["output"], time_unit=time_unit,
    )  # fmt: skip


def from_mat(
    path: str | Path,
    A: str = "A",
    B: str = "B",
    C: str | None = None,
    D: str | None = None,
    E: str | None = None,
    F: str | None = None,
    *,
    sample_time: float | str,
    rule: SamplingRule | None = None,
    time_unit: str = "s",
) -> LinearModel:
    """Return the model whose matrices stand in a MATLAB file (-v6 or -v7) under the names given; None: there is none.

    `sample_time` is a number, or the name of one in the file. With a `rule` (zero_order_hold) A, B and E are those of a
    continuous model and are discretised; without, they are taken as they are. Names and units come by
    dataclasses.replace. Nothing but full real matrices is read: no cells, structures, objects or code.
    Raises FileFormatError for a file that is damaged, too large, or of another kind, a variable that is missing or no
    real matrix, and sizes that do not fit; FileNotFoundError for no file; ProblemError for wrong arguments.
    """
    instance_of(path, (str, PathLike), "path", ProblemError, "pass the name of a .mat file")
    wanted = {"A": A, "B": B, "C": C, "D": D, "E": E, "F": F, "sample_time": sample_time}
    names = {argument: name for argument, name in wanted.items() if isinstance(name, str)}
    for argument in ("A", "B", "C", "D", "E", "F"):
        if not (isinstance(wanted[argument], str) or (wanted[argument] is None and argument not in "AB")):
            raise ProblemError(f"`{argument}` is {wanted[argument]!r}, but it must name a variable of the file")
    if "sample_time" not in names:
        real_scalar(sample_time, "sample_time", ProblemError, positive=True)
    found = read_matrices(Path(path), tuple(names.values()))
    given: dict[str, Any] = {argument: found[name] for argument, name in names.items()}
    period = given.pop("sample_time", sample_time)
    try:
        if np.size(period) != 1:
            raise ProblemError(f"`sample_time` has shape {np.shape(period)}, but one number is needed")
        period = real_scalar(np.reshape(period, ()), "sample_time", ProblemError, positive=True)
        if rule is not None:
            given |= _held(given, period, rule)
        return LinearModel(sample_time=period, time_unit=time_unit, **given)
    except ProblemError as cause:
        kept = ", ".join(f"`{argument}` is its {name!r}" for argument, name in names.items() if argument != name)
        raise FileFormatError(f"{path}: {cause}{f' ({kept})' if kept else ''}") from cause


def _held(given: dict[str, Array], period: float, rule: SamplingRule) -> dict[str, Array]:
    """Return A, B and E discretised, with the disturbances held like the inputs."""
    if "E" not in given:
        return dict(zip(("A", "B"), discretise(given["A"], given["B"], period, rule), strict=True))
    if len(given["E"]) != len(given["B"]):
        raise ProblemError(f"`E` has {len(given['E'])} rows, but `B` has {len(given['B'])}: one row per state in both")
    m = given["B"].shape[1]
    A, both = discretise(given["A"], np.c_[given["B"], given["E"]], period, rule)
    return {"A": A, "B": both[:, :m], "E": both[:, m:]}


def _realised(system: Any) -> Any:
    if hasattr(system, "A") or not callable(getattr(system, "to_ss", None)) or isinstance(system, type):
        return system
    try:
        return system.to_ss()
    except ValueError as cause:
        raise ProblemError(f"`system` has no state-space form ({cause}); it must be proper") from cause


def _is_continuous(system: Any) -> bool:
    """Python-control writes dt = 0 for continuous systems and None for "not said"; scipy.signal None for continuous."""
    return system.dt is None or system.dt == 0


def _period(system: Any, sample_time: float | None) -> float:
    own, unsaid = system.dt, system.dt is None and hasattr(system, "isctime")
    given = None if sample_time is None else real_scalar(sample_time, "sample_time", ProblemError, positive=True)
    if unsaid:
        raise ProblemError(
            "`system` has dt None: it does not say whether it is continuous or discrete; set dt to 0 (continuous), "
            "or to its sample time"
        )
    if _is_continuous(system) or own is True:
        kind = "continuous" if own is not True else "discrete with dt True, which names no sample time"
        if given is None:
            raise ProblemError(f"`system` is {kind}, and `sample_time` is None; pass the sample time")
        return given
    period = real_scalar(own, "system.dt", ProblemError, positive=True)
    if given is not None and abs(given - period) > 1e-9 * period:
        raise ProblemError(
            f"`sample_time` is {given:g}, but `system` is discrete with dt = {period:g}; leave `sample_time` out, or "
            "resample the system first"
        )
    return period
