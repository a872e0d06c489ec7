"""Labels: plain ones, there and back through JSON, and the counts that are refused."""

import json
from dataclasses import replace

import pytest

from mpc import ProblemError
from mpc.explicit.labels import Labels, check_labels

FULL = Labels(("angle", "rate"), ("torque",), ("low", "high"), ("rad", "rad/s"), ("N m",))


def test_plain_labels_number_everything_from_0():
    plain = Labels.plain(2, 1, 3)
    assert plain == Labels(("theta0", "theta1"), ("z0",), ("row 0", "row 1", "row 2"))
    check_labels(plain, 2, 1, 3)
    assert plain.parameter_units == plain.variable_units == ()


@pytest.mark.parametrize(
    "labels", [FULL, Labels.plain(2, 1, 2), Labels((), (), ()), replace(FULL, row_units=("N", "m"))]
)
def test_labels_come_back_from_json(labels):
    assert Labels.from_dict(json.loads(json.dumps(labels.to_dict()))) == labels


def test_names_are_texts_whatever_the_file_holds():
    assert Labels.from_dict({"parameters": [1], "variables": [None], "rows": []}) == Labels(("1",), ("None",), ())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"parameters": ("angle",)}, "names 1 parameters but the problem has 2"),
        ({"variables": ("a", "b")}, "names 2 variables but the problem has 1"),
        ({"rows": ()}, "names 0 rows but the problem has 2"),
        ({"parameter_units": ("rad",)}, "names 1 parameter units but the problem has 2"),
        ({"row_units": ("N",)}, "names 1 row units but the problem has 2"),
        ({"variable_units": ("N", "m")}, "names 2 variable units but the problem has 1; name each of them once"),
    ],
)
def test_other_counts_are_refused(changes, words):
    check_labels(FULL, 2, 1, 2)
    with pytest.raises(ProblemError, match=words):
        check_labels(replace(FULL, **changes), 2, 1, 2)


def test_any_number_of_rows_passes_where_none_is_asked_for():
    check_labels(replace(FULL, rows=("one",)), 2, 1)
    check_labels(replace(FULL, parameter_units=(), variable_units=()), 2, 1, 2)
    with pytest.raises(ProblemError, match="`labels` is a dict; pass Labels"):
        check_labels(FULL.to_dict(), 2, 1, 2)
