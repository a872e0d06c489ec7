"""Files of networks: what comes back is what was saved, bit for bit; from strangers nothing is taken on trust."""

import errno
import io
import json
import os
import pickle
import time
import zipfile
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mpc import FileFormatError, PiecewiseAffineLaw
from mpc.explicit import storage
from mpc.explicit.storage import read_archive
from yann import (
    AsPrinted,
    Continuous,
    NetworkError,
    PerMove,
    PerRegion,
    Residual,
    Shared,
    TrainableLaw,
    YannActor,
    verify,
)
from yann.residual import PerRegionResidual

FORMS = (PerRegion(8), Shared(5), AsPrinted(8), PerMove(8), Continuous(TrainableLaw(beside=PerRegion(8)), share=0.25))
QUICK = 3.0  # seconds that a refusal may take


@pytest.fixture
def path(pendulum, shake, tmp_path) -> Path:
    """A file with a trained stack of two."""
    file = tmp_path / "actor.npz"
    shake(YannActor.from_law(pendulum, 4, bound=0.5).replicate([0, 1])).save(file)
    return file


def read_members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def write_members(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def forge(path: Path, data=None, arrays=None, header=None, drop=()) -> None:
    """Change parts of a file as an attacker would: with checksums that fit."""
    members = {name: content for name, content in read_members(path).items() if name not in drop}
    text = json.loads(members["header.json"])
    text["data"] |= data or {}
    for name, array in (arrays or {}).items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=True)
        members[f"{name}.npy"] = buffer.getvalue()
    known = {name: content for name, content in members.items() if not name.startswith("header")}
    text["sha256"] = {name: storage.hashlib.sha256(content).hexdigest() for name, content in known.items()}
    members["header.json"] = json.dumps(text | (header or {})).encode()
    members["header.sha256"] = storage.hashlib.sha256(members["header.json"]).hexdigest().encode()
    write_members(path, members)


def assert_refused(path: Path, words: str, kind: Any = YannActor) -> None:
    started = time.perf_counter()
    with pytest.raises(FileFormatError, match=words) as caught:
        kind.load(path)
    assert time.perf_counter() - started < QUICK
    assert str(path) in str(caught.value)


def assert_same(one, other, *points) -> None:
    assert type(one) is type(other)
    assert one.members == other.members
    for mine, its in zip(one.named_parameters(), other.named_parameters(), strict=True):
        assert mine[0] == its[0]
        assert torch.equal(mine[1], its[1])
        assert its[1].requires_grad == mine[1].requires_grad
    for mine, its in zip(one.named_buffers(), other.named_buffers(), strict=True):
        assert mine[0] == its[0]
        assert torch.equal(mine[1], its[1])
    assert np.array_equal(one(*points), other(*points))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bound", [None, 0.3])
@pytest.mark.parametrize("seeds", [[0], [3, 4, 5]])
def test_an_actor_comes_back_bit_for_bit(law, draw_points, shake, tmp_path, form, bound, seeds):
    actor = shake(YannActor.from_law(law, residual=form, bound=bound).replicate(seeds))
    actor.save(tmp_path / "actor.npz")
    again = YannActor.load(str(tmp_path / "actor.npz"))
    points = draw_points(law, (len(seeds), 300), 1.3)
    assert_same(actor, again, points if len(seeds) > 1 else points[0])
    for mine, its in zip(actor.evaluate(points), again.evaluate(points), strict=True):
        assert np.array_equal(mine, its)
    assert again.law_digest == actor.law_digest == again.birth.law.digest == law.digest
    assert again.birth.residual == form


def test_a_newborn_and_its_law_come_back(pendulum, tmp_path):
    actor = YannActor.from_law(pendulum)
    actor.save(tmp_path / "actor.npz")
    again = YannActor.load(tmp_path / "actor.npz")
    assert verify(again, again.birth.law, 200).passed
    assert str(again.birth.law.explain([0.4, 0.0])) == str(pendulum.explain([0.4, 0.0]))
    points = np.zeros((2, 5, 2))
    assert_same(actor.replicate([7, 8]), again.replicate([7, 8]), points)


def test_a_trained_one_is_replicated_as_it_is(pendulum, shake, tmp_path, draw_points):
    shake(YannActor.from_law(pendulum)).save(tmp_path / "actor.npz")
    stack = YannActor.load(tmp_path / "actor.npz").replicate([7, 8])
    assert all(torch.equal(weight[0], weight[1]) for weight in stack.parameters())
    drawn = YannActor.from_law(pendulum).replicate([5])
    drawn.save(tmp_path / "actor.npz")
    assert_same(drawn.replicate([7]), YannActor.load(tmp_path / "actor.npz").replicate([7]), np.zeros(2))


def test_a_loaded_one_trains_on_as_the_saved_one(pendulum, shake, tmp_path, draw_points):
    actor = shake(YannActor.from_law(pendulum))
    actor.save(tmp_path / "actor.npz")
    again = YannActor.load(tmp_path / "actor.npz")
    points = torch.tensor(draw_points(pendulum))
    for network in (actor, again):
        optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
        (network(points) ** 2).mean().backward()
        optimiser.step()
    assert_same(actor, again, points.numpy())


def test_same_actor_same_bytes_and_the_certificate_comes_along(pendulum, tmp_path):
    for name in ("one.npz", "two.npz"):
        YannActor.from_law(pendulum, 4).save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    pendulum = PiecewiseAffineLaw(**{f: getattr(pendulum, f) for f in pendulum.__dataclass_fields__})
    pendulum.certify()
    YannActor.from_law(pendulum, 4).save(tmp_path / "one.npz")
    assert YannActor.load(tmp_path / "one.npz").birth.law.certificate == pendulum.certificate


def test_copies_share_the_law(pendulum):
    actor = YannActor.from_law(pendulum)
    assert deepcopy(actor).birth.law is actor.replicate([1, 2]).member(0).birth.law is pendulum


class Doubled(PerRegion):
    """A form of one's own, twice as wide as it says."""

    def build(self, law):
        return PerRegionResidual(law, 2 * self.hidden)


@dataclass(frozen=True)
class Around(Residual):
    """A form around another one."""

    inner: Residual | None = None
    share: float = 0.5
    extra: object = None

    def build(self, law):
        return (self.inner or PerRegion(2)).build(law)


def test_forms_of_ones_own_and_forms_within_forms_come_back(pendulum, shake, tmp_path):
    for form in (Doubled(2), Around(inner=Doubled(4), share=0.25)):
        actor = shake(YannActor.from_law(pendulum, residual=form))
        actor.save(tmp_path / "actor.npz")
        again = YannActor.load(tmp_path / "actor.npz")
        assert again.birth.residual == form
        assert_same(actor, again, np.ones((20, 2)))


def test_what_no_file_can_hold_is_refused_before_anything_is_written(pendulum, tmp_path):
    odd = YannActor.from_law(pendulum, residual=Around(extra=object()))
    with pytest.raises(NetworkError, match=r"has extra <object .*, but a file keeps numbers, texts and forms alone"):
        odd.save(tmp_path / "actor.npz")
    namesake = type("PerRegion", (PerRegion,), {})
    with pytest.raises(NetworkError, match="is a PerRegion, but another form has that name; give the class its own"):
        YannActor.from_law(pendulum, residual=namesake()).save(tmp_path / "actor.npz")
    sick = YannActor.from_law(pendulum)
    next(sick.parameters()).data[0, 0, 0, 0] = np.nan
    with pytest.raises(NetworkError, match=r"weight `residual.inner` holds NaN or infinite entries; files keep finite"):
        sick.save(tmp_path / "actor.npz")
    with pytest.raises(NetworkError, match=r"holds torch\.float32"):
        YannActor.from_law(pendulum).float().save(tmp_path / "actor.npz")
    assert list(tmp_path.iterdir()) == []


def test_missing_places_and_wrong_paths_are_named(pendulum, path, tmp_path):
    actor = YannActor.from_law(pendulum, 4)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        YannActor.load(tmp_path / "nowhere.npz")
    with pytest.raises(IsADirectoryError):
        YannActor.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder"):
        actor.save(tmp_path / "no folder" / "actor.npz")
    with pytest.raises(IsADirectoryError):
        actor.save(tmp_path)
    with pytest.raises(FileFormatError, match="`path` is 5; pass the path of a file"):
        actor.save(5)  # type: ignore[arg-type]
    with pytest.raises(FileFormatError, match="is a device"):
        actor.save("/dev/null")
    for write in (actor.save, pendulum.save, YannActor.load):
        with pytest.raises(FileFormatError, match="`path` is an empty text; pass the path of a file"):
            write("")
    assert [entry.name for entry in tmp_path.iterdir()] == ["actor.npz"]


def test_a_failed_write_keeps_the_old_file_and_a_link_what_it_points_to(pendulum, path, tmp_path, monkeypatch):
    before, actor = path.read_bytes(), YannActor.from_law(pendulum, 4)

    def no_space(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        actor.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    link = tmp_path / "link.npz"
    link.symlink_to(path)
    actor.save(link)
    assert path.read_bytes() == before
    assert YannActor.load(link).members == 1
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["actor.npz", "link.npz"]


def test_files_of_another_kind_are_named(pendulum, path, tmp_path):
    pendulum.save(tmp_path / "law.npz")
    assert_refused(tmp_path / "law.npz", "holds a 'law', but a 'actor' was expected")
    assert_refused(path, "holds a 'actor', but a 'law' was expected", PiecewiseAffineLaw)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99, 0.9999])
def test_a_truncated_file_is_refused(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert_refused(path, "truncated or corrupt")


def test_no_flipped_bit_goes_unnoticed(path):
    content = path.read_bytes()
    weights = {name: weight.detach().clone() for name, weight in YannActor.load(path).named_parameters()}
    for index in np.random.default_rng(0).integers(0, len(content), 150):
        path.write_bytes(content[:index] + bytes([content[index] ^ (1 << index % 8)]) + content[index + 1 :])
        read = loaded_or_none(path)
        if read is not None:
            assert all(torch.equal(weight, weights[name]) for name, weight in read.named_parameters())
            assert read.law_digest == read.birth.law.digest


def loaded_or_none(path):
    try:
        return YannActor.load(path)
    except FileFormatError:
        return None


def test_a_flipped_bit_in_a_weight_names_it(path):
    members = read_members(path)
    changed = bytearray(members["weight.residual.inner.npy"])
    changed[-1] ^= 1
    write_members(path, members | {"weight.residual.inner.npy": bytes(changed)})
    assert_refused(path, "checksum of weight.residual.inner.npy")


class Trap:
    """Unpickling this writes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def test_a_pickle_never_runs(path, tmp_path):
    trap = tmp_path / "ran"
    forge(path, arrays={"weight.residual.bias": np.array([Trap(trap)], dtype=object)})
    assert_refused(path, "weight.residual.bias.npy")
    path.write_bytes(pickle.dumps(Trap(trap)))
    assert_refused(path, "corrupt")
    torch.save({"a": torch.zeros(3)}, path)
    assert_refused(path, "declares|repeated|header")
    assert not trap.exists()


def test_other_versions_are_refused(path):
    forge(path, header={"version": 3})
    assert_refused(path, "format version 3, but this release reads 1 and 2")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"law": None}, "whole law"),
        ({"law": {}}, "whole law"),
        ({"law_digest": "0" * 64}, "holds the law .*, but names 0000"),
        ({"residual": None}, "whole actor"),
        ({"residual": {"form": "Unknown", "fields": {}}}, "of the form 'Unknown', but known here are .*PerRegion"),
        ({"residual": {"form": "Residual", "fields": {}}}, "of the form 'Residual'"),
        ({"residual": {"form": ["PerRegion"], "fields": {}}}, "whole actor"),
        ({"residual": {"form": "PerRegion", "fields": {"hidden": 4, "more": 1}}}, "whole actor.*more"),
        ({"residual": {"form": "PerRegion", "fields": {"hidden": -4}}}, "`hidden` is -4"),
        ({"residual": {"form": "PerRegion", "fields": {"hidden": True}}}, "`hidden` is True"),
        ({"residual": {"form": "PerRegion", "fields": {"hidden": 4.0}}}, "`hidden` is 4.0"),
        ({"residual": {"form": "PerRegion", "fields": 5}}, "whole actor"),
        (
            {"residual": {"form": "PerRegion", "fields": {"hidden": 1000}}},
            r"need 112,000 bytes, but the limit is \d,\d{3};",
        ),
        ({"residual": {"form": "PerRegion", "fields": {"hidden": 10**30}}}, "need .* bytes, but the limit"),
        ({"residual": {"form": "PerRegion", "fields": {"hidden": 6}}}, "weight `.*` has shape .*network needs|need"),
        ({"residual": {"form": "Shared", "fields": {"hidden": 4}}}, "holds weights .*but its network has"),
    ],
)
def test_data_that_do_not_fit(path, data, words):
    forge(path, data=data)
    assert_refused(path, words)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"weight.residual.inner": np.zeros((2, 7, 4, 3))}, "`residual.inner` has shape .2, 7, 4, 3. of float64"),
        ({"weight.residual.inner": np.zeros((3, 7, 4, 2))}, "weight `.*` has 2 members, but `residual.inner` has 3"),
        ({"weight.residual.inner": np.zeros((0, 7, 4, 2))}, "weight `residual.inner` has 0 members, but `.*` has 2"),
        ({"weight.residual.inner": np.zeros(())}, "weight `residual.inner` has 0 members, but `.*` has 2"),
        (
            {
                "weight.residual.inner": np.zeros((0, 7, 4, 2)),
                "weight.residual.bias": np.zeros((0, 7, 4)),
                "weight.residual.plus": np.zeros((0, 7, 2, 4)),
                "weight.residual.minus": np.zeros((0, 7, 2, 4)),
            },
            "its weights have 0 members, but a stack has at least 1",
        ),
        ({"weight.residual.inner": np.zeros((2, 7, 4, 2), dtype=np.int64)}, "of int64, but its network needs"),
        ({"weight.residual.inner": np.zeros((2, 7, 4, 2), dtype=np.float32)}, "weight.residual.inner.npy declares"),
        ({"weight.residual.inner": np.full((2, 7, 4, 2), np.inf)}, "holds NaN or infinite entries"),
        ({"weight.residual.inner": np.zeros((2, 7, 4, 2))}, "differs by .* of its output's size from the one saved"),
        ({"weight.more": np.zeros((2, 1))}, "holds weights .*more"),
        ({"bound": np.array(-1.0)}, "`bound` is -1"),
        ({"bound": np.ones(3)}, r"`bound` has shape \(3,\)"),
        ({"bound": np.array(0.6)}, "differs by .* of its output's size"),
        ({"law.gain": np.zeros((7, 1, 2))}, "holds the law .*, but names"),
        ({"law.gain": np.full((7, 1, 2), np.nan)}, "`gain` holds NaN"),
        ({"law.half_spaces": np.full(7, 10**15)}, "half_spaces"),
        ({"reference.0": np.zeros((0, 2))}, "no reference points"),
        ({"reference.0": np.zeros((7, 3))}, "no reference points"),
        ({"reference.0": np.full((7, 2), np.nan)}, "no reference points"),
        ({"reference.output": np.zeros((1, 1))}, r"reference outputs \(1, 1\), but its network gives \(2, 7, 1\)"),
    ],
)
def test_arrays_that_do_not_fit(path, arrays, words):
    forge(path, arrays=arrays)
    assert_refused(path, words)


@pytest.mark.parametrize("name", ["weight.residual.inner", "reference.0", "reference.output", "law.b"])
def test_missing_arrays_are_named(path, name):
    forge(path, drop=(f"{name}.npy",))
    assert_refused(path, "weights|reference|whole law")


def test_a_file_keeps_the_inputs_at_the_regions_centres(path, pendulum):
    _, arrays = read_archive(path, "actor")
    centres = {tuple(region.centre) for region in pendulum.regions}
    assert {tuple(point) for point in arrays["reference.0"]} == centres
    actor = YannActor.load(path)
    points = np.stack([arrays["reference.0"]] * 2)
    assert np.array_equal(arrays["reference.output"], actor(points))
