"""Where an export may write its one file."""

from os import PathLike
from pathlib import Path

from plants.arrays import instance_of
from yann.errors import NetworkError


def file_path(path: object, example: str) -> Path:
    """Return the path of a file to write; raises NetworkError for a folder, and for a folder that is not there."""
    instance_of(path, (str, PathLike), "path", NetworkError, f"pass the path of a file, as in '{example}'")
    target = Path(path)  # type: ignore[arg-type]
    if target.is_dir():
        raise NetworkError(f"`path` {target} is a folder; pass the path of a file in it, as in '{example}'")
    if not target.parent.is_dir():
        raise NetworkError(f"`path` {target} lies in {target.parent}, which is no folder; make it first")
    return target
