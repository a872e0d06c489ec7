"""Checkpoints: a training that is killed goes on from its last finished episodes, to the same bits."""

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpc.explicit.errors import FileFormatError
from mpc.explicit.storage import LARGEST, read_archive, write_archive
from plants.arrays import instance_of, whole_number
from rl.errors import CheckpointError, TrainingError
from rl.identity import Identity, check_same
from rl.lock import held
from rl.loop import Loop
from rl.state import Misfit, Tree, flattened, put_back, taken, unflattened

KIND = "training"
VERSION = 1
_KEPT = 2
_NAME = re.compile(r"episode-(\d{6,})\.npz")


@dataclass(frozen=True)
class Checkpoints:
    """Where a training writes all that it is, after each `every`-th episode and after the last; the last two stay.

    `folder` is made if it is not there, and belongs to one training. Raises TrainingError for what makes no sense.
    """

    folder: str | os.PathLike[str]
    every: int = 1

    def __post_init__(self) -> None:
        """Check both."""
        if not isinstance(self.folder, str | os.PathLike) or not isinstance(os.fspath(self.folder), str):
            raise TrainingError(f"`folder` of Checkpoints is {self.folder!r}; pass the path of a folder")
        name = os.fspath(self.folder)
        if not name.strip() or "\0" in name:
            raise TrainingError(
                f"`folder` of Checkpoints is {self.folder!r}, which names none; pass the path of a folder"
            )
        whole_number(self.every, "every", TrainingError, least=1)


class Keeper:
    """Keeps nothing: a training without checkpoints."""

    def resume(self, loop: Loop) -> None:
        """Leave the loop as it is."""

    def save(self, loop: Loop) -> None:
        """Write nothing."""


class FolderKeeper(Keeper):
    """A folder of checkpoints in the hands of one training."""

    def __init__(self, folder: Path, every: int, identity: Identity) -> None:
        self.folder, self._every, self._identity = folder, every, identity
        self._whole: list[int] = []

    def resume(self, loop: Loop) -> None:
        """Carry a fresh loop to where the newest whole checkpoint left it; one without any stays as it is.

        Raises TrainingError if that was another training or is longer already, CheckpointError if none can be read.
        """
        self._check_room(loop)
        found = self._newest()
        if found is None:
            return
        episodes, identity, kept = found
        check_same(self._identity, identity, str(self.folder))
        if episodes > loop.planned:
            raise TrainingError(
                f"`episodes` is {loop.planned}, but {self.folder} keeps a training of {episodes} finished episodes; "
                "ask for as many or more, or pass another folder"
            )
        try:
            _put_loop(loop, episodes, kept)
        except (Misfit, LookupError, TypeError, AttributeError) as cause:
            raise CheckpointError(
                f"{self._file(episodes)} does not fit the training as this release builds it ({cause}); use the "
                "release that wrote it, or pass another folder to begin anew"
            ) from cause
        self._whole = [episodes]

    def save(self, loop: Loop) -> None:
        """Write what the loop is after an episode, if it is one to keep, and let go of all but the last two."""
        if loop.done % self._every and loop.done < loop.planned:
            return
        training = {"parts": taken(_parts(loop, loop.done)), "last_actor": taken(loop.kept.actor)}
        data, arrays = flattened({"training": training, "identity": self._identity})
        write_archive(self._file(loop.done), KIND, {"version": VERSION, "episodes": loop.done, **data}, arrays)
        self._whole = [*self._whole, loop.done][-_KEPT:]
        for episode, path in self._files():
            if episode not in self._whole:
                path.unlink(missing_ok=True)

    def _newest(self) -> tuple[int, Identity, Tree] | None:
        """Return episodes, identity and numbers of the newest whole checkpoint; None if there never was one."""
        wrong: list[str] = []
        for episode, path in reversed(self._files()):
            try:
                found = _read(path)
            except FileFormatError as damage:
                wrong.append(str(damage))
                continue
            if wrong:
                words = f"the training goes on from episode {episode}: {'; '.join(wrong)}"
                warnings.warn(words, RuntimeWarning, stacklevel=2)
            return episode, *found
        if wrong:
            raise CheckpointError(
                f"no checkpoint in {self.folder} can be read: {'; '.join(wrong)}; restore one from a copy, or move "
                "the folder away to begin anew"
            )
        return None

    def _check_room(self, loop: Loop) -> None:
        """Raise TrainingError if a checkpoint would be larger than a file may be."""
        rows = loop.buffer.rows
        if rows.nbytes > LARGEST // 2:
            raise TrainingError(
                f"`buffer_size` = {rows.shape[1]} of {rows.shape[0]} seeds makes checkpoints of {rows.nbytes:,} bytes "
                f"and more, above the limit of {LARGEST // 2:,}; keep fewer transitions, or train without `checkpoints`"
            )

    def _file(self, episode: int) -> Path:
        return self.folder / f"episode-{episode:06d}.npz"

    def _files(self) -> list[tuple[int, Path]]:
        """Return the checkpoints in the folder with their episodes, the oldest first."""
        found = ((_NAME.fullmatch(path.name), path) for path in self.folder.iterdir())
        return sorted((int(match[1]), path) for match, path in found if match)


@contextmanager
def kept_in(checkpoints: Checkpoints | None, identity: Identity) -> Iterator[Keeper]:
    """Hold the folder for one training; raise CheckpointError if another process or training holds it."""
    if checkpoints is None:
        yield Keeper()
        return
    instance_of(checkpoints, Checkpoints, "checkpoints", TrainingError, "pass Checkpoints(folder), or None")
    folder = Path(checkpoints.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as cause:
        raise CheckpointError(f"`folder` of Checkpoints, {folder}, is a file; pass the path of a folder") from cause
    with held(folder, CheckpointError, "pass another folder"):
        for left in folder.glob(".episode-*.part"):
            left.unlink()
        yield FolderKeeper(folder, checkpoints.every, identity)


def _parts(loop: Loop, episodes: int) -> Mapping[str, Any]:
    """Return all that training has changed after so many finished episodes.

    At the end of an episode every run is over: none is under way, and no return is unfinished.
    """
    gated = {} if loop.gate is None else {"gate": loop.gate}
    return {
        **gated,
        "learner": loop.learner,
        "buffer": loop.buffer,
        "starts": loop.starts,
        "exploration": loop.noise,
        "disturbances": loop.world,
        "losses": loop.losses.tables(episodes),
        "ledger": loop.ledger.tables(episodes),
        "test_costs": loop.test_costs[:, : episodes + 1],
        "test_unsafe": loop.test_unsafe[:, : episodes + 1],
    }


def _put_loop(loop: Loop, episodes: int, kept: Tree) -> None:
    """Give a fresh loop what it was after so many episodes; the tables first get the sizes that they had then."""
    parts = kept["parts"]
    loop.losses.expect(parts["losses"]["sums"])
    loop.buffer.added[:] = parts["buffer"]["added"]
    put_back(_parts(loop, episodes), parts)
    loop.resume(episodes)
    put_back(loop.kept.actor, kept["last_actor"])


def _read(path: Path) -> tuple[Identity, Tree]:
    """Return identity and numbers of a checkpoint; raise FileFormatError for one that is damaged."""
    data, arrays = read_archive(path, KIND)
    if data.get("version") != VERSION:
        raise FileFormatError(f"{path} has version {data.get('version')}, but this release reads {VERSION}")
    try:
        whole = unflattened({"training": data["training"], "identity": data["identity"]}, arrays)
    except (Misfit, KeyError) as cause:
        raise FileFormatError(f"{path} is not whole: {cause}") from cause
    return whole["identity"], whole["training"]
