"""Certificates of correct laws: what they say, how they are printed, stored and checked again."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpc import MultiparametricQP, solve_explicit
from mpc.explicit.certificate import Certificate, CertificateMismatch, certify
from mpc.explicit.errors import ProblemError
from mpc.explicit.proof.digest import problem_digest

SMALL = [
    "bemporad71", "cart_N5", "cstr_N2", "deg_badscale", "deg_dup", "deg_implicit_eq", "deg_octahedron",
    "deg_redundant", "deg_weakly_redundant", "deg_zero_row", "dint_N5", "dint_soft_N4", "eq_portfolio_n4",
    "pend_N6", "quadtank_N2", "rand_x2u2_N3", "rand_x3u2_N2", "chain2m1u_N2", "deg_semidefinite", "mplp_inf_N2",
]  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_correct_laws_are_certified(name, solved, problem, trusted):
    certificate = certify(solved(name), problem(name))
    assert certificate.ok, str(certificate)
    assert certificate.regions == len(solved(name).regions) == trusted[name]["regions"]
    assert certificate.facets == len(solved(name).halfspaces[1])
    assert max(certificate.residual, certificate.jump, certificate.gap) < 1e-9
    assert -1e-9 < certificate.multiplier <= 0
    assert -1e-9 < certificate.slack <= 0
    assert certificate.overlaps == certificate.uncovered == 0


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_random_laws_are_certified(seed):
    generator = np.random.default_rng(seed)
    t, n, q = (int(generator.integers(1, top)) for top in (4, 5, 7))
    root = generator.normal(size=(n, n))
    problem = MultiparametricQP(
        root @ root.T + 0.1 * np.eye(n), generator.normal(size=n), 2 * generator.normal(size=(n, t)),
        generator.normal(size=(q, n)), generator.uniform(0.1, 2, q), generator.normal(size=(q, t)) * 0.3,
        np.vstack([np.eye(t), -np.eye(t)]), np.ones(2 * t),
    )  # fmt: skip
    certificate = certify(solve_explicit(problem), problem)
    assert certificate.ok, str(certificate)


def test_the_problem_that_the_law_carries_is_used(small_law):
    law = small_law()
    assert certify(law, law.problem).ok


def test_one_parameter_and_one_region():
    problem = MultiparametricQP([[1.0]], [0.5], [[2.0]], [[1.0]], [10.0], [[0.0]], [[1.0], [-1.0]], [1.0, 1.0])
    certificate = certify(solve_explicit(problem), problem)
    assert certificate.ok
    assert (certificate.regions, certificate.facets, certificate.border) == (1, 2, 2)


def test_five_lines_say_everything(solved, problem):
    lines = str(certify(solved("bemporad71"), problem("bemporad71"))).splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("certificate: ok; 9 regions, 36 facets")
    for line, words in zip(lines[1:], ("KKT residual", "on the border", "0 overlaps", "were not checked"), strict=True):
        assert words in line


def test_a_certificate_survives_json(solved, problem, cut):
    good = certify(solved("dint_N5"), problem("dint_N5"))
    bad = certify(cut(solved("dint_N5"), 3, gap=1e-5), problem("dint_N5"))
    assert bad.failures
    for certificate in (good, bad):
        assert Certificate.from_dict(json.loads(json.dumps(certificate.to_dict()))) == certificate
    with pytest.raises(LookupError):
        Certificate.from_dict({"failures": []})


@pytest.mark.parametrize("field", ["H", "f", "F", "G", "w", "S", "A_theta", "b_theta"])
def test_the_digest_of_a_problem_knows_every_array(field, problem):
    base = problem("pend_N6")
    other = replace(base, **{field: np.array(getattr(base, field)) * (1 + 1e-15) + 1e-300})
    assert problem_digest(base) == problem_digest(problem("pend_N6"))
    assert problem_digest(base) != problem_digest(other)
    assert problem_digest(base) != problem_digest(replace(base, equality_rows=(0,)))


class Carrying:
    """A law with a certificate of its own."""

    def __init__(self, law, certificate):
        self._law, self.certificate = law, certificate

    def __getattr__(self, name):
        return getattr(self._law, name)


def test_check_proves_again_and_compares(solved, problem, move):
    law, mpqp = solved("bemporad71"), problem("bemporad71")
    certificate = certify(law, mpqp)
    fresh = Certificate.check(Carrying(law, certificate), mpqp)
    assert fresh.ok
    assert fresh.law_digest == certificate.law_digest
    assert Certificate.check(Carrying(law, None), mpqp).ok
    with pytest.raises(CertificateMismatch, match=r"(?s)law_digest is .*beyond a facet nothing follows") as caught:
        Certificate.check(Carrying(move(law, 0, -1e-6), certificate), mpqp)
    assert caught.value.certificate.uncovered
    with pytest.raises(CertificateMismatch, match="problem_digest"):
        Certificate.check(Carrying(law, certificate), replace(mpqp, f=mpqp.f + 1e-12))
    with pytest.raises(CertificateMismatch, match="ok is True, the stored certificate says False"):
        Certificate.check(Carrying(law, replace(certificate, partial="stopped")), mpqp)


def test_a_partial_law_claims_no_coverage(solved, problem):
    law = solved("dint_N5")
    part = replace(law, regions=tuple(law.regions)[:20], partial="stopped at its limit of 20 regions")
    certificate = certify(part, problem("dint_N5"))
    assert not certificate.ok
    assert not certificate.failures
    assert "covered: not claimed, the law is partial (stopped at its limit of 20 regions)" in str(certificate)
    assert "ok but for coverage" in str(certificate)


def test_what_cannot_be_certified_is_refused(solved, problem, by_first_rows):
    law = solved("dint_N5")
    with pytest.raises(ProblemError, match=r"carries no problem .* pass the MultiparametricQP"):
        certify(law, None)
    with pytest.raises(ProblemError, match="`problem` is a str"):
        certify(law, "dint_N5")
    with pytest.raises(ProblemError, match="5 variables and 2 parameters, the problem 2 and 2"):
        certify(law, problem("bemporad71"))
    with pytest.raises(ProblemError, match=r"first 1 of 5 variables only, .* certify the full law"):
        certify(by_first_rows(law, 1), problem("dint_N5"))
    with pytest.raises(ProblemError, match="`tolerance` is 0"):
        certify(law, problem("dint_N5"), tolerance=0.0)


@pytest.fixture
def by_first_rows():
    def shortened(law, rows):
        regions = tuple(
            replace(r, gain=r.solution_gain[:rows], offset=r.solution_offset[:rows],
                    solution_gain=r.solution_gain[:rows], solution_offset=r.solution_offset[:rows])
            for r in law.regions
        )  # fmt: skip
        labels = replace(law.labels, variables=law.labels.variables[:rows], variable_units=())
        return replace(law, regions=regions, labels=labels, problem=None, input_bounds=None)

    return shortened


@pytest.fixture
def cut():
    """One region cut in two along its first parameter, with a gap between the halves."""

    def apart(law, index, gap):
        region, normal = law.regions[index], np.eye(law.t)[0] / law.half_width
        halves = [
            replace(region, A=np.vstack([region.A, s * normal]), b=np.r_[region.b, s * (normal @ region.centre) - gap])
            for s in (1.0, -1.0)
        ]
        return replace(law, regions=(*law.regions[:index], *law.regions[index + 1 :], *halves))

    return apart


@pytest.fixture
def move():
    def moved(law, index, by):
        regions = list(law.regions)
        regions[index] = replace(regions[index], b=regions[index].b + by)
        return replace(law, regions=tuple(regions))

    return moved


def test_an_mpc_problem_is_told_to_be_condensed(small_law):
    with pytest.raises(ProblemError, match=r"`problem` is a str; .* condense\(problem\)"):
        Certificate.check(small_law, "an MPCProblem, say")
