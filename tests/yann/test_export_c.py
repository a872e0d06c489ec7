"""Exported C: compiled without a warning, run on facets, vertices and outside, damaged, and asked for nonsense."""

import ctypes
import json
import math
import re
import shutil
import subprocess
from fractions import Fraction
from importlib import import_module

import numpy as np
import pytest
from torch import nn

from mpc import LinearModel, MPCProblem, solve_explicit
from mpc.explicit.domain import TOLERANCE
from mpc.explicit.scan import scan
from mpc.explicit.tree_graph import decision_graph
from yann import AsPrinted, Continuous, NetworkError, PerMove, PerRegion, Shared, TrainableLaw, YannActor
from yann.export_c import export_c
from yann.export_c_design import Design
from yann.export_c_form import DOUBLE, FLOAT, HOLD, Backup
from yann.probes import probe
from yann.residual import Residual

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")]

SIZE = shutil.which("size") or "size"
STRICT = ["gcc", "-std=c89", "-pedantic", "-Wall", "-Wextra", "-Werror"]
FLAGS = (["-O0"], ["-O3"], ["-O2", "-mfpmath=387"])
LOOP = """
#include "law.h"
void batch(const REAL *x, REAL *u, int *inside, int *region, int count);
void batch(const REAL *x, REAL *u, int *inside, int *region, int count)
{
    int i;
    for (i = 0; i < count; i++) {
        inside[i] = law_eval_region(x + i * LAW_STATES, u + i * LAW_INPUTS, region + i);
        if (law_eval(x + i * LAW_STATES, u + i * LAW_INPUTS) != inside[i]
            || law_region(x + i * LAW_STATES) != region[i]) {
            inside[i] = -1;
        }
    }
}
"""
STEPS = [
    (TrainableLaw(), None),
    (Continuous(TrainableLaw()), 0.5),
    (TrainableLaw(Continuous(Shared(8))), None),
    (Continuous(TrainableLaw(Continuous(PerMove(8), 1.0))), None),
]
POLICIES = [(None, None), (PerRegion(8), None), (Shared(8), 0.5), (AsPrinted(8), 0.5), (PerMove(8), 0.5), *STEPS]


@pytest.fixture(scope="session")
def trained(shake):
    """The law itself, or an actor of it whose weights are no longer those of its birth."""

    def make(law, residual, bound=None):
        return law if residual is None else shake(YannActor.from_law(law, residual=residual, bound=bound))

    return make


@pytest.fixture(scope="session")
def hard_points():
    """10,000 states or more: random, on facets, a hair beside them, at vertices and outside."""

    def draw(law):
        found = np.concatenate([points[:5000] for points in probe(law, 4000, np.random.default_rng(0)).points.values()])
        around = law.centre + np.random.default_rng(1).uniform(-1.2, 1.2, (10_000, law.t)) * law.half_width
        return np.concatenate([found, around])[:12_000]

    return draw


@pytest.fixture
def run(tmp_path):
    """Compile the C in a folder and run it on points: (inputs, inside, region)."""

    def driven(points, flags, precision=DOUBLE, m=1, start=0.0):
        (tmp_path / "loop.c").write_text(LOOP.replace("REAL", precision.name))
        library = tmp_path / f"law{''.join(flags)}.so"
        files = [str(tmp_path / name) for name in ("law.c", "loop.c")]
        subprocess.run([*STRICT, *flags, "-shared", "-fPIC", *files, "-o", str(library), "-lm"], check=True)
        points = np.ascontiguousarray(points, precision.dtype)
        inputs = np.full((len(points), m), start, precision.dtype)
        inside, region = np.zeros(len(points), np.int32), np.zeros(len(points), np.int32)
        arrays = [array.ctypes.data_as(ctypes.c_void_p) for array in (points, inputs, inside, region)]
        ctypes.CDLL(str(library)).batch(*arrays, len(points))
        return inputs, inside, region

    return driven


def selftest(folder, *flags):
    files = [str(folder / name) for name in ("law.c", "law_selftest.c")]
    subprocess.run([*STRICT, *flags, *files, "-o", str(folder / "selftest"), "-lm"], check=True)
    return subprocess.run([str(folder / "selftest")], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("residual", "bound"), POLICIES)
@pytest.mark.parametrize("name", ["pendulum", "two inputs", "reactor"])
def test_double_is_what_python_gives(name, residual, bound, laws, trained, hard_points, run, tmp_path):
    law = laws[name]
    policy = trained(law, residual, bound)
    export_c(policy, tmp_path)
    points, scale = hard_points(law), law.input_bounds[1] - law.input_bounds[0]
    assert len(points) >= 10_000
    located = law.locate(points)
    wanted = Design.of(policy).evaluate(points, located.region) if residual is None else policy.evaluate(points)[0]
    for flags in FLAGS[:2]:
        inputs, inside, region = run(points, flags, m=law.m)
        np.testing.assert_array_equal(region, located.region)
        np.testing.assert_array_equal(inside, located.margin >= -TOLERANCE)
        assert (np.abs(inputs - wanted) / scale).max() < 1e-12


def test_a_law_whose_moves_are_all_distinct_needs_no_table_of_them(run, tmp_path):
    model = LinearModel(A=[[1.2]], B=[[1.0]], sample_time=1.0)
    law = solve_explicit(MPCProblem(model, 1.0, 0.1, 1, input_bounds=(-1, 1), parameter_bounds=(-3, 3)))
    sheet = export_c(law, tmp_path).sheet
    assert (sheet.moves, "move" in sheet.bytes_of) == (len(law.regions), False)
    assert selftest(tmp_path, "-O1").returncode == 0
    points = np.linspace(-3, 3, 101)[:, None]
    np.testing.assert_allclose(run(points, ["-O1"])[0], law(points), rtol=0, atol=2e-12)


@pytest.mark.parametrize(("residual", "bound"), POLICIES)
def test_extended_registers_choose_at_most_a_neighbour(residual, bound, pendulum, trained, hard_points, run, tmp_path):
    policy, points = trained(pendulum, residual, bound), hard_points(pendulum)
    export_c(policy, tmp_path)
    inputs, inside, region = run(points, FLAGS[2], m=1)
    A, b, _ = pendulum.halfspaces
    starts = Design.of(policy).starts
    violation = np.maximum.reduceat(points @ A.T - b, starts[:-1], axis=1)
    least = violation.min(axis=1)
    assert (violation[np.arange(len(points)), region] - least).max() < 1e-14
    clear = np.abs(least - TOLERANCE) > 1e-13
    np.testing.assert_array_equal(inside[clear], least[clear] <= TOLERANCE)
    assert np.abs(inputs - Design.of(policy).evaluate(points, region)).max() < 4e-12
    if residual is None:  # the law is continuous, so that the neighbour's input is as good
        within = least <= TOLERANCE
        assert np.abs(inputs[within, 0] - pendulum(points[within])[:, 0]).max() < 4 * 1e-10


@pytest.mark.parametrize("name", ["pendulum", "two inputs", "line", "far"])
def test_float_stays_within_its_stated_bound(name, laws, hard_points, run, tmp_path):
    law = laws[name]
    sheet = export_c(law, tmp_path, precision=FLOAT).sheet
    points = hard_points(law).astype(np.float32).astype(np.float64)
    inputs, inside, _ = run(points, ["-O2"], FLOAT, law.m)
    margin = np.asarray(law.locate(points).margin)
    within = margin >= -TOLERANCE
    assert inside[within].all()
    assert not inside[margin < -1e-2].any()
    assert (np.abs(inputs[within] - law(points[within])) <= sheet.error_bound).all()
    assert (inputs >= law.input_bounds[0]).all()
    assert (inputs <= law.input_bounds[1]).all()


def test_a_tree_gives_what_a_scan_gives(laws, hard_points, run, tmp_path):
    law = laws["two inputs"]
    sheet = export_c(law, tmp_path).sheet
    assert sheet.depth > 0
    points = hard_points(law)
    _, _, region = run(points, ["-O2"], m=2)
    np.testing.assert_array_equal(region, scan(*law.halfspaces[:2], Design.of(law).starts, points)[0])


@pytest.mark.parametrize("ways", [0, 1])
def test_where_too_many_ways_are_open_all_regions_are_scanned(ways, laws, hard_points, run, tmp_path, monkeypatch):
    monkeypatch.setattr(import_module("yann.export_c_law"), "WAYS", ways)
    law = laws["two inputs"]
    export_c(law, tmp_path)
    points = hard_points(law)
    _, inside, region = run(points, ["-O2"], m=2)
    located = law.locate(points)
    np.testing.assert_array_equal(region, located.region)
    np.testing.assert_array_equal(inside, located.margin >= -TOLERANCE)


def test_the_data_sheet_counts_the_graph(laws, tmp_path):
    law = laws["two inputs"]
    sheet, held = export_c(law, tmp_path).sheet, export_c(law, tmp_path, outside=HOLD).sheet
    graph, sizes = decision_graph(law), np.diff(Design.of(law).starts)
    assert sheet.depth == graph.depth
    assert sheet.comparisons == graph.worst(0 * sizes, sizes) < law.tree.worst_comparisons
    assert sheet.flops == 2 * law.t * (sheet.comparisons + law.m)
    assert sheet.comparisons_anywhere == held.comparisons_anywhere + sheet.half_spaces
    assert held.comparisons_anywhere == graph.depth + 64 * graph.worst(sizes, sizes) + sheet.half_spaces


@pytest.mark.parametrize("precision", [DOUBLE, FLOAT])
@pytest.mark.parametrize(("residual", "bound"), POLICIES)
def test_the_selftest_passes_without_a_warning_or_an_error_of_memory(
    residual, bound, precision, laws, trained, tmp_path
):
    law = laws["two inputs"]
    sheet = export_c(trained(law, residual, bound), tmp_path, precision=precision).sheet
    done = selftest(tmp_path, "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover")
    assert (done.returncode, done.stdout) == (0, f"law: {sheet.pairs} pairs agree\n"), done.stderr
    assert sheet.pairs > 50


@pytest.mark.parametrize(("residual", "bound"), [*POLICIES[1:4], *STEPS])
@pytest.mark.parametrize("name", ["two inputs", "far"])
def test_float_stays_within_its_bound_in_one_region(name, residual, bound, laws, shake, hard_points, run, tmp_path):
    law = laws[name]
    policy = shake(YannActor.from_law(law, residual=residual, bound=bound))
    sheet = export_c(policy, tmp_path, precision=FLOAT).sheet
    points = hard_points(law)[:3000].astype(np.float32).astype(np.float64)
    points = points[((points >= law.parameter_bounds[0]) & (points <= law.parameter_bounds[1])).all(axis=1)]
    inputs, inside, region = run(points, ["-O2"], FLOAT, law.m)
    wanted = Design.of(policy).evaluate(points, region)[inside == 1]
    off = np.abs(inputs[inside == 1] - wanted)
    assert (off <= np.add(sheet.error_bound, sheet.residual_error_bound)).all()


@pytest.mark.parametrize("form", [PerRegion(8), TrainableLaw()])
def test_a_faded_residual_is_the_law_on_facets(form, laws, trained, hard_points, run, tmp_path):
    law = laws["two inputs"]
    done = export_c(trained(law, Continuous(form)), tmp_path)
    points = probe(law, 10, np.random.default_rng(0)).points["facet"]
    A, b, owner = law.halfspaces
    free = A @ law.centre + np.abs(A) @ law.half_width <= b + TOLERANCE
    shared = (np.abs(points @ A[~free].T - b[~free]) < 1e-14) & (law.locate(points).region[:, None] == owner[~free])
    chosen = points[shared.any(axis=1)]
    assert len(chosen) > 100
    assert np.abs(run(chosen, ["-O2"], m=2)[0] - law(chosen)).max() < 1e-12
    assert "The policy is continuous" in done.data_sheet.read_text()


def test_changes_of_the_law_need_no_libm(pendulum, trained, tmp_path):
    done = export_c(trained(pendulum, Continuous(TrainableLaw())), tmp_path)
    assert "math.h" not in done.source.read_text()
    assert (done.sheet.tanh_calls, done.sheet.residual) == (0, True)
    assert "trained; no libm" in done.data_sheet.read_text()


@pytest.mark.parametrize("residual", [PerRegion(8), AsPrinted(8), Continuous(TrainableLaw(PerRegion(8)))])
def test_the_selftest_passes_in_extended_registers(residual, laws, shake, tmp_path):
    policy = shake(YannActor.from_law(laws["two inputs"], residual=residual), 0.5)
    export_c(policy, tmp_path)
    done = selftest(tmp_path, *FLAGS[2])
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("residual", [PerRegion(8), Continuous(TrainableLaw())])
def test_any_damaged_constant_fails_the_selftest(residual, laws, trained, tmp_path):
    export_c(trained(laws["two inputs"], residual), tmp_path)
    whole = (tmp_path / "law.c").read_text()
    tables = re.findall(r"static const [a-z ]+ (\w+)\[\d+\] = \{\n(.*?)\n\};", whole, re.DOTALL)
    assert len(tables) > 10
    random, seen = np.random.default_rng(0), 0
    for name, text in tables:
        numbers = text.replace("\n", " ").split(",")
        at = int(random.integers(len(numbers)))
        number = numbers[at].strip()
        numbers[at] = str(int(number) ^ 1) if re.fullmatch(r"\d+", number) else repr(float(number) * (1 + 1e-6) + 1e-9)
        (tmp_path / "law.c").write_text(whole.replace(text, ", ".join(numbers)))
        done = selftest(tmp_path, "-O1")
        assert done.returncode == 1, name
        without = (tmp_path / "law_selftest.c").read_text()
        (tmp_path / "law_selftest.c").write_text(without.replace("law_checksum() !=", "law_checksum() == 1 +"))
        seen += selftest(tmp_path, "-O1").returncode == 1
        (tmp_path / "law_selftest.c").write_text(without)
    assert seen >= 3  # the pairs alone find some; what they cannot reach, as a far facet, the checksum finds


@pytest.mark.parametrize(("outside", "wanted"), [(HOLD, 0.25), (Backup(0.5), 0.5), (Backup([-1.0]), -1.0)])
def test_what_happens_outside_is_what_was_chosen(outside, wanted, pendulum, run, tmp_path):
    export_c(pendulum, tmp_path, outside=outside)
    assert selftest(tmp_path, "-O2").returncode == 0
    points = np.array([[0.0, 0.0], [1.9, 7.9], [50.0, 0.0], [np.nan, 0.0], [0.0, -np.inf], [1e308, 1e308]])
    inputs, inside, region = run(points, ["-O2"], start=0.25)
    assert inside.tolist() == [1, 0, 0, 0, 0, 0]
    assert region.tolist()[1:] == [-1] * 5
    assert inputs[1:, 0].tolist() == [wanted] * 5


def test_nonsense_gets_a_defined_input(laws, run, tmp_path):
    export_c(laws["far"], tmp_path)
    points = np.array([[np.nan, 2e5], [475.0, np.inf], [-1e308, 1e308], [1e308, 1e308]])
    inputs, inside, region = run(points, ["-O3"], start=np.nan)
    assert not inside.any()
    assert region[:2].tolist() == [-1, -1]
    assert inputs[:2, 0].tolist() == [0.0, 0.0]
    assert ((inputs >= 0) & (inputs <= 110)).all()


def test_a_safety_filter_has_the_last_word_within_the_bounds(pendulum, run, tmp_path):
    export_c(pendulum, tmp_path)
    (tmp_path / "my.h").write_text("#define LAW_FILTER(x, region, inside, u) ((u)[0] = (inside) ? 7 : -1)\n")
    inputs, _, _ = run([[0.0, 0.0], [50.0, 0.0]], ["-O2", '-DLAW_FILTER_HEADER="my.h"'])
    assert inputs[:, 0].tolist() == [2.0, -1.0]


def test_the_data_sheet_tells_the_size(reactor, tmp_path):
    done = export_c(reactor, tmp_path)
    subprocess.run([*STRICT[:1], "-std=c89", "-O2", "-c", str(done.source), "-o", str(tmp_path / "law.o")], check=True)
    size = subprocess.run([SIZE, str(tmp_path / "law.o")], check=True, capture_output=True, text=True).stdout.split()
    assert done.sheet.table_bytes < int(size[6]) < done.sheet.table_bytes + 8192
    assert json.loads(done.figures.read_text())["table_bytes"] == sum(done.sheet.bytes_of.values())
    assert f"{done.sheet.table_bytes} bytes" in done.data_sheet.read_text()
    assert "tanh" not in done.source.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "2law"}, "`name` is '2law'"),
        ({"name": "double"}, "a word of C"),
        ({"name": "math"}, "a header of C"),
        ({"name": "features"}, "a header of C"),
        ({"name": "leaf"}, "a table of C"),
        ({"name": "l" * 21}, "21 letters"),
        ({"directory": "missing"}, "does not exist"),
        ({"directory": 3}, "`directory` is a int"),
        ({"directory": "/proc"}, r"`directory` /proc takes no files \(.+\); pass one that may be written to"),
        ({"precision": "float"}, "pass DOUBLE or FLOAT"),
        ({"precision": np.array([1.0, 2.0])}, "pass DOUBLE or FLOAT"),
        ({"outside": "hold"}, "pass NEAREST, HOLD or Backup"),
        ({"outside": Backup(9.0)}, "is 9 for the input torque, but its bounds are -2 and 2"),
        ({"outside": Backup([0.0, 0.0])}, r"shape \(2,\), but the law has 1 inputs"),
        ({"policy": "law"}, "`policy` is a str"),
    ],
)
def test_refusals(arguments, words, pendulum, tmp_path):
    with pytest.raises(NetworkError, match=words):
        export_c(**({"policy": pendulum, "directory": tmp_path} | arguments))
    assert not list(tmp_path.iterdir())


def test_sums_in_any_order_are_refused_by_the_compiler(pendulum, tmp_path):
    done = export_c(pendulum, tmp_path)
    found = subprocess.run(
        [*STRICT, "-ffast-math", "-c", str(done.source)], capture_output=True, text=True, check=False
    )
    assert found.returncode != 0
    assert "compile without -ffast-math" in found.stderr


def test_a_bound_that_float_rounds_to_0_is_refused(pendulum, tmp_path):
    with pytest.raises(NetworkError, match="`bound` has 1e-50, which float rounds to 0, but it divides; use DOUBLE"):
        export_c(YannActor.from_law(pendulum, bound=1e-50), tmp_path, precision=FLOAT)


def test_constants_survive_being_rounded_twice():
    mantissas = 1 + np.random.default_rng(0).integers(0, 2**52, 20_000) / 2**52
    values = mantissas * 2.0 ** np.random.default_rng(1).integers(-40, 40, 20_000)
    for value in [*values, 0.0, -0.0, 1.0, -3e20, 5e-324]:
        exact = Fraction(DOUBLE.text(value))
        digits = 63 - math.frexp(value)[1] if value else 0
        twice = float(round(exact * Fraction(2) ** (digits + 1)) / Fraction(2) ** (digits + 1))
        assert twice == value == float(exact)
        assert float(np.float32(FLOAT.text(value).removesuffix("f"))) == np.float32(value)


@pytest.fixture
def own_form():
    """A form of residual that no export knows."""

    class Own(Residual):
        def build(self, law):
            return nn.Linear(law.t, law.m)

    return TrainableLaw(Own())


def test_stacks_links_and_folders_are_refused(pendulum, own_form, tmp_path):
    with pytest.raises(NetworkError, match=r"stack of 2 actors.*\.member"):
        export_c(YannActor.from_law(pendulum).replicate([0, 1]), tmp_path)
    with pytest.raises(NetworkError, match="has a Linear, but C is written for PerRegion, PerMove"):
        export_c(YannActor.from_law(pendulum, residual=own_form), tmp_path)
    (tmp_path / "law.h").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NetworkError, match="a link"):
        export_c(pendulum, tmp_path)
    (tmp_path / "law.h").unlink()
    (tmp_path / "law.md").mkdir()
    with pytest.raises(NetworkError, match="no file"):
        export_c(pendulum, tmp_path)
    with pytest.raises(NetworkError, match="is no folder"):
        export_c(pendulum, __file__)
