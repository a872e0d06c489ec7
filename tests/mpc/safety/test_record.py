"""Safe sets in files: the same again, and never one that its certificate does not describe."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mpc import Linearised, ProblemError, SafeSet, safe_set
from mpc.safety.record import safe_set_of, safe_set_record
from plants import clipped_pendulum, safety_cstr

LIMITS = ([-0.6, -4.0], [0.6, 4.0])


@pytest.fixture(scope="module", params=["reactor", "pendulum", "linear"])
def known(request) -> SafeSet:
    if request.param == "reactor":
        return safe_set(safety_cstr())
    return safe_set(clipped_pendulum(), LIMITS, None if request.param == "pendulum" else Linearised())


def through_a_file(safe):
    data, arrays = safe_set_record(safe)
    return json.loads(json.dumps(data)), {name: np.array(array) for name, array in arrays.items()}


def test_it_is_the_same_again(known):
    found = safe_set_of(*through_a_file(known))
    x = np.random.default_rng(0).uniform(*known.polyhedron.box(), (100, known.n))
    assert np.array_equal(found.contains(x), known.contains(x))
    u = np.broadcast_to(known.backup, (100, known.m))
    assert np.array_equal(found.rows.slack(x, u), known.rows.slack(x, u))
    assert found.certificate.document == known.certificate.document
    assert (found.labels, found.units, found.state_names) == (known.labels, known.units, known.state_names)


@pytest.mark.parametrize("name", ["A", "b", "X", "U", "h", "sines", "bounds"])
def test_one_that_its_certificate_does_not_describe_is_refused(known, name):
    data, arrays = through_a_file(known)
    arrays[name].flat[0] += 1e-6
    with pytest.raises(ProblemError, match=f"`{name}` of the safe set is not that of its certificate"):
        safe_set_of(data, arrays)


def test_rows_that_were_loosened_before_they_were_written_are_refused(known):
    loose = replace(known, rows=replace(known.rows, h=known.rows.h + 100))
    with pytest.raises(ProblemError, match="`h` of the safe set is not that of its certificate"):
        safe_set_of(*through_a_file(loose))


@pytest.mark.parametrize(("name", "shape"), [("A", (3, 3)), ("h", (1,)), ("backup", (2, 2))])
def test_wrong_shapes_are_refused_with_both(known, name, shape):
    data, arrays = through_a_file(known)
    arrays[name] = np.zeros(shape)
    with pytest.raises(ProblemError, match="of the safe set is"):
        safe_set_of(data, arrays)


def test_an_empty_certificate_and_guards_of_nothing_are_refused(known):
    data, arrays = through_a_file(known)
    arrays["guards"] = arrays["guards"] + 1000
    with pytest.raises(ProblemError, match="names half-space"):
        safe_set_of(data, arrays)
    data, arrays = through_a_file(known)
    data["certificate"]["content"] = {}
    with pytest.raises(LookupError):
        safe_set_of(data, arrays)
