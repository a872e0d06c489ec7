"""LinearModel: x+ = A x + B u + E d and y = C x + D u + F d around an operating point, with names and units."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from mpc.explicit.errors import ProblemError
from mpc.modes import unreached_mode
from plants.arrays import Array, Checked, real_array, real_points, real_scalar


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A sampled model around an operating point, one step every `sample_time`.

    x+ = state + A (x - state) + B (u - input) + E (d - disturbance)
    y = output + C (x - state) + D (u - input) + F (d - disturbance)

    A is (n, n), B (n, m), C (p, n), D (p, m), E (n, k), F (p, k). A 1-D B, D, E or F is one column, a 1-D C one row.
    Without C the outputs are the states, with their names and units; D, E and F are 0 unless given, and without E and F
    there are no disturbances (k = 0). `state` (n,), `input` (m,) and `disturbance` (k,) are the operating point in
    physical units (default 0); `output` (p,) is y there, by default C state + D input + F disturbance, so that y is
    the plain product C x + D u + F d. Names and units travel into laws and explanations.

    In a copy by dataclasses.replace an `output` that was filled in is derived anew, and names and units that outputs
    took from the states do not survive a C that is no longer the identity; all else that was filled in counts as given.
    Names differ from one another. Raises ProblemError for anything that does not fit.
    """

    A: Checked
    B: Checked
    sample_time: float
    state: Checked = None
    input: Checked = None
    state_names: Sequence[str] = ()
    state_units: Sequence[str] = ()
    input_names: Sequence[str] = ()
    input_units: Sequence[str] = ()
    time_unit: str = "s"
    C: Checked = None
    D: Checked = None
    E: Checked = None
    F: Checked = None
    output: Checked = None
    disturbance: Checked = None
    output_names: Sequence[str] = ()
    output_units: Sequence[str] = ()
    disturbance_names: Sequence[str] = ()
    disturbance_units: Sequence[str] = ()
    _filled_output: Checked = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        """Check every argument and fill in what was left out."""
        self._put_motion()
        self._put_point("state", self.n)
        self._put_point("input", self.m)
        self._put_outputs()
        self._put_disturbances()
        self._put_point("disturbance", self.k)
        self._put_output_point()

    @property
    def n(self) -> int:
        """Return the number of states."""
        return len(self.A)

    @property
    def m(self) -> int:
        """Return the number of inputs."""
        return self.B.shape[1]

    @property
    def p(self) -> int:
        """Return the number of outputs."""
        return len(self.C)

    @property
    def k(self) -> int:
        """Return the number of disturbances."""
        return self.E.shape[1]

    @property
    def is_stabilisable(self) -> bool:
        """Return whether inputs reach every mode that does not decay."""
        return self.unstabilisable_mode() is None

    @property
    def is_detectable(self) -> bool:
        """Return whether outputs show every mode that does not decay."""
        return self.undetectable_mode() is None

    def step(self, x: ArrayLike, u: ArrayLike, d: ArrayLike | None = None) -> Array:
        """Return the next states (..., n) from states (..., n), inputs (..., m) and disturbances (..., k).

        Without `d` the disturbances are those of the operating point.
        """
        states = real_points(x, "x", self.state_names, ProblemError)
        inputs = real_points(u, "u", self.input_names, ProblemError)
        moved = self.state + (states - self.state) @ self.A.T + (inputs - self.input) @ self.B.T
        return moved if d is None else moved + self._disturbed(d) @ self.E.T

    def outputs(self, x: ArrayLike, u: ArrayLike | None = None, d: ArrayLike | None = None) -> Array:
        """Return the outputs (..., p) at states (..., n), inputs (..., m) and disturbances (..., k).

        Without `u` or `d` they are those of the operating point; with D not 0, `u` is needed.
        """
        states = real_points(x, "x", self.state_names, ProblemError)
        values = self.output + (states - self.state) @ self.C.T
        if u is not None:
            values = values + (real_points(u, "u", self.input_names, ProblemError) - self.input) @ self.D.T
        elif self.D.any():
            raise ProblemError("`u` is missing, but `D` is not 0: these outputs depend on the input; pass both")
        return values if d is None else values + self._disturbed(d) @ self.F.T

    def unstabilisable_mode(self, discount: float = 1.0) -> complex | None:
        """Return an eigenvalue of A that sqrt(discount) leaves on or outside the unit circle and no input reaches.

        None if there is none. By the Popov-Belevitch-Hautus test: rank [lambda I - A, B] < n.
        """
        mode = unreached_mode(self.A, self.B, discount)
        return None if mode is None else mode.eigenvalue

    def undetectable_mode(self) -> complex | None:
        """Return an eigenvalue of A on or outside the unit circle that no output shows, or None.

        By the Popov-Belevitch-Hautus test: rank [lambda I - A; C] < n.
        """
        mode = unreached_mode(self.A.T, self.C.T)
        return None if mode is None else mode.eigenvalue

    def __repr__(self) -> str:
        """Return one line with sizes, sample time and the fastest growth."""
        radius = np.abs(np.linalg.eigvals(self.A)).max()
        period = f"{self.sample_time:.6g} {self.time_unit}"
        plain = np.array_equal(self.C, np.eye(self.n)) and not self.D.any()
        outputs = "" if plain else f", {self.p} outputs"
        disturbances = f", {self.k} disturbances" if self.k else ""
        sizes = f"{self.n} states, {self.m} inputs{outputs}{disturbances}"
        return f"LinearModel({sizes}, every {period}, spectral radius {radius:.5g})"

    def _put_motion(self) -> None:
        A = real_array(self.A, "A", (None, None), ProblemError)
        if A.shape[0] != A.shape[1]:
            raise ProblemError(f"`A` has shape {A.shape}, but it must be square: one row and one column per state")
        if not len(A):
            raise ProblemError("`A` has shape (0, 0), but a model needs at least 1 state; add one")
        self._put("A", A)
        B = _columns(real_array(self.B, "B", None, ProblemError))
        if B.ndim != 2 or len(B) != len(A) or B.shape[1] == 0:
            raise ProblemError(f"`B` has shape {B.shape}, but `A` has {len(A)} states: pass ({len(A)}, inputs)")
        self._put("B", B)
        if self.sample_time is None:
            raise ProblemError(
                "`sample_time` is None: a continuous model was passed where a discrete one is needed; "
                "discretise it first with mpc.discretise(A, B, sample_time)"
            )
        self._put("sample_time", real_scalar(self.sample_time, "sample_time", ProblemError, positive=True))
        if not isinstance(self.time_unit, str):
            raise ProblemError(f"`time_unit` is {self.time_unit!r}, but it must be a text, as in 's'")

    def _put_outputs(self) -> None:
        plain = self.C is None
        C = np.eye(self.n) if plain else real_array(self.C, "C", None, ProblemError)
        C = C.reshape(1, -1) if C.ndim == 1 else C
        if C.ndim != 2 or C.shape[1] != self.n or not len(C):
            raise ProblemError(f"`C` has shape {C.shape}, but `A` has {self.n} states: pass (outputs, {self.n})")
        self._put("C", _read_only(C))
        D = np.zeros((self.p, self.m)) if self.D is None else _columns(real_array(self.D, "D", None, ProblemError))
        if D.shape != (self.p, self.m):
            raise ProblemError(
                f"`D` has shape {D.shape}, but ({self.p}, {self.m}) is needed: one row per output (rows of `C`), "
                "one column per input (columns of `B`)"
            )
        self._put("D", _read_only(D))
        for kind in ("names", "units"):
            self._put_output_texts(kind, plain)

    def _put_output_texts(self, kind: str, plain: bool) -> None:
        """Fill in the names or units of outputs that are the states; drop those of states that they no longer are."""
        texts, taken = getattr(self, f"output_{kind}"), _OfStates(getattr(self, f"state_{kind}"))
        if isinstance(texts, _OfStates):
            self._put(f"output_{kind}", taken if np.array_equal(self.C, np.eye(self.n)) else ())
        elif plain and isinstance(texts, Sequence) and not texts:
            self._put(f"output_{kind}", taken)

    def _put_disturbances(self) -> None:
        given = {name: getattr(self, name) for name in ("E", "F") if getattr(self, name) is not None}
        matrices = {name: _columns(real_array(value, name, None, ProblemError)) for name, value in given.items()}
        count = next((M.shape[-1] for M in matrices.values() if M.ndim == 2), 0)
        for name, rows, whose in (("E", self.n, "states (rows of `A`)"), ("F", self.p, "outputs (rows of `C`)")):
            M = matrices.get(name, np.zeros((rows, count)))
            if M.ndim != 2 or len(M) != rows:
                raise ProblemError(f"`{name}` has shape {M.shape}, but there are {rows} {whose}: pass ({rows}, any)")
            if M.shape[1] != count:
                raise ProblemError(f"`F` has {M.shape[1]} columns but `E` {count}: one column per disturbance in both")
            self._put(name, _read_only(M))

    def _put_point(self, name: str, size: int, default: Array | None = None) -> None:
        """Check the operating point `name`, its names and its units, or fill them in."""
        zero = np.zeros(size) if default is None else default
        given = getattr(self, name)
        self._put(name, _read_only(zero) if given is None else real_array(given, name, (size,), ProblemError))
        for kind, plain in (("names", name), ("units", None)):
            field = f"{name}_{kind}"
            self._put(field, _texts(getattr(self, field), field, plain, size))

    def _put_output_point(self) -> None:
        """Check `output`, or fill it in: also in a copy whose output is still the array filled in before."""
        given = self.output is not None and self.output is not self._filled_output
        if not given:
            self._put("output", None)
        self._put_point("output", self.p, self.C @ self.state + self.D @ self.input + self.F @ self.disturbance)
        self._put("_filled_output", None if given else self.output)

    def _disturbed(self, d: ArrayLike) -> Array:
        return real_points(d, "d", self.disturbance_names, ProblemError) - self.disturbance

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


class _OfStates(tuple[str, ...]):
    """Names or units of outputs that were taken from the states, not given."""

    __slots__ = ()


def _columns(matrix: Array) -> Array:
    return matrix.reshape(-1, 1) if matrix.ndim == 1 else matrix


def _read_only(array: Array) -> Array:
    array.setflags(write=False)
    return array


def _texts(texts: Sequence[str], name: str, plain: str | None, size: int) -> tuple[str, ...]:
    if isinstance(texts, _OfStates):
        return texts
    if not isinstance(texts, Sequence):
        raise ProblemError(f"`{name}` is {texts!r}, but it must be a sequence of texts, one for each entry")
    given = (texts,) if isinstance(texts, str) else tuple(texts)
    if not given:
        return tuple(f"{plain}{i}" if plain else "" for i in range(size))
    if len(given) != size:
        raise ProblemError(f"`{name}` has {len(given)} entries, but the model has {size}; name each of them")
    for i, entry in enumerate(given):
        if not isinstance(entry, str):
            raise ProblemError(f"`{name}` has {entry!r} at index {i}, but every entry must be a text")
        if plain and entry in given[:i]:
            raise ProblemError(f"`{name}` has {entry!r} at index {given.index(entry)} and at {i}; make them differ")
    return tuple(str(entry) for entry in given)
