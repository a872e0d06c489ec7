"""Files from strangers: damaged, hostile or of another kind, they are refused with their path, and nothing runs."""

import io
import json
import pickle
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mpc import FileFormatError, MultiparametricQP, PiecewiseAffineLaw, solve_explicit
from mpc.explicit import storage

QUICK = 2.0  # seconds that a refusal may take


def read_members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def write_members(path: Path, members: dict[str, bytes], **settings) -> None:
    with zipfile.ZipFile(path, "w", **settings) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def forge(path: Path, data=None, arrays=None, header=None, raw=None) -> None:
    """Change parts of a law file as an attacker would: with checksums that fit."""
    members = read_members(path)
    text = json.loads(members["header.json"])
    text["data"] |= data or {}
    for name, array in (arrays or {}).items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=True)
        members[f"{name}.npy"] = buffer.getvalue()
    members |= raw or {}
    known = {name: content for name, content in members.items() if not name.startswith("header")}
    text["sha256"] = {name: storage.hashlib.sha256(content).hexdigest() for name, content in known.items()}
    members["header.json"] = json.dumps(text | (header or {})).encode()
    members["header.sha256"] = storage.hashlib.sha256(members["header.json"]).hexdigest().encode()
    write_members(path, members)


def assert_refused(path: Path, words: str) -> None:
    started = time.perf_counter()
    with pytest.raises(FileFormatError, match=words) as caught:
        PiecewiseAffineLaw.load(path)
    assert time.perf_counter() - started < QUICK
    assert str(path) in str(caught.value)


def test_the_digest_sees_every_part(law, path, pendulum_problem):
    forge(path, data={"labels": law.labels.to_dict() | {"parameters": ["other"]}})
    assert PiecewiseAffineLaw.load(path).digest != law.digest
    offsets = np.stack([r.solution_offset for r in law.regions])
    law.save(path)
    forge(path, arrays={"solution_offset": np.nextafter(offsets, 9)})
    assert PiecewiseAffineLaw.load(path).digest != law.digest


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_truncated_file_is_refused(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert_refused(path, "truncated or corrupt")


def test_every_missing_tail_and_surplus_is_refused_or_harmless(law, path):
    content = path.read_bytes()
    for cut in range(1, 80):
        path.write_bytes(content[:-cut])
        assert_refused(path, "corrupt")
    path.write_bytes(content + b"surplus")
    assert harmless_or_refused(law, path)
    path.write_bytes(b"surplus" + content)
    assert harmless_or_refused(law, path)


def harmless_or_refused(law, path) -> bool:
    try:
        return PiecewiseAffineLaw.load(path).digest == law.digest
    except FileFormatError as refusal:
        return str(path) in str(refusal)


@pytest.mark.slow
def test_no_flipped_bit_changes_a_law_in_silence(path):
    law = solve_explicit(MultiparametricQP([[1]], [0], [[-1]], [[1]], [3], [[0]], [[1], [-1]], [2, 2]))
    law.save(path)
    content = path.read_bytes()
    inside = {content.find(part) + i for part in read_members(path).values() for i in range(len(part))}
    with path.open("r+b", buffering=0) as file:
        for index, byte in enumerate(content):
            for bit in [index % 8] if index in inside else range(8):  # members stand under CRC and SHA-256 besides
                file.seek(index)
                file.write(bytes([byte ^ (1 << bit)]))
                assert harmless_or_refused(law, path), f"byte {index}, bit {bit}"
            file.seek(index)
            file.write(bytes([byte]))
    assert PiecewiseAffineLaw.load(path).digest == law.digest


def test_a_flipped_bit_in_an_array_names_it(path):
    members = read_members(path)
    changed = bytearray(members["solution_gain.npy"])
    changed[-1] ^= 1
    write_members(path, members | {"solution_gain.npy": bytes(changed)})
    assert_refused(path, "checksum of solution_gain.npy")


class Trap:
    """Unpickling this writes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def test_a_pickle_never_runs(path, tmp_path, small_law):
    trap = tmp_path / "ran"
    path.write_bytes(pickle.dumps(Trap(trap)))
    assert_refused(path, "corrupt")
    small_law().save(path)
    forge(path, arrays={"centre": np.array([Trap(trap)], dtype=object)})
    assert_refused(path, "centre.npy")
    forge(path, raw={"centre.npy": pickle.dumps(Trap(trap))})
    assert_refused(path, "centre.npy is no npy array")
    forge(path, raw={"centre.npy": b"\x93NUMPY\x01\x00" + b"\x0a\x00" + b"__import__"})
    assert_refused(path, "centre.npy is no npy array")
    assert not trap.exists()


def test_a_zip_bomb_is_not_unpacked(path):
    members = read_members(path)
    write_members(path, members | {"A.npy": bytes(50_000_000)}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 200_000
    assert_refused(path, r"declares 500\d+ bytes of content in a file of \d+ bytes \(size limit")


def test_compressed_or_repeated_entries_are_refused(path):
    members = read_members(path)
    noise = np.random.default_rng(0).bytes(10_000)
    write_members(path, {"noise": noise}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size > len(noise)
    assert_refused(path, "holds repeated or compressed entries")
    write_members(path, members)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("A.npy", members["A.npy"])
    assert_refused(path, "holds repeated or compressed entries")


@pytest.mark.parametrize("shape", ["(-1, -3)", "(10**18, 10**18)", "(1000000000000,)", "(3, 1, 1, 7)", "'x'", "(3.0,)"])
def test_declared_sizes_are_checked_before_anything_is_allocated(path, shape):
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (53 - len(text) % 64 + 64) + b"\n"
    npy = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(24)
    forge(path, raw={"radius.npy": npy})
    assert_refused(path, "radius")


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<U8", "<c16", "|b1", "<m8[s]"])
def test_other_number_formats_are_refused(path, dtype):
    forge(path, arrays={"radius": np.zeros(3).astype(dtype)})
    assert_refused(path, "radius")


def test_json_that_is_too_deep_or_none(path):
    members = read_members(path)
    for text in (b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000, b"not json", b"\xff\xfe", b"[]", b"null"):
        checksum = storage.hashlib.sha256(text).hexdigest().encode()
        write_members(path, members | {"header.json": text, "header.sha256": checksum})
        assert_refused(path, "header.json")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"kind": "checkpoint"}, "holds a 'checkpoint', but a 'law' was expected"),
        ({"kind": ["law"]}, "but a 'law' was expected"),
        ({"format": "other"}, "not of format 'yann-control'"),
        ({"version": 3}, "format version 3, but this release reads 1 and 2"),
        ({"sha256": {}}, "the header lists"),
        ({"sha256": []}, "`sha256` and `data` are missing"),
        ({"data": []}, "`sha256` and `data` are missing"),
    ],
)
def test_a_header_that_promises_something_else(path, header, words):
    forge(path, header=header)
    assert_refused(path, words)


@pytest.mark.parametrize(
    "data",
    [
        {"labels": None},
        {"labels": "text"},
        {"labels": {}},
        {"labels": {"parameters": 5, "variables": ["z"], "rows": ["a", "b"]}},
        {"labels": {"parameters": ["a", "b"], "variables": ["z"], "rows": ["a", "b"]}},
        {"labels": {"parameters": ["a"], "variables": [], "rows": ["a", "b"]}},
        {"labels": {"parameters": ["a"], "variables": ["z"], "rows": []}},
        {"labels": {"parameters": ["a"], "variables": ["z"], "rows": ["a", "b"], "parameter_units": ["m", "s"]}},
        {"labels": {"parameters": ["a"], "variables": ["z"], "rows": ["a", "b"], "more": []}},
        {"partial": None},
        {"partial": 2},
        {"partial": ["stopped"]},
    ],
)
def test_data_that_do_not_fit(path, data):
    forge(path, data=data)
    assert_refused(path, "whole law")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"solution_gain": np.zeros((4, 1, 1))}, "half_spaces.*shape"),
        ({"solution_gain": np.zeros((3, 2, 1))}, "solution_offset.*shape"),
        ({"solution_gain": np.zeros((3, 1, 2))}, "centre.*shape"),
        ({"solution_gain": np.zeros((3, 1))}, "solution_gain.*3 axes"),
        ({"b": np.zeros(7)}, "`A` has shape"),
        ({"b": np.full(6, np.nan)}, "`b` holds NaN"),
        ({"radius": np.array([1, np.inf, 1])}, "`radius` holds NaN or infinite"),
        ({"half_spaces": np.array([2, 2, 3])}, "adds up to 7"),
        ({"half_spaces": np.array([6, 0, 0])}, "at least 1"),
        ({"half_spaces": np.array([7, -1, 0])}, "half_spaces"),
        ({"half_spaces": np.array([2.0, 2.0, 2.0])}, "half_spaces.*int64"),
        ({"A": np.ones((6, 1), dtype=np.int64)}, "`A`.*float64"),
        ({"active_rows": np.array([0, 2])}, "names row 2"),
        ({"active_rows": np.array([0, -1])}, "active_rows"),
        ({"active_count": np.array([0, 1, 2])}, "adds up to 3"),
        ({"parameter_A": np.ones((2, 2))}, "2 parameters"),
        ({"parameter_b": np.ones(3)}, "`A` has 2 rows but `b` has 3"),
        ({"parameter_bounds": np.zeros((2, 2))}, "parameter_bounds"),
        ({"parameter_bounds": np.zeros((3, 1))}, "whole law"),
        ({"parameter_bounds": np.array([[2.0], [-2.0]])}, "above its upper bound"),
        ({"parameter_bounds": np.array([[-2.0], [np.inf]])}, "parameter_bounds"),
        ({"input_bounds": np.zeros((2, 5))}, "input_bounds"),
        ({"input_bounds": np.zeros((3, 1))}, "input_bounds"),
    ],
)
def test_arrays_that_do_not_fit_one_another(path, arrays, words):
    forge(path, arrays=arrays)
    assert_refused(path, words)


def test_a_missing_array_is_named(path):
    members = read_members(path)
    del members["radius.npy"]
    write_members(path, members)
    assert_refused(path, "other arrays")
    write_members(path, {name: content for name, content in members.items() if name != "header.json"})
    assert_refused(path, "no readable header.json")
