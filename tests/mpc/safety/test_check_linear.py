"""The checker of linear certificates: all corners are found, and every sabotage is refused, hashed anew or not."""

import copy
import hashlib
import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import HalfspaceIntersection

from mpc.safety import check_linear, linear_set
from mpc.safety.check_linear import Refused, check
from mpc.safety.linearised import Linearised
from plants import Plant, QuadraticCost


def pulled(x, u):
    first = 1.1 * x[0] + 0.2 * x[1] + 0.5 * u[0] - 0.1 * u[1] + 0.02 * x[0] * u[1]
    return first, 0.1 * x[0] + 1.05 * x[1] + 0.1 * u[0] + 0.4 * u[1]


def hashed(document):
    body = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return body | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


@pytest.fixture(scope="module")
def good():
    own = Plant(
        name="two inputs",
        state_names=("level", "flow"),
        state_units=("m", "m/s"),
        input_names=("p", "q"),
        input_units=("N", "N"),
        update=pulled,
        state_bounds=([-1, -1], [1, 1]),
        input_bounds=([-0.5, -0.3], [0.5, 0.3]),
        equilibrium=([0, 0], [0, 0]),
        sample_time=0.1,
        cost=QuadraticCost(np.eye(2), np.eye(2), state_target=[0, 0], input_target=[0, 0]),
        start_bounds=([-0.1, -0.1], [0.1, 0.1]),
    )
    told = linear_set.design(own, (-np.ones(2), np.ones(2)), Linearised(disturbance=0.05)).certificate
    facts = {"format": "yann-control safety certificate", "version": 1, "kind": "linear"}
    return hashed(json.loads(json.dumps(facts | {"content": told.content, "assumptions": list(told.assumptions)})))


def test_a_good_certificate_is_verified(good):
    found, part = check(good), good["content"]["set"]
    assert found.worst_slack == pytest.approx(good["content"]["worst"]["slack"], abs=1e-9)
    rows = np.c_[part["A"], -np.array(part["b"])]
    corners = HalfspaceIntersection(rows, np.zeros(2)).intersections
    assert found.corners == len(np.unique(corners.round(9), axis=0))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_all_corners_of_a_polytope_are_found(n):
    """Random half-spaces in a box, some of them parallel and some through the same point."""
    generator = np.random.default_rng(n)
    A = np.vstack([np.eye(n), -np.eye(n), generator.normal(size=(5, n)).round(2)])
    A = np.vstack([A, 2 * A[-1:], A[-2:-1]])
    b = np.r_[np.ones(2 * n), generator.uniform(0.5, 1, 5).round(2), 3.0, 5.0]
    content = {"set": {"A": A.tolist(), "b": b.tolist()}, "limits": [[-1.0] * n, [1.0] * n]}
    exact = check_linear._fit(content, {name: check_linear.FORM[name] for name in content}, "content")
    found = np.array([[float(entry) for entry in corner] for corner in check_linear._corners(exact)])
    expected = (
        np.array([[(b / A[:, 0])[A[:, 0] < 0].max()], [(b / A[:, 0])[A[:, 0] > 0].min()]])
        if n == 1
        else np.unique(HalfspaceIntersection(np.c_[A, -b], np.zeros(n)).intersections.round(9), axis=0)
    )
    assert len(found) == len(expected)
    assert np.abs(found[np.lexsort(found.round(7).T)] - expected[np.lexsort(expected.round(7).T)]).max() < 1e-8


def put(*path):
    *parents, last, value = path

    def change(content):
        for name in parents:
            content = content[name]
        content[last] = value(content[last]) if callable(value) else value

    return change


def times(factor):
    return lambda value: (np.array(value) * factor).tolist()


def side_dropped(content):
    """All facets that the level meets from below: any single one may be a spare one."""
    kept = [i for i, row in enumerate(content["set"]["A"]) if row[0] <= 0]
    for part in (content["set"], content["rows"]):
        for name in ("A", "b", "X", "U", "h"):
            if name in part:
                part[name] = [part[name][i] for i in kept]
    content["rows"]["guards"] = list(range(len(kept)))


def facets_moved(content):
    """All facets further out, their rows with them: any single one may be a spare one."""
    for i, level in enumerate(content["set"]["b"]):
        content["set"]["b"][i] += 0.2 * level
        content["rows"]["h"][i] += 0.199 * level


SABOTAGE = {
    "a level moved in": (put("set", "b", 0, lambda b: 0.95 * b), "row 0 leaves its half-space"),
    "facets moved with their rows": (facets_moved, "beyond the limits|the worst slack"),
    "a facet turned": (put("set", "A", 1, [1.0, -0.9]), "row 1 leaves its half-space|beyond the limits"),
    "facets dropped": (side_dropped, "beyond the limits|the worst slack"),
    "a row loosened": (put("rows", "h", 2, lambda h: h + 0.1), "row 2 leaves its half-space"),
    "a row pushed otherwise": (put("rows", "U", 0, times(-1)), "row 0 leaves its half-space"),
    "a guard dropped": (put("rows", "guards", lambda g: g[1:]), "the worst slack"),
    "a guard twice": (put("rows", "guards", lambda g: [*g, g[0]]), "guards are rows"),
    "a guard that is no row": (put("rows", "guards", lambda g: [*g, 99]), "guards are rows"),
    "a larger disturbance": (put("disturbance", [0.1, 0.1]), "leaves its half-space"),
    "a larger model error": (put("model_error", times(3)), "leaves its half-space"),
    "another model": (put("model", "A", times(1.05)), "leaves its half-space"),
    "an offset": (put("model", "offset", [0.05, 0]), "leaves its half-space"),
    "weaker inputs": (put("input", times(0.5)), "is beyond the inputs' bounds"),
    "weaker inputs, stored ones too": (
        lambda c: (put("input", times(0.3))(c), put("corners", "inputs", times(0.3))(c)), "the worst slack"),
    "narrower limits": (put("limits", times(0.9)), "beyond the limits"),
    "an input of a corner changed": (put("corners", "inputs", times(-1)), "the worst slack"),
    "corners mixed up": (put("corners", "states", lambda v: v[1:] + v[:1]), "the worst slack"),
    "corners forgotten": (
        lambda c: [put("corners", k, lambda v: v[:1])(c) for k in ("states", "inputs")], "the worst slack"),
    "a better claim": (put("worst", "slack", lambda s: 2 * s), "as claimed"),
    "another sample time": (put("sample_time", -0.1), "the sample time is above 0"),
    "an empty set": (put("set", "b", times(-1)), "it is empty or flat|leaves"),
    "a text": (put("set", "b", 0, "1"), r"`content.set.b\[0\]` is no finite number"),
    "a truth": (put("model", "offset", [True, 0]), "is no finite number"),
    "a huge number": (put("model", "offset", [1e300, 0]), "is no finite number"),
    "a list too short": (put("model", "offset", [0.0]), r"`content.model.offset` must be of shape \(2,\)"),
    "a ragged matrix": (put("model", "A", [[1.0, 0.0], [1.0]]), r"`content.model.A` must be of shape \(2, 2\)"),
    "no corners": (lambda c: [put("corners", k, [])(c) for k in ("states", "inputs")], "must be of shape"),
    "no inputs": (put("input", []), "must be of shape"),
    "bounds swapped": (put("input", lambda b: b[::-1]), "bounds are in order"),
    "a negative disturbance": (put("disturbance", [-0.1, 0]), "disturbances are bounds"),
    "a missing entry": (lambda c: c.pop("corners"), "must hold"),
    "a number for a list": (put("set", 3), "`content.set` must hold"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), SABOTAGE.values(), ids=SABOTAGE)
def test_every_sabotage_is_refused_though_hashed_anew(good, change, words):
    document = copy.deepcopy(good)
    change(document["content"])
    with pytest.raises(Refused, match="the hash is not that of the content"):
        check(document)
    with pytest.raises(Refused, match=words):
        check(hashed(document))


@pytest.mark.parametrize("part", [None, "model", "set", "rows", "corners", "worst"])
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


def test_half_spaces_by_the_thousand_are_refused_at_once(good):
    document = copy.deepcopy(good)
    rows = {"set": ("A", "b"), "rows": ("X", "U", "h")}
    for part, names in rows.items():
        for name in names:
            document["content"][part][name] *= 1000
    with pytest.raises(Refused, match="there are few enough half-spaces in 2 dimensions"):
        check(hashed(document))


def test_half_planes_through_one_corner_are_refused_before_they_are_compared(good):
    """Any two of them meet there, so each pair may be a corner of the set."""
    document, angle = copy.deepcopy(good), np.linspace(0.01, 1.56, 900)
    A = np.vstack([np.c_[np.cos(angle), np.sin(angle)], -np.eye(2)])
    document["content"]["set"] = {"A": A.tolist(), "b": (A @ [0.5, 0.5] + 1.0 * (A < 0).any(axis=1)).tolist()}
    document["content"]["rows"] = {
        "X": A.tolist(), "U": A.tolist(), "h": [0.0] * len(A), "guards": list(range(len(A)))
    }  # fmt: skip
    begun = time.process_time()
    with pytest.raises(Refused, match="choices of half-spaces may be corners: too many meet in one point"):
        check(hashed(document))
    assert time.process_time() - begun < 10


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (17, "its entries are others"),
        ({"kind": "linear"}, "its entries are others"),
        ({"kind": "pendulum"}, "must be of"),
        ({"content": {"model": float("nan")}}, "holds NaN or infinity"),
    ],
)  # fmt: skip
def test_what_is_no_certificate_is_refused(good, document, words):
    if isinstance(document, dict) and words != "its entries are others":
        document = good | document
        document = document if "NaN" in words else hashed(document)
    with pytest.raises(Refused, match=words):
        check(document)


def run(path):
    command = [sys.executable, "-I", check_linear.__file__, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)


def test_it_runs_alone_as_a_script(good, tmp_path):
    path = tmp_path / "good.json"
    path.write_text(json.dumps(good))
    found = run(path)
    assert found.returncode == 0
    assert found.stdout.startswith("verified: ")
    assert found.stdout.endswith("That the model's error is as bounded is taken from the file\n")
    path.write_text(json.dumps(good).replace('"worst"', '"worst": {"slack": -1}, "worst"', 1))
    assert (run(path).returncode, run(path).stdout) == (1, "refused: an entry stands twice in the file\n")


def test_it_shares_no_code_with_the_design():
    lines = Path(check_linear.__file__).read_text().splitlines()
    imported = {line.split()[1] for line in lines if line.startswith(("import", "from"))}
    known = {"hashlib", "json", "sys", "dataclasses", "fractions", "itertools", "math", "pathlib"}
    assert imported <= known | {"operator", "typing", "numpy"}
