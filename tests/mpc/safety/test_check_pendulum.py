"""The checker of pendulum certificates: it verifies a good one and refuses every sabotage, hashed anew or not."""

import copy
import hashlib
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpc.safety import check_pendulum, pendulum
from mpc.safety.check_pendulum import Refused, check
from plants import clipped_pendulum

LIMITS = (np.array([-0.6, -4.0]), np.array([0.6, 4.0]))


def hashed(document):
    body = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return body | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


@pytest.fixture(scope="module")
def good():
    told = pendulum.design(clipped_pendulum(), LIMITS).certificate
    facts = {"format": "yann-control safety certificate", "version": 1, "kind": "pendulum"}
    return hashed(json.loads(json.dumps(facts | {"content": told.content, "assumptions": list(told.assumptions)})))


def test_a_good_certificate_is_verified(good):
    found = check(good)
    assert found.corners == 6
    assert found.cells == good["content"]["cells"]
    assert found.share == pytest.approx(0.3904, abs=1e-4)
    assert found.worst_slack == pytest.approx(good["content"]["worst"]["slack"], abs=1e-9)


def scaled(name, i, factor):
    def change(content):
        content["set"][name][i] = (np.array(content["set"][name][i]) * factor).tolist()

    return change


def facet_moved(content):
    """A facet further out, its row with it, so that both still fit one another."""
    further = 0.02 * content["set"]["b"][0]
    content["set"]["b"][0] += further
    content["rows"]["h"][0] += 0.999 * further


def facet_dropped(i):
    def change(content):
        for part in (content["set"], content["rows"]):
            for name in ("A", "b", "X", "U", "h"):
                if name in part:
                    del part[name][i]

    return change


def row_dropped(content):
    for name in "XUh":
        del content["rows"][name][3]


def put(*path):
    *parents, last, value = path

    def change(content):
        for name in parents:
            content = content[name]
        content[last] = value

    return change


SABOTAGE = {
    "a level moved": (scaled("b", 0, 0.99), "a row leaves its facet"),
    "a facet turned": (scaled("A", 0, [1.01, 1]), "a row leaves its facet"),
    "a facet moved with its row": (facet_moved, "the worst slack"),
    "a steep facet dropped": (facet_dropped(0), "worst slack of the torque is|beyond the limits"),
    "a limit dropped": (facet_dropped(2), "beyond the limits"),
    "all rows of a limit dropped": (put("limits", [[-0.5, -4], [0.5, 4]]), "beyond the limits"),
    "a row dropped": (row_dropped, "there is a row for each facet"),
    "a row loosened": (lambda c: c["rows"]["h"].__setitem__(0, c["rows"]["h"][0] * 1.05), "a row leaves its facet"),
    "a row pushed the other way": (lambda c: c["rows"]["U"].__setitem__(0, -c["rows"]["U"][0]), "a row leaves its"),
    "a row blind": (lambda c: c["rows"]["U"].__setitem__(0, 0.0), "every row has the torque in it"),
    "a larger disturbance": (put("disturbance", [0.002, 0.04]), "a row leaves its facet"),
    "another sample time": (put("sample_time", 0.06), "a row leaves its facet"),
    "a shorter sample time": (put("sample_time", 0.04), "a row leaves its facet"),
    "less torque": (put("input", [-1.9, 1.9]), "worst slack of the torque is"),
    "less torque on a side": (put("input", [-1.95, 2]), "worst slack of the torque is"),
    "more gravity": (put("constants", "gravity", 16), "a row leaves its facet"),
    "a weaker motor": (put("constants", "gain", 2.9), "a row leaves its facet"),
    "no sine": (put("rows", "sine", 0.0), "a row leaves its facet"),
    "coarse cells": (put("cells", 100), "the worst slack of the torque is"),
    "no cells": (put("cells", 0), "there are 1 to"),
    "broken cells": (put("cells", 0.5), "there are 1 to"),
    "endless cells": (put("cells", 10**9), "there are 1 to"),
    "a better claim": (put("worst", "slack", -0.03), "as claimed"),
    "a larger share": (put("share", 0.4), "of its limits, not 0.4 as claimed"),
    "a set without the top": (scaled("b", 0, -1), "must hold the upright position"),
    "a missing entry": (lambda c: c.pop("cells"), "must hold"),
    "a text for a number": (put("cells", "many"), "`content.cells` is no finite number"),
    "a number for a list": (put("set", "A", 3), "must be a list"),
    "a row too long": (lambda c: c["set"]["A"].__setitem__(0, [1, 2, 3]), r"`content.set.A\[0\]` must be a list of 2"),
    "too many rows": (lambda c: c["set"].__setitem__("A", c["set"]["A"] * 20), "must be a list of 1 to 64"),
    "a truth for a number": (put("sample_time", True), "is no finite number"),
    "a huge number": (put("input", [-1e300, 1e300]), "is no finite number"),
    "limits beyond a turn": (put("limits", [[-4, -4], [4, 4]]), "within a turn"),
    "a negative disturbance": (put("disturbance", [0, -0.02]), "a disturbance is a bound"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), SABOTAGE.values(), ids=SABOTAGE)
def test_every_sabotage_is_refused_though_hashed_anew(good, change, words):
    document = copy.deepcopy(good)
    change(document["content"])
    with pytest.raises(Refused, match="the hash is not that of the content"):
        check(document)
    with pytest.raises(Refused, match=words):
        check(hashed(document))


@pytest.mark.parametrize("part", [None, "constants", "set", "rows", "worst"])
@pytest.mark.parametrize("value", ["1e30000000", "1/0", None, "abc", [[None]], {"x": 10**400}])
def test_what_the_form_does_not_name_is_not_read(good, part, value):
    """Text that stands for a huge number would take for ever, and others are no numbers."""
    document = copy.deepcopy(good)
    content = document["content"]
    (content if part is None else content[part])["other"] = value
    assert check(hashed(document)) == check(good)


ODD = [None, True, "480", [], {}, [1], 10**400, -1, 0, 1e99, -1e99, 1e-300, [[0.0, 480.0]] * 65, [1e99] * 2]


@settings(max_examples=150, deadline=2000)
@given(st.data())
def test_malformed_files_are_refused_in_words(good, data):
    document = copy.deepcopy(good)
    place, last = document, "content"
    while isinstance(place[last], dict | list) and len(place[last]) and data.draw(st.integers(0, 9)):
        place = place[last]
        last = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[last] = data.draw(st.sampled_from(ODD))
    with suppress(Refused):
        assert check(hashed(document)).worst_slack < 0


def test_corners_too_far_for_floating_point_are_refused_in_words(good):
    document = copy.deepcopy(good)
    rows = [[1e-300, 0], [-1e-300, 0], [0, 1], [0, -1]]
    document["content"]["set"] = {"A": rows, "b": [1e99] * 4}
    document["content"]["rows"] |= {"X": rows, "U": [1] * 4, "h": [1] * 4}
    with pytest.raises(Refused, match="too large or too small to be compared"):
        check(hashed(document))


@pytest.mark.parametrize("asked", [-3, 1])
def test_rows_that_leave_no_torque_between_them_are_refused(good, asked):
    """A facet far outside, whose row asks for torques of 5 (angle - sin(angle)) + `asked` at least: there are such."""
    document = copy.deepcopy(good)
    for part, entries in {"set": {"A": [0, -1], "b": 1000}, "rows": {"X": [0.75, 0], "U": -0.15}}.items():
        for name, entry in entries.items():
            document["content"][part][name].append(entry)
    document["content"]["rows"]["h"].append(-0.15 * asked)
    if asked < 0:
        assert check(hashed(document)).corners == 6
    else:
        with pytest.raises(Refused, match=r"the worst slack of the torque is 3\.05, but"):
            check(hashed(document))


def test_each_facet_is_needed(good):
    """The design takes away what is not."""
    for i in range(len(good["content"]["set"]["b"])):
        document = copy.deepcopy(good)
        facet_dropped(i)(document["content"])
        with pytest.raises(Refused):
            check(hashed(document))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d | {"kind": "reactor"}, "must be of"),
        (lambda d: d | {"version": 2}, "must be of"),
        (lambda d: d | {"more": 1}, "its entries are others"),
        (lambda d: {key: d[key] for key in ("format", "content")}, "its entries are others"),
        (lambda d: d | {"content": 3}, "`content` must hold"),
        (lambda d: d | {"content": d["content"] | {"cells": float("nan")}}, "holds NaN or infinity"),
    ],
)  # fmt: skip
def test_what_is_no_certificate_is_refused(good, change, words):
    document = change(good)
    if "NaN" not in words and "entries" not in words:
        document = hashed(document)
    with pytest.raises(Refused, match=words):
        check(document)
    with pytest.raises(Refused):
        check(17)


def run(path):
    command = [sys.executable, "-I", check_pendulum.__file__, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)


def test_it_runs_alone_as_a_script(good, tmp_path):
    path = tmp_path / "good.json"
    path.write_text(json.dumps(good))
    found = run(path)
    assert found.returncode == 0
    assert found.stdout.startswith("verified: 6 corners exactly, 4000 cells; the torque left is 0.0221 at least, the")
    path.write_text(json.dumps(good).replace('"cells"', '"cells": 5, "cells"', 1))
    assert run(path).stdout == "refused: an entry stands twice in the file\n"
    path.write_text("[" * 100_000)
    assert (run(path).returncode, run(path).stdout[:8]) == (1, "refused:")
    path.write_bytes(b" " * 2**23)
    assert "has more than 4194304 bytes" in run(path).stdout
    assert run(tmp_path / "missing.json").returncode == 1


def test_the_design_and_the_checker_have_one_limit_of_cells():
    assert check_pendulum.MOST_CELLS == pendulum.MOST_CELLS


def test_it_shares_no_code_with_the_design():
    imported = [
        line for line in Path(check_pendulum.__file__).read_text().splitlines() if line.startswith(("import", "from"))
    ]
    known = {"hashlib", "json", "sys", "dataclasses", "fractions", "itertools", "math", "pathlib", "typing", "numpy"}
    assert {line.split()[1] for line in imported} <= known
