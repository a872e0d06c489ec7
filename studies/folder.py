"""StudyFolder: where a study writes, one process at a time, each file whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mpc.explicit.storage import write_whole
from rl.lock import held
from studies.errors import StudyError


class StudyFolder:
    """A folder held for one study; a second process that asks for it is refused at once.

    Use as a context manager. Raises StudyError if another process holds it, PermissionError if it cannot be
    written to; both before any work.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._held = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as cause:
            raise StudyError(f"{self.path} is, or is below, a file; pass the path of a folder with --out") from cause
        self._held.enter_context(held(self.path, StudyError, "pass another folder with --out"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def file(self, name: str) -> Path:
        """Return the path of a file in the folder."""
        return self.path / name

    @contextmanager
    def together(self) -> Iterator[Path]:
        """Give a folder for new files, which take their places when all are written; if one fails, the old ones stay.

        It is a part of this folder, so that taking a place needs no room.
        """
        stage = self.file(".new")
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir()
        try:
            yield stage
            for path in sorted(stage.iterdir()):
                path.replace(self.file(path.name))
        finally:
            shutil.rmtree(stage)

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Write `data` as JSON, replacing an older file in one step; NaN is refused."""
        write_whole(self.file(name), json_bytes(data))


def json_bytes(data: Mapping[str, Any]) -> bytes:
    """Return `data` as the text of a JSON file; raises ValueError for NaN."""
    return (json.dumps(data, indent=1, allow_nan=False) + "\n").encode()
