"""Copies, pickles and files: what comes back is checked, read-only and proved no more than the first."""

import copy
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mpc import (
    Certificate,
    CertificateMismatch,
    FileFormatError,
    Infeasible,
    MultiparametricQP,
    OutsideDomain,
    PiecewiseAffineLaw,
    Unbounded,
    solve_explicit,
)

BOX = np.vstack([np.eye(2), -np.eye(2)])
PROBLEM = MultiparametricQP(np.eye(2), [0, 0], np.ones((2, 2)), BOX, np.ones(4), np.zeros((4, 2)), BOX, np.ones(4))
COPIES = [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]


@pytest.fixture
def law() -> PiecewiseAffineLaw:
    return solve_explicit(PROBLEM)


@pytest.mark.parametrize("copied", COPIES)
def test_copies_of_a_law_are_whole_and_read_only(law, copied):
    law.certify()
    twin = copied(law)
    assert twin.digest == law.digest
    assert twin.certificate == law.certificate
    assert (twin.solution([0.9, 0.9]) == law.solution([0.9, 0.9])).all()
    arrays = [*twin.regions.arrays.values(), twin.parameter_set.A, *twin.parameter_bounds, twin.problem.H]
    assert not any(array.flags.writeable for array in arrays)


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize(
    "error",
    [
        Infeasible(["row 0", "row 1"], 0.5),
        Unbounded(np.ones(2), np.zeros(1), "z0 up", "theta0 = 0"),
        OutsideDomain(np.ones(2), "theta0", 0.1, "outside"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_the_way_between_processes(error, copied):
    twin = copied(error)
    assert type(twin) is type(error)
    assert str(twin) == str(error)


def test_a_law_answers_and_refuses_in_another_process(law):
    with ProcessPoolExecutor(1) as pool:
        assert (pool.submit(law, [0.1, 0.2]).result(timeout=120) == law([0.1, 0.2])).all()
        with pytest.raises(OutsideDomain, match="theta0 is above 1 by 4"):
            pool.submit(law, [5, 5]).result(timeout=120)


def test_a_changed_law_carries_no_proof(law):
    law.certify()
    first = law.regions[0]
    changed = replace(law, regions=(replace(first, gain=first.gain + 1e-7), *law.regions[1:]))
    assert law.certificate.ok
    assert changed.certificate is None
    assert not Certificate.check(changed, PROBLEM).ok


def test_a_certificate_goes_with_its_file(law, tmp_path):
    law.certify()
    law.save(tmp_path / "law.npz")
    loaded = PiecewiseAffineLaw.load(tmp_path / "law.npz")
    assert loaded.certificate == law.certificate
    assert Certificate.check(loaded, PROBLEM).ok


def test_a_certificate_of_another_law_is_refused(law, tmp_path):
    law.certify()
    other = solve_explicit(replace(PROBLEM, w=2 * np.ones(4)))
    object.__setattr__(other, "certificate", law.certificate)
    other.save(tmp_path / "law.npz")
    with pytest.raises(FileFormatError, match="the certificate of another law; certify this one anew"):
        PiecewiseAffineLaw.load(tmp_path / "law.npz")


def test_a_certificate_that_claims_more_than_is_so_does_not_stand(law):
    damaged = replace(law, regions=law.regions[1:])
    failed = damaged.certify()
    object.__setattr__(damaged, "certificate", replace(failed, failures=()))
    with pytest.raises(CertificateMismatch, match="ok is False, the stored certificate says True") as caught:
        Certificate.check(damaged, PROBLEM)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_pipe_stays_a_pipe(law, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileFormatError, match="a pipe or a socket, which must stay; pass the path of a file"):
        law.save(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("path", ["a\0b", b"law.npz", 3, None])
def test_what_is_no_path_is_named(law, path):
    for use in (law.save, PiecewiseAffineLaw.load):
        with pytest.raises(FileFormatError, match="pass the path of a file as a text without NUL"):
            use(path)
    assert not Path("a").exists()
