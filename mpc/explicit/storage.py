"""Files: one npz archive with a JSON header, checksums and no pickle; written whole or not at all.

Reading trusts nothing: declared sizes are checked before anything is allocated, every array against its
SHA-256, and numbers against the dtype and shape that the header states.
"""

import errno
import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from mpc.explicit.errors import FileFormatError

FORMAT = "yann-control"
VERSION = 2  # 1: laws without constant, readouts, row units and members
READABLE = (1, 2)
LARGEST = 2**31  # bytes that an archive may declare in all
LARGEST_HEADER = 2**26
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # no room: on the disk, in a quota, for one file
DTYPES = {"float64": "<f8", "int64": "<i8"}


def write_archive(
    path: str | PathLike[str], kind: str, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    """Write `data` (JSON) and `arrays` (float64 or int64) to `path`, whole or not at all."""
    members = {f"{name}.npy": _npy(np.asarray(array)) for name, array in arrays.items()}
    header = {
        "format": FORMAT,
        "kind": kind,
        "version": VERSION,
        "data": dict(data),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
    }
    text = json.dumps(header, allow_nan=False).encode()
    members = {"header.json": text, "header.sha256": hashlib.sha256(text).hexdigest().encode(), **members}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member), content)
    write_whole(path, buffer.getvalue())


def write_whole(path: str | PathLike[str], content: bytes) -> None:
    """Write `content` to `path` so that a reader finds the old file or the new one, never a part.

    The new file is synced before it takes the place of the old one, which stays if anything fails.
    Raises OSError, of the kind and number that the system gives, with `path`; for a full disk also with the bytes
    needed and free.
    """
    target = _place(path)
    try:
        _write_beside(target, content)
    except OSError as error:
        raise _explained(error, target, len(content)) from error


def _place(path: str | PathLike[str]) -> Path:
    """Return `path`; raises FileFormatError for what can never be a file."""
    if not isinstance(path, str | PathLike) or isinstance(os.fspath(path), bytes) or "\0" in os.fspath(path):
        raise FileFormatError(f"`path` is {path!r}; pass the path of a file as a text without NUL, or a pathlib.Path")
    if not os.fspath(path):
        raise FileFormatError("`path` is an empty text; pass the path of a file, as in 'law.npz'")
    target = Path(path)
    if target.exists() and not (target.is_file() or target.is_dir() or target.is_symlink()):
        raise FileFormatError(f"{path} is a device, a pipe or a socket, which must stay; pass the path of a file")
    return target


def _write_beside(target: Path, content: bytes) -> None:
    """Write a new file beside `target`, then put it in its place."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _explained(error: OSError, target: Path, needed: int) -> OSError:
    """Return the same error with the file that was meant, and where there is no room with the room."""
    words = error.strerror or str(error)
    if error.errno in FULL:
        free = shutil.disk_usage(target.parent).free
        words += f" ({needed:,} bytes are needed, {free:,} are free); make room and write again"
    return type(error)(error.errno, words, str(target))


def read_archive(path: str | PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return (data, arrays) of the archive of that `kind` at `path`.

    Raises FileFormatError for a file that is truncated, corrupt, unsafe, too large or of another kind;
    FileNotFoundError, IsADirectoryError and PermissionError pass as they are.
    """
    members = _members(path)
    header = _header(path, members)
    if header.get("kind") != kind:
        raise FileFormatError(
            f"{path} holds a {header.get('kind')!r}, but a {kind!r} was expected; pass the right file"
        )
    checksums, data = header.get("sha256"), header.get("data")
    if not isinstance(checksums, dict) or not isinstance(data, dict):
        raise FileFormatError(f"{path}: header fields `sha256` and `data` are missing; write the file again")
    if set(checksums) != set(members) - {"header.json", "header.sha256"}:
        raise FileFormatError(f"{path}: the header lists {sorted(checksums)} but the archive holds other arrays")
    arrays = {}
    for name, content in members.items():
        if name in checksums:
            _check_sum(path, name, content, checksums[name])
            arrays[name.removesuffix(".npy")] = _array(path, name, content)
    return data, arrays


def _members(path: str | PathLike[str]) -> dict[str, bytes]:
    with _place(path).open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _check_sizes(path, archive, os.fstat(file.fileno()).st_size)
                return {info.filename: archive.read(info) for info in archive.infolist()}
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, OSError, RuntimeError) as cause:
            if isinstance(cause, FileFormatError):
                raise
            raise FileFormatError(f"{path} is truncated or corrupt ({cause}); restore it or write it again") from cause


def _check_sizes(path: str | PathLike[str], archive: zipfile.ZipFile, size: int) -> None:
    infos = archive.infolist()
    declared = sum(info.file_size for info in infos)
    if declared > LARGEST or declared > size:
        raise FileFormatError(
            f"{path} declares {declared} bytes of content in a file of {size} bytes (size limit {LARGEST}); "
            "it was not written by this toolbox: do not load it"
        )
    names = [info.filename for info in infos]
    if len(set(names)) != len(names) or any(info.compress_type != zipfile.ZIP_STORED for info in infos):
        raise FileFormatError(f"{path} holds repeated or compressed entries; it was not written by this toolbox")


def _header(path: str | PathLike[str], members: Mapping[str, bytes]) -> dict[str, Any]:
    text, checksum = members.get("header.json"), members.get("header.sha256")
    if text is None or checksum is None or len(text) > LARGEST_HEADER:
        raise FileFormatError(f"{path} has no readable header.json; it is not a file of this toolbox")
    _check_sum(path, "header.json", text, checksum.decode("ascii", "replace"))
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise FileFormatError(f"{path}: header.json is no JSON, or its nesting is too deep; write it again") from cause
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise FileFormatError(f"{path}: header.json is not of format {FORMAT!r}; pass a file of this toolbox")
    if header.get("version") not in READABLE:
        known = " and ".join(map(str, READABLE))
        raise FileFormatError(
            f"{path} has format version {header.get('version')}, but this release reads {known}; "
            "use the release that wrote it"
        )
    return header


def _check_sum(path: str | PathLike[str], name: str, content: bytes, expected: object) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise FileFormatError(
            f"{path}: the checksum of {name} is {found[:12]}, not {str(expected)[:12]}: it is corrupt"
        )


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array, dtype=DTYPES[str(array.dtype)], order="C"), allow_pickle=False)
    return buffer.getvalue()


def _array(path: str | PathLike[str], name: str, content: bytes) -> np.ndarray:
    buffer = io.BytesIO(content)
    try:
        np.lib.format.read_magic(buffer)
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(buffer)
    except (ValueError, EOFError) as cause:
        raise FileFormatError(f"{path}: {name} is no npy array; the file is corrupt") from cause
    raw = content[buffer.tell() :]
    count = 1
    for length in shape:
        count *= length
    if fortran or min(shape, default=0) < 0 or dtype.str not in DTYPES.values() or count * dtype.itemsize != len(raw):
        raise FileFormatError(f"{path}: {name} declares {shape} of {dtype} but holds {len(raw)} bytes; it is corrupt")
    return np.frombuffer(raw, dtype=dtype).reshape(shape)
