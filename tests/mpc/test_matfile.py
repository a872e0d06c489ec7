"""A .mat file from a stranger: every damage is a FileFormatError at once, and none takes memory or the process."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from mpc import FileFormatError
from mpc.matfile import LARGEST_FILE, read_matrices


def written(compressed=True, **variables) -> bytes:
    file = io.BytesIO()
    savemat(file, {"A": np.arange(12.0).reshape(3, 4), "s": {"a": [1, 2]}} | variables, do_compression=compressed)
    return file.getvalue()


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def variable(shape=(1, 2), numbers=(1.0, 2.0), kind=6, name=b"A") -> bytes:
    parts = element(6, struct.pack("<II", kind, 0)) + element(5, np.array(shape, "<i4").tobytes())
    return element(14, parts + element(1, name) + element(9, np.array(numbers, "<f8").tobytes()))


HEADER = written()[:128]


@pytest.fixture
def read(tmp_path):
    def from_bytes(data, name="A"):
        path = tmp_path / "file.mat"
        path.write_bytes(data)
        return read_matrices(path, [name])[name]

    return from_bytes


@given(
    st.booleans(), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 7)), min_size=1, max_size=4), st.booleans()
)
def test_any_damage_is_named_or_harmless(tmp_path_factory, compressed, flips, cut):
    data = bytearray(written(compressed))
    for at, bit in flips:
        data[at % len(data)] ^= 1 << bit
    path = tmp_path_factory.mktemp("damage") / "file.mat"
    path.write_bytes(data[: flips[0][0] % len(data)] if cut else data)
    words = ""
    try:
        assert np.isfinite(read_matrices(path, ["A"])["A"]).all()
    except FileFormatError as error:
        words = str(error)
    assert words.startswith(str(path)) or not words


def test_what_is_written_by_hand_is_read(read):
    assert read(HEADER + variable()).tolist() == [[1, 2]]
    assert read(HEADER + variable((2, 2), [1, 2, 3, 4])).tolist() == [[1, 3], [2, 4]]
    assert read(HEADER + element(14, b"") + variable()).tolist() == [[1, 2]]  # MATLAB writes empty elements
    opaque = element(14, element(6, struct.pack("<II", 17, 0)) + element(1, b"thing"))
    assert read(HEADER + opaque + variable()).tolist() == [[1, 2]]


def test_the_other_byte_order_is_read(read):
    parts = struct.pack(">IIII", 6, 8, 6, 0) + struct.pack(">IIii", 5, 8, 1, 1)
    parts += struct.pack(">HH", 1, 1) + b"A\0\0\0" + struct.pack(">IId", 9, 8, 2.5)
    data = HEADER[:124] + b"\x01\x00MI" + struct.pack(">II", 14, len(parts)) + parts
    assert read(data).tolist() == [[2.5]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "this is no MATLAB file of format 5, or a truncated one"),
        (b"x" * 500, "this is no MATLAB file of format 5"),
        (
            b"MATLAB 7.3 MAT-file" + bytes(600),
            r"the format is -v7.3 \(HDF5\), which is not read; save it by save\(...,",
        ),
        (bytes(512) + b"\x89HDF\r\n\x1a\n", "the format is -v7.3"),
        (written()[:-20], r"truncated: an element ends at byte \d+ of \d+"),
        (written() + b"\x0e", "truncated: an element begins at byte"),
        (HEADER + element(9, bytes(8)), "damaged: an element of kind 9 where a variable is expected"),
        (HEADER + element(15, b"not compressed"), "damaged: a compressed variable does not unpack"),
        (HEADER + element(15, zlib.compress(bytes(5000))[:10]), "truncated: a compressed variable ends early"),
        (HEADER + variable((3, 2)), r"damaged: A has shape \(3, 2\), but 2 numbers"),
        (HEADER + variable((-1, -2)), r"A has shape \(-1, -2\)"),
        (HEADER + variable((2**30, 2**30)), r"damaged: A has shape \(1073741824, 1073741824\), but 2 numbers"),
        (HEADER + variable(kind=99), "damaged: a variable is of the unknown class 99"),
        (HEADER + variable(kind=16), "there is no variable 'A'; The file has: none"),
    ],
)
def test_damage_is_described(read, data, words):
    with pytest.raises(FileFormatError, match=words):
        read(data)


def test_a_bomb_is_not_unpacked(read):
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(200)) + packer.flush()
    with pytest.raises(FileFormatError, match=f"unpacks to more than {LARGEST_FILE} bytes, the size limit"):
        read(HEADER + element(15, packed))


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "huge.mat"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(FileFormatError, match=f"more than {LARGEST_FILE} bytes, the size limit"):
        read_matrices(path, ["A"])
