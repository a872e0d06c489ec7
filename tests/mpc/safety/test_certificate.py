"""Safety certificates: saved whole, loaded only as they were written, verified by another program, printed in words."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpc import FileFormatError, ProblemError, SafetyCertificate
from mpc.safety.certificate import LARGEST
from mpc.safety.checkers import CHECKERS
from mpc.safety.errors import Unverified
from mpc.safety.shipped import FOLDER


@pytest.fixture
def certificate(quick_reactor_set):
    return quick_reactor_set.certificate


@pytest.fixture
def saved(certificate, tmp_path):
    certificate.save(tmp_path / "safe.json")
    return tmp_path / "safe.json"


def test_what_is_saved_is_loaded(certificate, saved):
    loaded = SafetyCertificate.load(saved)
    assert loaded.document == certificate.document
    assert (loaded.kind, loaded.assumptions) == (certificate.kind, certificate.assumptions)
    assert str(loaded) == str(certificate)
    assert loaded.verify().worst_slack == certificate.verify().worst_slack


def test_saving_again_gives_the_same_bytes(saved, tmp_path):
    SafetyCertificate.load(saved).save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == saved.read_bytes()


def test_a_file_is_written_whole_or_not_at_all(certificate, saved, monkeypatch):
    before = saved.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        certificate.save(saved)
    assert saved.read_bytes() == before
    assert len(list(saved.parent.iterdir())) == 1


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_changed_byte_is_noticed(quick_reactor_set, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("flip") / "safe.json"
    quick_reactor_set.certificate.save(path)
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        loaded = SafetyCertificate.load(path)
    except FileFormatError:
        return
    assert loaded.document == quick_reactor_set.certificate.document, "only what changes nothing may pass"


def with_hash(seal, document, **changes):
    return json.dumps(seal({key: value for key, value in (document | changes).items() if value is not ...}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "has version 2, but this release reads 1"),
        ({"version": True}, "has version True, but this release reads 1"),
        ({"format": "law"}, "its entries are not format, version, kind"),
        ({"kind": ...}, "its entries are not format, version, kind"),
        ({"more": 1}, "its entries are not format, version, kind"),
        ({"kind": 3}, "`kind` must be a text and `content` an object"),
        ({"content": [1]}, "`kind` must be a text and `content` an object"),
        ({"assumptions": "none"}, "`assumptions` must be a list of texts"),
        ({"assumptions": [1]}, "`assumptions` must be a list of texts"),
    ],
)
def test_other_files_are_refused(certificate, seal, tmp_path, changes, words):
    path = tmp_path / "other.json"
    path.write_text(with_hash(seal, certificate.document, **changes))
    with pytest.raises(FileFormatError, match=words) as refusal:
        SafetyCertificate.load(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "no safety certificate"),
        (b"{", "no safety certificate"),
        (b"[]", "its entries are not"),
        (b'{"a": NaN}', "it holds NaN"),
        (b'{"a": -Infinity}', "it holds -Infinity"),
        (b'{"a": 1, "a": 1}', "an entry stands twice"),
        (b"[" * 500_000, "no safety certificate"),
        (b"\xff\x00", "no safety certificate"),
        (b" " * (2**22 + 1), "more than 4194304 bytes"),
        (b"1" * 5000, "no safety certificate"),
    ],
)
def test_what_is_no_certificate_is_refused(tmp_path, raw, words):
    path = tmp_path / "other.json"
    path.write_bytes(raw)
    with pytest.raises(FileFormatError, match=words):
        SafetyCertificate.load(path)


def test_numbers_beyond_all_bounds_are_refused(saved):
    saved.write_text(saved.read_text().replace('"limit": 480.0', '"limit": 1e400'))
    with pytest.raises(FileFormatError, match="no safety certificate"):
        SafetyCertificate.load(saved)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        SafetyCertificate.load(tmp_path / "none.json")
    with pytest.raises(IsADirectoryError):
        SafetyCertificate.load(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), np.array([1.0]), {1, 2}])
def test_content_that_json_cannot_hold_is_refused(value, tmp_path):
    certificate = SafetyCertificate("stored heat of a reactor", {"value": value}, ())
    with pytest.raises(ProblemError, match="no plain, finite data"):
        certificate.save(tmp_path / "safe.json")
    assert not list(tmp_path.iterdir())


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    assert {module.MOST_BYTES for module in CHECKERS.values()} == {LARGEST}
    most = LARGEST - len(json.dumps(SafetyCertificate("linear", {"text": ""}, ()).document, indent=1)) - 1
    SafetyCertificate("linear", {"text": "a" * most}, ()).save(tmp_path / "most.json")
    assert SafetyCertificate.load(tmp_path / "most.json").kind == "linear"
    with pytest.raises(ProblemError, match="has 4194305 bytes, but files of 4194304 at most are loaded"):
        SafetyCertificate("linear", {"text": "a" * (most + 1)}, ()).save(tmp_path / "more.json")
    assert [path.name for path in tmp_path.iterdir()] == ["most.json"]


UNPRINTABLE = [
    ({"claims": 5}, "`claims` must be a list of texts, not 5"),
    ({"claims": [1]}, r"`claims` must be a list of texts, not \[1\]"),
    ({"claims": "all"}, "`claims` must be a list of texts, not all"),
    ({"worst": 3}, "`worst` must be an object"),
    ({"worst": {"slack": -1, "unit": 3}}, "`worst` must be an object"),
    ({"worst": {"slack": "a"}}, "`worst.slack` must be a finite number, not a"),
    ({"worst": {"slack": None}}, "`worst.slack` must be a finite number, not None"),
    ({"worst": {"slack": True}}, "`worst.slack` must be a finite number, not True"),
    ({"worst": {"slack": 10**400}}, "`worst.slack` must be a finite number, not 1000"),
]


@pytest.mark.parametrize(("content", "words"), UNPRINTABLE)
def test_words_that_could_not_be_printed_are_refused(certificate, seal, tmp_path, content, words):
    with pytest.raises(ProblemError, match=words):
        SafetyCertificate("linear", content, ())
    path = tmp_path / "other.json"
    path.write_text(with_hash(seal, certificate.document, content=content))
    with pytest.raises(FileFormatError, match=words) as refusal:
        SafetyCertificate.load(path)
    assert str(path) in str(refusal.value)


def test_what_is_no_certificate_is_refused_as_it_is_made():
    for arguments, words in (
        ((3, 4, 5), "`kind` must be a text and `content` an object, not int and int"),
        (("linear", [1], ()), "`kind` must be a text and `content` an object, not str and list"),
        (("linear", {}, 5), "`assumptions` must be a list of texts, not 5"),
        (("linear", {}, "none"), "`assumptions` must be a list of texts, not none"),
    ):
        with pytest.raises(ProblemError, match=words):
            SafetyCertificate(*arguments)
    assert SafetyCertificate("linear", {}, ["a"]).assumptions == ("a",)


@pytest.mark.parametrize("path", [None, 3.5, 0, b"safe.json", "a\0b"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(FileFormatError, match="pass the path of a file as a text"):
        SafetyCertificate.load(path)


def test_verifying_says_what_does_not_hold(certificate, forge):
    worse = forge(certificate.document, ("facets", lambda facets: facets[:1]))
    with pytest.raises(Unverified, match=r"'stored heat of a reactor' set does not hold: facet 0, T \+ 0 C_A <= 479"):
        SafetyCertificate(worse["kind"], worse["content"], certificate.assumptions).verify()
    with pytest.raises(Unverified, match="no checker verifies 'magic'; there are those of"):
        SafetyCertificate("magic", {}, ()).verify()


def test_every_kind_has_a_checker_of_its_own():
    assert len(set(CHECKERS.values())) == len(CHECKERS) >= 2
    for kind, module in CHECKERS.items():
        assert module.HEADER["kind"] == kind
        assert issubclass(module.Refused, ValueError)
        assert module.__name__.startswith("mpc.safety.check_")


def test_it_prints_what_is_claimed_and_what_is_assumed(certificate):
    text = str(certificate)
    first, second, *_ = text.splitlines()
    assert first == "safety certificate (stored heat of a reactor)"
    assert second.endswith("its author's: a checker verifies the numbers in the file, not the sentences")
    flat = " ".join(text.split())
    for words in (
        "T <= 480 K for ever, at samples and between them",
        "the set: T <= 479.999, T + 13",
        "- worst slack -0.000",
        "K per sample assumed: - the plant is the reactor of these equations",
        "each feed concentration is within 2 % of its constant",
        "the feed temperature is within 1 K",
        "the jacket transfers 80 to 100 %",
        "held for a sample of 0.0166667 h",
        "temperature within 0 K and C_A within 0 mol/L",
    ):
        assert words in flat
    assert max(map(len, text.splitlines())) <= 100


def test_what_comes_along_is_written_by_this_release():
    files = sorted(FOLDER.glob("*.json"))
    assert len(files) >= 3
    for path in files:
        loaded = SafetyCertificate.load(path)
        assert path.read_text() == json.dumps(loaded.document, indent=1) + "\n"
