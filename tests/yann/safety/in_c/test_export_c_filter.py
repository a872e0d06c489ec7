"""Filters in C: compiled without a warning, compared at facets, corners and outside, damaged, asked for nonsense."""

import ctypes
import json
import re
import shutil
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from yann import FilteredActor, NetworkError, SafetyFilter, YannActor, export_c
from yann.export_c_form import DOUBLE, FLOAT, HOLD

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")]

ONE = ["one input", "one side", "sine", "reactor"]
SANITIZED = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
FILTER = """
#include "law_filter.h"
void batch(const REAL *x, const REAL *wanted, REAL *u, int *inside, int count);
void batch(const REAL *x, const REAL *wanted, REAL *u, int *inside, int count)
{
    int i;
    for (i = 0; i < count; i++) {
        inside[i] = law_filter(x + i * LAW_FILTER_STATES, wanted + i * LAW_FILTER_INPUTS, u + i * LAW_FILTER_INPUTS);
    }
}
"""


@pytest.fixture(scope="session")
def hard_points():
    """States at random, on half-spaces, at corners, a hair beside them and outside, with wanted inputs."""

    def draw(safe, count=4000):
        random, found = np.random.default_rng(0), safe.set
        lower, upper = found.polyhedron.box()
        corners = found.polyhedron.vertices()
        x = random.uniform(lower, upper, (count, found.n))
        row = random.integers(0, len(found.b), count)
        steps = (found.b[row] - (found.A[row] * x).sum(1)) / (found.A[row] ** 2 * (upper - lower) ** 2).sum(1)
        onto = x + steps[:, None] * found.A[row] * (upper - lower) ** 2
        hair = onto + 1e-9 * random.uniform(-1, 1, x.shape) * (upper - lower)
        outside = random.uniform(1.5 * lower - 0.5 * upper, 1.5 * upper - 0.5 * lower, (count, found.n))
        states = np.concatenate([x, onto, hair, corners, outside])
        low, high = found.input_bounds
        wanted = random.uniform(1.3 * low - 0.3 * high, 1.3 * high - 0.3 * low, (len(states), found.m))
        ends = random.random(wanted.shape) < 0.1
        return states, np.where(ends, np.where(wanted > 0, high, low), wanted)

    return draw


@pytest.fixture
def run(compiled):
    """Run the filter in a folder: (inputs, inside)."""

    def driven(x, wanted, flags, precision=DOUBLE):
        library = compiled(FILTER, precision, *flags)
        x, wanted = (np.ascontiguousarray(part, precision.dtype) for part in (x, wanted))
        u, inside = np.full_like(wanted, 7.0), np.full(len(x), -7, np.int32)
        library.batch(*(part.ctypes.data_as(ctypes.c_void_p) for part in (x, wanted, u, inside)), len(x))
        return u, inside

    return driven


@pytest.mark.parametrize("name", [*ONE, "two inputs"])
@pytest.mark.parametrize("flags", [["-O0"], ["-O3"]])
def test_double_is_what_python_gives(name, flags, filters, hard_points, run, tmp_path):
    safe = filters[name]
    sheet = export_c(safe, tmp_path).sheet
    x, wanted = hard_points(safe)
    assert sheet.relative_error_bound < 1e-9
    size = safe.set.input_bounds[1] - safe.set.input_bounds[0]
    given, (u, inside) = safe.filtered(x, wanted), run(x, wanted, flags)
    contained = safe.set.contains(x)
    apart = (np.abs(u - given) / size).max(axis=1)
    rows = contained if name == "two inputs" else np.ones_like(contained)  # outside, a projection can jump
    assert apart[rows].max() < 1e-9
    assert (apart > 1e-9).sum() <= 10
    clear = (np.abs(safe.set.b - x @ safe.set.A.T) > 1e-9).all(axis=1)
    np.testing.assert_array_equal(inside[clear], contained[clear])
    free = (safe.set.rows.slack(x, wanted) > 1e-8).all(axis=1)
    free &= ((wanted >= safe.set.input_bounds[0]) & (wanted <= safe.set.input_bounds[1])).all(axis=1)
    assert free.sum() > 500
    np.testing.assert_array_equal(u[free], wanted[free])
    assert (u[contained] != wanted[contained]).any(axis=1).sum() > 100


@pytest.mark.parametrize("name", ["one input", "sine", "two inputs"])
def test_what_is_not_finite_gets_the_backup(name, filters, run, tmp_path):
    made = filters[name].set
    safe = SafetyFilter(replace(made, backup=np.full(made.m, 9.0)))
    export_c(safe, tmp_path)
    x = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    wanted = np.zeros((300, made.m))
    wanted[:100, -1], wanted[100:200, 0], wanted[200:, -1] = np.nan, np.inf, -np.inf
    u, inside = run(x, wanted, ["-O2"])
    np.testing.assert_allclose(u, safe.filtered(x, np.full_like(wanted, 9.0)), rtol=0, atol=1e-11)
    assert inside.all()
    x[:100, 0], x[100:200, 1], x[200:, 0] = np.nan, np.inf, -np.inf
    u, inside = run(x, np.zeros_like(wanted), ["-O2"])
    assert not inside.any()
    np.testing.assert_array_equal(u, np.broadcast_to(made.input_bounds[1], u.shape))


@pytest.mark.parametrize("value", [1e300, -1e300, 1.7e308])
def test_sums_that_overflow_stay_within_the_bounds(value, filters, run, tmp_path):
    for name in ("one input", "two inputs"):
        export_c(filters[name], tmp_path)
        u, inside = run(np.array([[value, value], [value, -value]]), np.zeros((2, filters[name].set.m)), ["-O3"])
        assert not inside.any()
        assert (np.abs(u) <= 3).all()


@pytest.mark.parametrize("name", ONE)
def test_float_keeps_the_rows_and_stays_within_its_bound(name, filters, hard_points, run, tmp_path):
    safe = filters[name]
    sheet = export_c(safe, tmp_path, precision=FLOAT).sheet
    x, wanted = (part.astype(np.float32).astype(np.float64) for part in hard_points(safe))
    contained = safe.set.contains(x)
    given, (u, inside) = safe.filtered(x, wanted), run(x, wanted, ["-O2"], FLOAT)
    assert (np.abs(u - given)[contained] <= sheet.error_bound).all()
    assert 0 < sheet.relative_error_bound < 1e-3
    assert contained[inside == 1].all()
    size = np.abs(safe.set.A) @ np.abs(safe.set.polyhedron.box()).max(axis=0)
    deep = (safe.set.b - x @ safe.set.A.T > 1e-5 * size).all(axis=1)
    assert inside[deep].all()
    slack = safe.set.rows.slack(x[contained], u[contained].astype(np.float64))
    assert slack.min() >= -1e-9 * np.abs(safe.set.rows.h).max()
    assert ((u >= safe.set.input_bounds[0]) & (u <= safe.set.input_bounds[1])).all()


@pytest.mark.parametrize("flags", [["-O2", "-mfpmath=387"], SANITIZED])
@pytest.mark.parametrize(("name", "precision"), [*product(ONE, (DOUBLE, FLOAT)), ("two inputs", DOUBLE)])
def test_the_selftest_passes(name, precision, flags, filters, selftest, tmp_path):
    sheet = export_c(filters[name], tmp_path, precision=precision).sheet
    done = selftest("law_filter", *flags)
    assert (done.returncode, done.stdout) == (0, f"law_filter: {sheet.pairs} pairs agree\n"), done.stderr
    assert sheet.pairs > 200


@pytest.mark.parametrize("name", ["sine", "two inputs"])
def test_any_damaged_constant_fails_the_selftest(name, filters, selftest, tmp_path):
    export_c(filters[name], tmp_path)
    whole, test = (tmp_path / "law_filter.c").read_text(), (tmp_path / "law_filter_selftest.c").read_text()
    tables = re.findall(r"static const double (\w+)\[\d+\] = \{\n(.*?)\n\};", whole, re.DOTALL)
    assert len(tables) >= 5
    seen = set()
    for table, text in tables:
        numbers = text.replace("\n", " ").split(",")
        numbers[-1] = repr(float(numbers[-1]) * (1 + 1e-4) + 1e-4)
        (tmp_path / "law_filter.c").write_text(whole.replace(text, ", ".join(numbers)))
        assert selftest("law_filter", "-O1").returncode == 1, table
        (tmp_path / "law_filter_selftest.c").write_text(test.replace("law_filter_checksum() !=", "0UL *"))
        if selftest("law_filter", "-O1").returncode == 1:
            seen.add(table)
        (tmp_path / "law_filter_selftest.c").write_text(test)
    assert seen == {table for table, _ in tables}  # the pairs alone find every one


def test_a_projection_of_another_filter_fails_the_selftest(two_inputs, make_set, selftest, tmp_path):
    export_c(two_inputs, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    export_c(SafetyFilter(replace(two_inputs.set, b=1.1 * two_inputs.set.b)), other)
    shutil.copy(other / "law_qp.c", tmp_path / "law_qp.c")
    assert "code 1" in selftest("law_filter", "-O1").stdout


def test_the_data_sheet_says_what_is_proved(filters, tmp_path):
    safe = filters["reactor"]
    done, certificate = export_c(safe, tmp_path, name="cstr"), safe.set.certificate
    text, figures = done.data_sheet.read_text(), json.loads(done.figures.read_text())
    for words in (certificate.kind, certificate.document["sha256"], *certificate.assumptions):
        assert words in text
    assert certificate.document["sha256"] in done.source.read_text()
    assert tuple(figures["assumptions"]) == certificate.assumptions
    assert figures["table_bytes"] == sum(done.sheet.bytes_of.values())
    assert (figures["half_spaces"], figures["pieces"]) == (len(safe.set.b), len(safe.set.rows.h))
    assert "math.h" not in done.source.read_text()
    assert "math.h" in export_c(filters["sine"], tmp_path).source.read_text()


def test_another_set_backup_or_certificate_is_another_digest(filters, tmp_path):
    safe, digests = filters["one input"].set, set()
    changes = [{}, {"b": 2 * safe.b}, {"backup": safe.backup + 1}]
    changes += [{"input_bounds": (safe.input_bounds[0] - 1, safe.input_bounds[1])}]
    changes += [{"certificate": replace(safe.certificate, assumptions=("other",))}]
    for change in changes:
        digests.add(export_c(SafetyFilter(replace(safe, **change)), tmp_path).sheet.digest)
    digests.add(export_c(SafetyFilter(safe), tmp_path, precision=FLOAT).sheet.digest)
    assert len(digests) == len(changes) + 1


def test_refusals(filters, pendulum, one_input, tmp_path):
    with pytest.raises(NetworkError, match="a filter of 2 inputs, whose projection is written in double alone"):
        export_c(filters["two inputs"], tmp_path, precision=FLOAT)
    with pytest.raises(NetworkError, match="`outside` is for laws and actors, but `policy` is a filter alone"):
        export_c(one_input, tmp_path, outside=HOLD)
    unbounded = SafetyFilter(replace(one_input.set, A=one_input.set.A[[0, 2]], b=np.ones(2)))
    with pytest.raises(NetworkError, match=r"cannot be written in C: the set is unbounded: state_1 has no limit"):
        export_c(unbounded, tmp_path)
    large = SafetyFilter(replace(one_input.set, backup=np.full(1, 1e60)))
    with pytest.raises(NetworkError, match=r"table `backup` has 1e\+60, but float ends at 3.40282e\+38; use DOUBLE"):
        export_c(large, tmp_path, precision=FLOAT)
    with pytest.raises(NetworkError, match=r"stack of 2 actors.*\.member"):
        export_c(FilteredActor(YannActor.from_law(pendulum).replicate([0, 1]), filters["sine"]), tmp_path)
    (tmp_path / "law.c").mkdir()
    with pytest.raises(NetworkError, match="no file"):
        export_c(FilteredActor(YannActor.from_law(pendulum), filters["sine"]), tmp_path)
    (tmp_path / "law_filter.h").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NetworkError, match="a link"):
        export_c(filters["sine"], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"law.c", "law_filter.h"}
