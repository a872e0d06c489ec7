"""The reactor's checker: it passes what holds, refuses every sabotage, and needs nothing of ours."""

import copy
import json
import shutil
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpc.safety import check_reactor
from mpc.safety.check_reactor import Refused, check


@pytest.fixture(scope="module")
def documents(reactor_files):
    return {name: json.loads(path.read_text()) for name, path in reactor_files.items()}


@pytest.fixture(scope="module")
def quick(quick_reactor_set):
    return quick_reactor_set.certificate.document


@pytest.mark.slow
@pytest.mark.parametrize("name", ["readable", "nominal", "robust"])
def test_the_certificates_that_come_along_hold(documents, name):
    begun = time.process_time()
    verdict = check(documents[name])
    assert time.process_time() - begun < 60
    assert verdict.worst_slack <= -1e-5
    assert verdict.worst_slack == pytest.approx(documents[name]["content"]["worst"]["slack"], abs=1e-9)
    assert verdict.cells == documents[name]["content"]["cells"]["count"]


def test_it_stands_alone(reactor_files, quick, tmp_path):
    script = shutil.copy(check_reactor.__file__, tmp_path / "checker.py")
    (tmp_path / "good.json").write_text(json.dumps(quick))
    code = (
        "import sys, runpy; sys.argv = ['checker', sys.argv[2]]\n"
        f"try: runpy.run_path({str(script)!r}, run_name='__main__')\n"
        "finally: print(sorted({name.partition('.')[0] for name in sys.modules} & {'mpc', 'plants', 'scipy'}))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, "x", str(tmp_path / "good.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("verified: the worst slack over ")
    assert done.stdout.endswith("[]\n")
    text = json.dumps(quick).replace('"ramp": 0.15', '"ramp": 0.16')
    (tmp_path / "bad.json").write_text(text)
    done = subprocess.run(
        [sys.executable, "-I", str(script), str(tmp_path / "bad.json")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (
        1, "refused: the hash is not that of the content: the file was changed\n"
    )  # fmt: skip


SABOTAGE = {
    "ramp too short": ("ramp", 0.045),
    "facet moved": ("facets", lambda f: [*f[:-1], [f[-1][0], f[-1][1] + 0.02]]),
    "facet dropped": ("facets", lambda f: f[:-1]),
    "first slope dropped": ("facets", lambda f: [f[0], *f[2:]]),
    "temperature alone": ("facets", lambda f: f[:1]),
    "slopes halved": ("facets", lambda f: [[s / 2, c] for s, c in f]),
    "less cooling": ("disturbance.effectiveness", lambda phi: phi - 0.03),
    "other rates": ("disturbance.kinetics", 0.03),
    "richer feed": ("disturbance.feed", lambda x: x + 0.03),
    "warmer feed": ("disturbance.inlet", lambda y: y + 3),
    "feed temperature": ("constants.feed_temperature", lambda T: T + 2),
    "more heat": ("kinetics.heat_1", lambda h: 1.02 * h),
    "twice the sample time": ("sample_time", lambda d: 2 * d),
    "less input": ("input", lambda u: [u[0], 0.97 * u[1]]),
    "wider differences": ("ranges.difference", lambda w: [w[0] - 0.2, w[1] + 0.2]),
    "a better claim": ("worst.slack", lambda slack: slack - 1e-6),
    "coarse cells": ("cells.width", 0.02),
    "few layers": ("cells.layers", 2),
    "a limit below the set": ("limit", 479.9),
    "a lowest temperature that is none": ("ranges.coldest", lambda T: T + 1),
    "too little C_A": ("ranges.concentration", lambda A: 0.3 * A),
    "too little C_S": ("ranges.stock", lambda S: 2.9),
    "differences that feed leaves": ("ranges.difference", lambda w: [0.81, w[1]]),
    "a ceiling that meets the floor": ("ceiling", 60.0),
    "a ceiling too steep": ("ceiling", 0.05),
    "warm measurements": ("measurement.temperature", 10.0),
    "an empty set": ("facets", lambda f: [[s, c - 100] for s, c in f]),
    "leaning facets": ("facets", lambda f: [*f, [-1.0, 480.0]]),
    "no cooling": ("input", lambda u: [-1.0, u[1]]),
}
OF_PRESETS = (
    "ramp too short",
    "facet moved",
    "facet dropped",
    "twice the sample time",
    "coarse cells",
)


@pytest.mark.parametrize("name", SABOTAGE)
def test_every_sabotage_is_refused(quick, forge, name):
    with pytest.raises(Refused) as refusal:
        check(forge(quick, SABOTAGE[name]))
    assert "must" not in str(refusal.value), "refused for its form and not for what it claims"


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_PRESETS)
@pytest.mark.parametrize("preset", ["readable", "nominal", "robust"])
def test_sabotage_of_what_comes_along_is_refused(documents, forge, preset, name):
    with pytest.raises(Refused, match=r"facet \d|it does not hold|the worst slack is"):
        check(forge(documents[preset], SABOTAGE[name]))


def test_what_is_not_enclosed_is_never_taken_for_safe(quick, forge):
    with pytest.raises(Refused, match="the worst slack is inf K per sample"):
        check(
            forge(
                quick, ("sample_time", 1.0), ("ceiling", 0.0), ("ranges.concentration", 4.5), ("ranges.coldest", 416.0)
            )
        )


def test_a_forger_who_changes_nothing_passes(quick, forge):
    assert check(forge(quick)).worst_slack == pytest.approx(quick["content"]["worst"]["slack"], abs=1e-9)


@pytest.mark.parametrize("factor", [1.001, 1 + 0.9e-10, 1 - 1e-13])
@pytest.mark.parametrize("place", ["set.A", "set.b", "rows.X", "rows.U", "rows.h"])
def test_rows_must_be_those_of_the_facets(quick, seal, place, factor):
    forged = copy.deepcopy(quick)
    part, name = place.split(".")
    rows = forged["content"][part][name]
    rows[1] = [factor * v for v in rows[1]] if isinstance(rows[1], list) else factor * rows[1]
    with pytest.raises(Refused, match="are not those of its facets"):
        check(seal(forged))


def test_an_unsealed_change_is_refused(quick):
    forged = copy.deepcopy(quick)
    forged["content"]["limit"] += 1
    with pytest.raises(Refused, match="the file was changed"):
        check(forged)
    with pytest.raises(Refused, match="the file was changed"):
        check(quick | {"assumptions": ["none"]})


ODD = [None, True, "480", [], {}, [1], float("nan"), float("inf"), 10**400, -1, 0, 1e99, 1e-300, [[0.0, 480.0]] * 65]


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, (*path, key))
    elif isinstance(value, list) and value:
        yield from leaves(value[0], (*path, 0))
        yield path
    else:
        yield path


def put(document, path, value):
    part = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value


@settings(max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_malformed_files_are_refused_in_words(quick, seal, data):
    forged = copy.deepcopy(quick)
    path = data.draw(st.sampled_from(list(leaves(forged["content"]))))
    put(forged["content"], path, data.draw(st.sampled_from(ODD)))
    with suppress(Refused):
        assert check(seal(forged)).worst_slack < 0


@pytest.mark.parametrize("part", ["constants", "kinetics", "disturbance", "measurement", "cells", "ranges"])
@pytest.mark.parametrize("value", ["abc", None, [1], -1])
def test_what_the_form_does_not_name_is_not_read(quick, seal, part, value):
    forged = copy.deepcopy(quick)
    forged["content"][part]["other"] = value
    assert check(seal(forged)) == check(quick)


@pytest.mark.parametrize("key", list(check_reactor.FORM))
def test_missing_entries_are_refused(quick, seal, key):
    forged = copy.deepcopy(quick)
    del forged["content"][key]
    with pytest.raises(Refused, match="`content` must hold"):
        check(seal(forged))


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"width": 1e-9}, "are too narrow: at most 5000000"),
        ({"layers": 1e9}, "1 to 1000 layers"),
        ({"layers": 24.5}, "1 to 1000 layers"),
        ({"growth": 1.0}, "growth from 1.01 on"),
        ({"width": 0.0}, "a width above 0"),
        ({"coarse": 0.0}, "coarse from 1"),
        ({"growth": 1.01, "layers": 1000, "width": 1e-4}, "at most 5000000 are checked"),
    ],
)
def test_counts_of_cells_that_would_never_end_are_refused(quick, seal, cells, words):
    forged = copy.deepcopy(quick)
    forged["content"]["cells"] |= cells
    begun = time.process_time()
    with pytest.raises(Refused, match=words):
        check(seal(forged))
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("document", [None, [], "text", {}, {"format": "x"}])
def test_other_documents_are_refused(document):
    with pytest.raises(Refused, match="no safety certificate"):
        check(document)


@pytest.mark.parametrize("change", [{"version": 2}, {"kind": "pendulum"}, {"format": "other"}])
def test_other_headers_are_refused(quick, seal, change):
    with pytest.raises(Refused, match="must be of"):
        check(seal(quick | change))


def test_the_command_says_what_is_wrong_with_a_file(tmp_path, capsys):
    assert check_reactor.main([]) == 1
    assert "usage" in capsys.readouterr().out
    for content, words in (
        (b"{", "refused: Expecting"),
        (b'{"a": 1, "a": 2}', "refused: an entry stands twice"),
        (b"[" * 100_000, "refused: "),
        (b" " * (2**22 + 1), "refused: the file has more than"),
        (b"\xff\xfe\x00", "refused: "),
    ):
        (tmp_path / "file.json").write_bytes(content)
        assert check_reactor.main([str(tmp_path / "file.json")]) == 1
        assert capsys.readouterr().out.startswith(words)
    assert check_reactor.main([str(tmp_path / "none.json")]) == 1
    assert "No such file" in capsys.readouterr().out
