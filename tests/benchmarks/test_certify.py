"""The commands that certify: an exit code and words for laws that are proved, and for those that are not."""

import pytest

from benchmarks import certify_random, certify_stored
from benchmarks.random_problems import drawn
from mpc import solve_explicit
from mpc.explicit.errors import NumericalError
from mpc.explicit.limits import Limits


def test_certified_laws_are_counted(capsys):
    assert certify_random.main(["3", "4"]) == 0
    words = capsys.readouterr().out
    assert "2 of 2 laws certified" in words
    assert f"| all | 2 | 2 | {sum(len(solve_explicit(drawn(k).problem).regions) for k in (3, 4))} |" in words


def test_a_law_that_is_not_certified_is_named(monkeypatch, capsys):
    monkeypatch.setattr(certify_random, "solve_explicit", lambda problem: solve_explicit(problem, limits=Limits(2)))
    assert certify_random.main(["4"]) == 1
    words = capsys.readouterr().out
    assert "problem 4 (plain): stopped at its limit of 2 regions" in words
    assert "0 of 1 laws certified" in words


def test_an_error_is_a_problem_without_law_and_the_others_go_on(monkeypatch, capsys):
    def fails_at_four(problem):
        if problem is drawn_four:
            raise NumericalError("no answer")
        return solve_explicit(problem)

    drafts = {k: drawn(k).problem for k in (0, 4, 5)}
    drawn_four = drafts[4]
    monkeypatch.setattr(certify_random, "drawn", lambda k, _: type("Draft", (), {"problem": drafts[k], "kind": "any"}))
    monkeypatch.setattr(certify_random, "solve_explicit", fails_at_four)
    assert certify_random.main(["4", "5"]) == 1
    words = capsys.readouterr().out
    assert "problem 4 (any): NumericalError: no answer" in words
    assert "1 of 2 laws certified" in words


def test_a_seed_draws_other_problems():
    assert (
        drawn(4).problem.G.shape != drawn(4, 1).problem.G.shape or (drawn(4).problem.G != drawn(4, 1).problem.G).any()
    )


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- stored -->\nold\n<!-- /stored -->\nafter\n")
    return path


def test_stored_laws_are_certified_and_written_into_a_page(page, capsys):
    assert certify_stored.main(["bemporad71", "--times", "1", "--document", str(page)]) == 0
    row = next(line for line in page.read_text().splitlines() if line.startswith("| bemporad71 | 2 | 9 | 36 |"))
    assert "| ok |" in row
    assert "old" not in page.read_text()
    assert row in capsys.readouterr().out


def test_every_stored_problem_with_a_law_is_there_once():
    names = [name for name, _, _ in certify_stored.stored()]
    assert len(names) == len(set(names)) == 44
    assert {"deg_semidefinite", "mplp_inf_N2"} < set(names)
