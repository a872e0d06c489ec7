"""Real matrices from a MATLAB file (format 5: save -v6 and -v7), which may come from anyone.

Read here, since scipy.io.loadmat (1.17) can crash the process on damaged bytes. Every length is checked before it is
used, and only full matrices of numbers are built. Format: MathWorks, "MAT-File Level 5 File Format".
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from mpc.explicit.errors import FileFormatError
from plants.arrays import Array, real_array

LARGEST_FILE = 2**26
"""How many bytes a file may have, as it is and unpacked: 64 MiB."""

HEADER, MATRIX, COMPRESSED = 128, 14, 15
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = (
    "none", "cell", "struct", "object", "char", "sparse", "double", "single", "int8", "uint8", "int16", "uint16",
    "int32", "uint32", "int64", "uint64", "function", "opaque",
)  # fmt: skip
NUMBERS = frozenset(CLASSES[6:16])
COMPLEX, LOGICAL = 0x0800, 0x0200


def read_matrices(path: Path, names: Sequence[str]) -> dict[str, Array]:
    """Return the float64 matrices of these names, all two-dimensional as MATLAB has them.

    Raises FileFormatError, naming file and variable, for another format, a damaged or too large file, a variable that
    is not there, or is no full real finite matrix; what the system says of a file that cannot be opened passes.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise FileFormatError(f"{path} has more than {LARGEST_FILE} bytes, the size limit; save only the matrices")
    try:
        variables = {v.name: v for v in (_variable(element) for element in _elements(data)) if v is not None}
        for name in names:
            _check_variable(name, variables)
        return {name: real_array(variables[name].matrix(), name, (None, None), FileFormatError) for name in names}
    except FileFormatError as cause:
        raise FileFormatError(f"{path}: {cause}") from cause


@dataclass(frozen=True, eq=False)
class _Bytes:
    """Data in one byte order ("<" or ">")."""

    data: memoryview
    order: str

    def element(self, at: int) -> tuple[int, "_Bytes", int]:
        """Return kind, contents and end of the element at a byte; raise FileFormatError where it is not whole."""
        if at + 8 > len(self.data):
            raise FileFormatError(f"truncated: an element begins at byte {at} of {len(self.data)}; copy the file again")
        kind, size = struct.unpack(f"{self.order}II", self.data[at : at + 8])
        start = at + 8
        if kind >> 16:
            kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
        end = start + size
        if end > len(self.data) or (start == at + 4 and size > 4):
            raise FileFormatError(f"truncated: an element ends at byte {end} of {len(self.data)}; copy the file again")
        following = at + 8 if start == at + 4 else end if kind == COMPRESSED else end + -size % 8
        return kind, _Bytes(self.data[start:end], self.order), following

    def numbers(self, kind: int) -> np.ndarray:
        """Return the contents as an array of the format's number type `kind`."""
        if kind not in TYPES or len(self.data) % int(TYPES[kind][1]):
            raise FileFormatError(f"damaged: {len(self.data)} bytes are no numbers of type {kind}; copy the file again")
        return np.frombuffer(self.data, self.order + TYPES[kind])


@dataclass(frozen=True, eq=False)
class _Variable:
    """One variable: its name, class, flags and shape; `rest` begins with its real part."""

    name: str
    kind: str
    flags: int
    shape: tuple[int, ...]
    rest: _Bytes

    def matrix(self) -> np.ndarray:
        kind, content, _ = self.rest.element(0)
        values = content.numbers(kind)
        rows, columns = self.shape
        if len(values) != rows * columns:
            raise FileFormatError(f"damaged: {self.name} has shape {self.shape}, but {len(values)} numbers")
        return values.reshape(columns, rows).T


def _elements(data: bytes) -> Iterator[_Bytes]:
    """Yield the contents of every variable, unpacked: together no more than the size limit."""
    if b"MATLAB 7.3" in data[:HEADER] or b"\x89HDF\r\n\x1a\n" in (data[:8], data[512:520]):
        raise FileFormatError("the format is -v7.3 (HDF5), which is not read; save it by save(..., '-v7')")
    if len(data) < HEADER or data[126:128] not in (b"IM", b"MI"):
        raise FileFormatError("this is no MATLAB file of format 5, or a truncated one; save it by save(..., '-v7')")
    body, at, room = _Bytes(memoryview(data), "<" if data[126:128] == b"IM" else ">"), HEADER, LARGEST_FILE
    while at < len(data):
        kind, content, at = body.element(at)
        if kind == COMPRESSED:
            unpacked = _unpacked(content.data, room)
            room -= len(unpacked)
            kind, content, _ = _Bytes(memoryview(unpacked), body.order).element(0)
        if kind != MATRIX:
            raise FileFormatError(f"damaged: an element of kind {kind} where a variable is expected; copy it again")
        yield content


def _unpacked(packed: memoryview, room: int) -> bytes:
    """Return `packed` without its compression; raise FileFormatError if it is damaged, or larger than `room`."""
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(packed, room + 1)
    except zlib.error as cause:
        raise FileFormatError(f"damaged: a compressed variable does not unpack ({cause}); copy it again") from cause
    if len(unpacked) > room:
        raise FileFormatError(f"it unpacks to more than {LARGEST_FILE} bytes, the size limit; save only the matrices")
    if not unpacker.eof:
        raise FileFormatError("truncated: a compressed variable ends early; copy the file again")
    return unpacked


def _variable(content: _Bytes) -> _Variable | None:
    """Return the variable in the contents of a matrix element; None for one of a class without shape and name."""
    if not len(content.data):
        return None
    kind, flags, at = content.element(0)
    word = int(flags.numbers(kind).astype(np.uint32)[0]) if len(flags.data) == 8 and kind == 6 else 0
    number = word & 0xFF
    if not 0 < number < len(CLASSES):
        raise FileFormatError(f"damaged: a variable is of the unknown class {number}; copy the file again")
    if number >= 16:
        return None
    kind, shape, at = content.element(at)
    sizes = tuple(int(size) for size in shape.numbers(kind))
    _, name, at = content.element(at)
    text, rest = bytes(name.data).decode("ascii", "replace"), _Bytes(content.data[at:], content.order)
    return _Variable(text, CLASSES[number], word, sizes, rest)


def _check_variable(name: str, variables: dict[str, _Variable]) -> None:
    if name not in variables:
        close = get_close_matches(name, variables, n=1, cutoff=0.0)
        guess = f"did you mean {close[0]!r}? " if close else ""
        known = ", ".join(sorted(variables)) or "none"
        raise FileFormatError(f"there is no variable {name!r}; {guess}The file has: {known}")
    variable = variables[name]
    kind = "logical" if variable.flags & LOGICAL else "complex" if variable.flags & COMPLEX else variable.kind
    if kind not in NUMBERS:
        mends = {"sparse": "save full(...) of it", "logical": "save double(...) of it", "complex": "save its real(...)"}
        mend = mends.get(kind, "save the numbers themselves")
        raise FileFormatError(f"{name} is of class {kind}, but a full real matrix is needed; {mend}")
    if len(variable.shape) != 2 or min(variable.shape) < 0:
        raise FileFormatError(f"{name} has shape {variable.shape}, but a matrix is needed; save one page of it")
