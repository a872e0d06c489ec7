import io

import pytest

from mpc import MultiparametricQP, print_progress, progress, solve_explicit


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_nothing_is_said_in_the_first_two_seconds(clock):
    stream = io.StringIO()
    show = print_progress(stream)
    clock[0] = 1.9
    show(10, 20)
    show(30, 0)
    assert stream.getvalue() == ""


def test_a_long_search_says_what_is_found_and_what_is_left_at_least(clock):
    stream = io.StringIO()
    show = print_progress(stream)
    for second, regions, waiting in ((3.0, 1000, 500), (3.1, 1100, 400), (4.0, 1500, 300), (4.1, 1600, 0)):
        clock[0] = second
        show(regions, waiting)
    lines = [line.strip() for line in stream.getvalue().split("\r") if line]
    assert lines == [
        "1,000 regions found, 500 active sets waiting, 3 s, at least 2 s more",
        "1,500 regions found, 300 active sets waiting, 4 s, at least 1 s more",
        "1,600 regions found, 0 active sets waiting, 4 s, done",
    ]
    assert stream.getvalue().endswith("\n")


def test_the_solver_takes_it(monkeypatch):
    monkeypatch.setattr(progress, "QUIET", 0.0)
    stream = io.StringIO()
    problem = MultiparametricQP([[1]], [0], [[1]], [[1], [-1]], [1, 1], [[0], [0]], [[1], [-1]], [2, 2])
    solve_explicit(problem, progress=print_progress(stream))
    assert stream.getvalue().split("\r")[-1].startswith("3 regions found, 0 active sets waiting")
