"""Structured text: read and run as its standard has it, on facets, vertices and outside; nonsense is refused."""

import re
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import LinearModel, MPCProblem, solve_explicit
from mpc.explicit.domain import TOLERANCE
from yann import AsPrinted, Continuous, NetworkError, PerRegion, TrainableLaw, YannActor, export_structured_text
from yann.export_c_design import Design
from yann.export_c_error import residual_rounding, rounding
from yann.export_c_form import DOUBLE, FLOAT, NEAREST
from yann.export_c_tables import Tables
from yann.export_structured_text import real_text
from yann.probes import probe

pytestmark = pytest.mark.slow

FORMS = [None, TrainableLaw(), Continuous(TrainableLaw()), TrainableLaw(Continuous(TrainableLaw(), 1.0))]
REAL = re.compile(r"-?\d+\.\d+(E[+-]?\d+)?")


@pytest.fixture
def trained(shake):
    """The law itself, or an actor of it whose weights are no longer those of its birth."""
    return lambda law, form: law if form is None else shake(YannActor.from_law(law, residual=form))


@pytest.fixture
def block(tmp_path, controller):
    """What a controller makes of a policy's file."""
    return lambda policy, **choices: controller(export_structured_text(policy, tmp_path / "law.st", **choices).path)


@pytest.fixture(scope="session")
def hard_points():
    """2,000 states: random, on facets, a hair beside them, at vertices and outside."""

    def draw(law, count=2000):
        random = np.random.default_rng(0)
        found = [random.permutation(points)[: count // 6] for points in probe(law, count, random).points.values()]
        return np.concatenate([*found, law.centre + random.uniform(-1.3, 1.3, (count, law.t)) * law.half_width])[:count]

    return draw


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["pendulum", "two inputs", "reactor", "line", "far"])
def test_lreal_is_what_python_gives(name, form, laws, trained, hard_points, block):
    law = laws[name]
    policy, points = trained(law, form), hard_points(law)
    run, located = block(policy), law.locate(points)
    assert len(points) == 2000
    assert (located.margin < -TOLERANCE).any()
    wanted = Design.of(policy).evaluate(points, located.region) if form is None else policy.evaluate(points)[0]
    for x, u, region, margin in zip(points, wanted, located.region, located.margin, strict=True):
        inputs, found, valid = run(x)
        assert (found, valid) == (region, margin >= -TOLERANCE)
        assert (np.abs(inputs - u) <= 1e-12 * (law.input_bounds[1] - law.input_bounds[0])).all()


def test_a_law_whose_moves_are_all_distinct_needs_no_table_of_them(block):
    model = LinearModel(A=[[1.2]], B=[[1.0]], sample_time=1.0)
    law = solve_explicit(MPCProblem(model, 1.0, 0.1, 1, input_bounds=(-1, 1), parameter_bounds=(-3, 3)))
    run = block(law)
    for x in np.linspace(-3, 3, 21)[:, None]:
        assert abs(run(x)[0][0] - law(x)[0]) <= 1e-12


def test_a_tree_is_written_where_there_is_one(laws, tmp_path):
    texts = {}
    for name in ("two inputs", "line"):
        done = export_structured_text(laws[name], tmp_path / "law.st")
        texts[name] = done.path.read_text()
        assert ("leaf_start" in texts[name]) == (len(laws[name].tree.children) > 0)
        assert f"{done.table_bytes} bytes" in texts[name]
        assert done.digest in texts[name]
    assert "leaf_start" in texts["two inputs"]


@pytest.mark.parametrize("fades", [False, True])
@pytest.mark.parametrize("name", ["pendulum", "two inputs", "reactor"])
def test_no_state_takes_more_comparisons_than_are_stated(name, fades, laws, hard_points, controller, shake, tmp_path):
    law = laws[name]
    actor = shake(YannActor.from_law(law, residual=Continuous(TrainableLaw())))
    done = export_structured_text(actor if fades else law, tmp_path / "law.st")
    run = controller(done.path)
    read = run.count("plane")
    worst = {True: 0, False: 0}
    points = hard_points(law, 600)
    inside = law.locate(points).margin >= -TOLERANCE
    for x, within in zip(points, inside, strict=True):
        read.clear()
        run(x)
        apart = bool(within and np.abs(law.tree.normals @ x - law.tree.offsets).min(initial=np.inf) > 1e-6)
        worst[apart] = max(worst[apart], len(read) / (law.t + 1))
    assert 0 < worst[True] <= done.comparisons
    assert done.comparisons < worst[False] <= done.comparisons_anywhere


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["pendulum", "two inputs"])
def test_real_is_off_by_no_more_than_rounding(name, form, laws, trained, hard_points, block):
    law = laws[name]
    policy = trained(law, form)
    run, design = block(policy, precision=FLOAT), Design.of(policy)
    tables = Tables(design, FLOAT, NEAREST)
    points = hard_points(law, 600).astype(np.float32).astype(float)
    for x in points[law.locate(points).margin >= -TOLERANCE]:
        inputs, region, valid = run(x)
        assert valid
        at, z = np.array([region]), (x[None] - law.centre) / law.half_width
        bound = rounding(tables, np.abs(x[None] - tables.shift), design.move[at])
        if design.net is not None:
            bound = bound + residual_rounding(design.net, FLOAT.unit, tables.doubt, z, at)
        assert (np.abs(np.array(inputs, float) - design.evaluate(x[None], at)) <= bound).all()


@pytest.mark.parametrize(("precision", "most"), [(DOUBLE, 1e100), (FLOAT, 1e15)])
def test_what_is_not_finite_or_too_large_gets_0_within_the_bounds(precision, most, laws, block):
    law = laws["far"]
    run = block(law, precision=precision)
    run(law.centre)
    for wrong in (np.nan, np.inf, -np.inf, 1.001 * most):
        inputs, region, valid = run([law.centre[0], wrong])
        assert (inputs, region, valid) == (np.clip([0.0], *law.input_bounds).tolist(), -1, False)
    inputs, region, valid = run([0.999 * most, -0.999 * most])
    assert (region >= 0, valid, np.isfinite(inputs).all()) == (True, False, True)
    assert run(law.centre)[2]


@pytest.mark.parametrize("precision", [DOUBLE, FLOAT])
def test_heights_of_the_largest_states_are_finite(precision, laws, block):
    law = laws["two inputs"]
    run, most = block(law, precision=precision), 1e100 if precision is DOUBLE else 1e15
    corners = most * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1.0]])
    regions = [int(run(0.99 * corner)[1]) for corner in corners]
    A, b, owner = law.halfspaces
    for corner, region in zip(corners, regions, strict=True):
        heights = (A @ corner - b) / most
        worst = np.array([heights[owner == i].max() for i in range(len(law.regions))])
        assert worst[region] <= worst.min() + 1e-6 * np.abs(heights).max()


def test_a_comment_cannot_be_ended_by_a_name(pendulum, tmp_path, controller):
    names = replace(pendulum.labels, parameters=("a *) evil := 1; (*", "Winkel \u03d1"))
    done = export_structured_text(replace(pendulum, labels=names, certificate=None), tmp_path / "law.st")
    text = done.path.read_text("ascii")
    assert "evil" not in re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)
    assert text.count("(*") == text.count("*)")
    controller(text)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
@pytest.mark.parametrize("precision", [DOUBLE, FLOAT])
def test_constants_have_a_digit_on_either_side_of_a_point_and_read_back(precision, value):
    with np.errstate(over="ignore"):
        held = precision.dtype(value)
    text = real_text(precision.text(held)) if np.isfinite(held) else "0.0"
    assert REAL.fullmatch(text), text
    if np.isfinite(held):
        assert precision.dtype(text).tobytes() == held.tobytes()


@pytest.mark.parametrize(
    ("value", "double", "single"),
    [
        (1e-05, "1.0000000000000001E-05", "9.99999975E-06"),
        (1e22, "1.0E+22", "9.99999978E+21"),
        (-0.0, "-0.0", "-0.0"),
        (-3.0, "-3.0", "-3.0"),
        (2.0**70, "1.1805916207174113E+21", "1.18059162E+21"),
        (5e-324, "4.9406564584124654E-324", "0.0"),
    ],
)
def test_constants_that_c_writes_without_a_point(value, double, single):
    assert (real_text(DOUBLE.text(value)), real_text(FLOAT.text(value))) == (double, single)
    assert Fraction(double) == Fraction(DOUBLE.text(value))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("2law", "`name` is '2law', but names in structured text are letters, digits and single _"),
        ("a__b", "`name` is 'a__b', but names in structured text are letters, digits and single _"),
        ("law_", "`name` is 'law_', but names in structured text are letters, digits and single _"),
        ("law\n", "but names in structured text are letters, digits and single _"),
        (3, "`name` is 3, but names in structured text are letters, digits and single _"),
        ("a" * 25, "`name` is 25 letters long, but at most 24 are taken; shorten it"),
        ("While", "`name` is 'While', which is a word of structured text; pass another one, as in 'law'"),
    ],
)
def test_names_that_structured_text_does_not_take(name, words, pendulum, tmp_path):
    with pytest.raises(NetworkError, match=re.escape(words)):
        export_structured_text(pendulum, tmp_path / "law.st", name=name)
    assert not list(tmp_path.iterdir())


def test_no_variable_of_the_block_can_be_its_name(laws, trained, tmp_path):
    policy = trained(laws["two inputs"], FORMS[3])
    whole = export_structured_text(policy, tmp_path / "law.st").path.read_text()
    variables = re.findall(r"^    (\w+) : ", whole, re.MULTILINE)
    assert len(variables) > 30
    for name in variables:
        with pytest.raises(NetworkError, match=f"`name` is '{name}', which is a variable of the block; pass another"):
            export_structured_text(policy, tmp_path / "law.st", name=name)


def test_what_is_too_large_is_refused(pendulum, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["yann.export_structured_text"], "LARGEST_TABLE", 10)
    numbers = 3 * len(pendulum.halfspaces[1])
    words = f"regions and needs {numbers} numbers in the table plane, but a table of structured text holds 10 here"
    with pytest.raises(NetworkError, match=words):
        export_structured_text(pendulum, tmp_path / "law.st")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"residual": PerRegion(8)}, "has a residual with 16 neurons, but structured text has no tanh: TrainableLaw"),
        ({"residual": TrainableLaw(AsPrinted(8))}, r"with \d+ neurons, but .*; build the actor .*, or use export_c"),
        ({"residual": TrainableLaw(), "bound": 0.1}, "has a residual with a bound, but structured text has no tanh"),
    ],
)
def test_residuals_with_tanh_are_refused(choices, words, pendulum, tmp_path):
    with pytest.raises(NetworkError, match=words):
        export_structured_text(YannActor.from_law(pendulum, **choices), tmp_path / "law.st")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"policy": "law"}, "`policy` is a str, .*; pass a law or an actor of one"),
        ({"precision": "REAL"}, "`precision` is 'REAL'; pass DOUBLE or FLOAT"),
        ({"precision": np.array([1.0, 2.0])}, "pass DOUBLE or FLOAT"),
        ({"path": 3}, "`path` is a int.*; pass the path of a file, as in 'law.st'"),
        ({"path": "/"}, "`path` / is a folder; pass the path of a file in it, as in 'law.st'"),
        ({"path": "/missing/law.st"}, "`path` /missing/law.st lies in /missing, which is no folder; make it first"),
    ],
)
def test_refusals(arguments, words, pendulum, tmp_path):
    with pytest.raises(NetworkError, match=words):
        export_structured_text(**({"policy": pendulum, "path": tmp_path / "law.st"} | arguments))
    assert not list(tmp_path.iterdir())


def parsed(path):
    """What blark, a parser by others, says of a file: its return code. It is slow on long tables, and has 5 minutes."""
    command = [sys.executable, "-m", "blark", "parse", str(path)]
    return subprocess.run(command, capture_output=True, timeout=300, check=False).returncode


def test_an_independent_parser_reads_it(laws, trained, tmp_path):
    done = export_structured_text(laws["line"], tmp_path / "law.st")
    assert parsed(done.path) == 0
    whole = export_structured_text(trained(laws["two inputs"], FORMS[3]), tmp_path / "law.st").path.read_text()
    short = re.sub(r":= \[\s*([^,\]]*)[^\]]*\]", r":= [\1]", whole)
    assert len(short) < 0.6 * len(whole)
    for text, code in ((short, 0), (short.replace("END_WHILE;", "", 1), 1)):
        (tmp_path / "short.st").write_text(text)
        assert parsed(tmp_path / "short.st") == code


@pytest.mark.parametrize(
    ("fault", "mend"),
    [
        ("U[i] :=", "X[i] :="),
        ("best := -1;", "best := -1.0;"),
        ("REGION := best;", "REGION := best"),
        ("END_FOR;\nEND_FUNCTION_BLOCK", "END_FUNCTION_BLOCK"),
        ("IF best < 0 THEN", "IF best THEN"),
        ("NOT (U[i] >= lower[i])", "NOT U[i] >= lower[i]"),
        ("X[i] -", "Y[i] -"),
    ],
)
def test_the_controller_finds_faults(fault, mend, laws, tmp_path, controller, not_structured_text):
    text = export_structured_text(laws["two inputs"], tmp_path / "law.st", precision=FLOAT).path.read_text()
    assert fault in text
    with pytest.raises(not_structured_text):
        controller(text.replace(fault, mend))


def test_the_controller_finds_subscripts_beyond_an_end(laws, tmp_path, controller, not_structured_text):
    text = export_structured_text(laws["two inputs"], tmp_path / "law.st").path.read_text()
    with pytest.raises(not_structured_text, match="subscript 24 of 24"):
        controller(text.replace("REGION := best;", "REGION := move_table[24];"))([0.0, 0.0])
