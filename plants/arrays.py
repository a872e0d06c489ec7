"""Arrays that users pass in: checked once, float64, read-only.

The lowest module of the house: every package checks its public arguments here, each with its own
error family, so that all answers read alike: the argument, the two numbers side by side, the mend.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
LARGEST = 2**30
"""How many numbers one array shall hold at most: 8 GiB of them."""

TEXT = (str, bytes, bytearray)
"""Sequences whose entries are characters or bytes, which numpy or Python may take for numbers."""

Checked = Any
"""A field of a dataclass: array-like going in, a read-only float64 array once `__post_init__` has checked it."""


def real_array(
    value: ArrayLike,
    name: str,
    shape: Sequence[int | None] | None = None,
    error: type[ValueError] = ValueError,
    infinite: bool = False,
) -> Array:
    """Return `value` as a read-only float64 array of the wished `shape` (None: any length).

    Raises `error` for a wrong type, shape, NaN, or (unless `infinite`) an infinite entry.
    """
    array = _as_float(value, name, error)
    if shape is not None:
        _check_shape(array, name, shape, error)
    _check_finite(array, name, error, infinite)
    array.setflags(write=False)
    return array


def read_only(values: ArrayLike) -> Array:
    """Return `values` as a new float64 array that cannot be written to."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


def real_points(value: ArrayLike, name: str, labels: Sequence[str], error: type[ValueError] = ValueError) -> Array:
    """Return `value` as float64 points (..., n), one component per label; not copied where it already fits.

    Raises `error` for a wrong type, a last axis of another length, NaN or infinity.
    """
    fits = type(value) is np.ndarray and value.dtype == np.float64
    array: Array = value if fits else _as_float(value, name, error)  # type: ignore[assignment]
    if array.ndim == 0 or array.shape[-1] != len(labels):
        wanted = f"{len(labels)} long ({', '.join(labels)})"
        raise error(f"`{name}` has shape {array.shape}, but its last axis must be {wanted}")
    if not np.isfinite(array).all():
        _check_finite(array, name, error, infinite=False)
    return array


def paired_points(x: Array, u: Array, error: type[ValueError] = ValueError) -> tuple[Array, Array]:
    """Return `x` (..., n) and `u` (..., m) with one leading shape: a single point goes with all of the other.

    Raises `error` if the leading axes do not go together.
    """
    if x.shape[:-1] == u.shape[:-1]:
        return x, u
    try:
        lead = np.broadcast_shapes(x.shape[:-1], u.shape[:-1])
    except ValueError as cause:
        raise error(
            f"`x` has shape {x.shape} and `u` {u.shape}: their leading axes {x.shape[:-1]} and {u.shape[:-1]} "
            "do not go together; give one input per state"
        ) from cause
    return np.broadcast_to(x, (*lead, x.shape[-1])), np.broadcast_to(u, (*lead, u.shape[-1]))


def real_scalar(value: object, name: str, error: type[ValueError] = ValueError, positive: bool = False) -> float:
    """Return `value` as a finite float, positive if asked; raise `error` naming it otherwise."""
    number = float(real_array(value, name, (), error))  # type: ignore[arg-type]
    if positive and number <= 0:
        raise error(f"`{name}` is {number:g}, but it must be positive; pass a number above 0")
    return number


def instance_of(value: object, kind: type | tuple[type, ...], name: str, error: type[ValueError], mend: str) -> None:
    """Raise `error` unless `value` is of that kind; `mend` says what to pass instead."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or a ".join(k.__name__ for k in kinds)
        raise error(f"`{name}` is a {type(value).__name__}, but a {wanted} is needed; {mend}")


def whole_number(value: object, name: str, error: type[ValueError] = ValueError, least: int = 0) -> int:
    """Return `value` as an int of at least `least`; a bool or a fraction raises `error`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise error(f"`{name}` is {value!r}, but it must be a whole number of at least {least}")
    if value < least:
        raise error(f"`{name}` is {value}, but it must be at least {least}")
    return int(value)


def check_size(count: int, cause: str, error: type[ValueError], mend: str, limit: int = LARGEST) -> None:
    """Raise `error` if so many numbers, which `cause` asks for, are more than one array shall hold."""
    if count > limit:
        raise error(f"{cause} asks for {count} numbers, above the limit of {limit} ({limit / 2**27:.1f} GiB); {mend}")


def bounds_pair(
    value: object,
    name: str,
    labels: Sequence[str],
    error: type[ValueError] = ValueError,
    infinite: bool = True,
) -> tuple[Array, Array]:
    """Return `(lower, upper)` for the labelled components, checked and in order.

    `None` inside a bound, or as the whole of it, means that there is none on that side.
    """
    several = value.ndim > 0 if isinstance(value, np.ndarray) else isinstance(value, Sequence)
    pair = list(cast("Sequence[object]", value)) if several and not isinstance(value, TEXT) else []
    if len(pair) != 2:
        raise error(f"`{name}` must be a pair (lower, upper), each with {len(labels)} entries; it is {value!r}")
    lower = _side(pair[0], f"{name} lower", -np.inf, labels, error)
    upper = _side(pair[1], f"{name} upper", np.inf, labels, error)
    for i, label in enumerate(labels):
        if lower[i] == np.inf or upper[i] == -np.inf:
            side, sign = ("lower", "+inf") if lower[i] == np.inf else ("upper", "-inf")
            raise error(f"`{name}`: the {side} bound of {label} (index {i}) is {sign}; swap the sign, or use None")
        if lower[i] > upper[i]:
            raise error(
                f"`{name}`: the lower bound of {label} (index {i}) is {lower[i]:g}, "
                f"above its upper bound {upper[i]:g}; swap the two"
            )
        if not infinite and not (np.isfinite(lower[i]) and np.isfinite(upper[i])):
            raise error(f"`{name}`: {label} (index {i}) is unbounded; give it two finite bounds")
    return lower, upper


def _side(value: object, name: str, missing: float, labels: Sequence[str], error: type[ValueError]) -> Array:
    size = len(labels)
    if value is None:
        entries: ArrayLike = [missing] * size
    elif isinstance(value, Sequence) and not isinstance(value, TEXT):
        entries = [missing if v is None else v for v in value]
    else:
        entries = np.full(size, value) if np.ndim(value) == 0 and size == 1 else value  # type: ignore[arg-type]
    return real_array(entries, name, (size,), error, infinite=True)


def _as_float(value: ArrayLike, name: str, error: type[ValueError]) -> Array:
    if isinstance(value, range) and (last := max(abs(value.start), abs(value.stop)) // abs(value.step)) > LARGEST:
        raise error(f"`{name}` is {value}, about {last:.3g} numbers, above the limit of {LARGEST}; take fewer")
    try:
        raw = np.asarray(value)
    except ValueError as cause:
        raise error(f"`{name}` is ragged: its rows differ in length; give every row the same") from cause
    except (TypeError, RuntimeError) as cause:  # symbols of CasADi, tensors that require a gradient
        kind = type(value).__name__
        raise error(f"`{name}` is a {kind} that holds no plain numbers ({cause}); pass a float array") from cause
    if raw.dtype == bool or raw.dtype.kind not in "iuf":
        raise error(f"`{name}` has dtype {raw.dtype}; pass real numbers (a float array)")
    if np.ma.is_masked(value):
        raise error(f"`{name}` has masked entries; fill them with numbers, as in .filled(0.0)")
    with np.errstate(over="ignore"):
        return np.array(raw, dtype=np.float64)


def _check_shape(array: Array, name: str, shape: Sequence[int | None], error: type[ValueError]) -> None:
    fits = array.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join("any" if s is None else str(s) for s in shape) + ("," if len(shape) == 1 else "") + ")"
        raise error(f"`{name}` has shape {array.shape}, but {wanted} is needed")


def _check_finite(array: Array, name: str, error: type[ValueError], infinite: bool) -> None:
    bad = np.isnan(array) if infinite else ~np.isfinite(array)
    if bad.any():
        index = np.argwhere(bad)[0].tolist()
        kind = "NaN" if np.isnan(array[tuple(index)]) else "infinite"
        where = f" at {index}" if index else ""
        raise error(f"`{name}` is {kind}{where}; replace it by a finite number")
