from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import yann.lattice_pieces as pieces_module
from mpc import MultiparametricQP, solve_explicit
from yann import NetworkError, YannActor, verify
from yann.lattice import compile_lattice

FOLDER = Path(__file__).parents[1] / "data" / "mpqp"


@pytest.mark.parametrize(
    ("name", "horizon", "terms", "functions"),
    [("pendulum", 2, 3, 5), ("pendulum", 3, 5, 9), ("pendulum", 4, 6, 11), ("reactor", 2, 3, 5), ("reactor", 3, 5, 9)],
)
def test_the_papers_laws_have_few_terms(problems, name, horizon, terms, functions):
    law = solve_explicit(replace(problems[name](1.0), horizon=horizon))
    lattice = compile_lattice(law)
    assert lattice.certificate.terms == (terms,)
    assert lattice.certificate.functions == (functions,)
    assert lattice.certificate.error[0] <= 1e-11
    assert verify(lattice, law, points=2000).passed


def test_it_is_the_law_on_every_region(law):
    lattice = compile_lattice(law)
    assert max(lattice.certificate.error) <= 1e-12
    assert len(lattice.certificate.terms) == law.m
    found = verify(lattice, law, points=1000)
    assert found.passed, str(found)
    assert found.max_error <= 1e-12


def test_regions_are_cut_where_no_functions_are_in_order_on_a_whole_one():
    with np.load(FOLDER / "pend_N3.npz", allow_pickle=False) as data:
        arrays = [data[key] for key in ("H", "f", "F", "G", "w", "S", "A_th", "b_th")]
    law = replace(solve_explicit(MultiparametricQP(*arrays)), input_bounds=([-3] * 3, [3] * 3))
    lattice = compile_lattice(law)
    assert lattice.certificate.pieces == (19, 20, 19)
    assert max(lattice.certificate.error) <= 1e-12
    assert verify(lattice, law, points=1000).passed


def test_every_term_and_every_function_is_needed(pendulum, draw_points):
    lattice = compile_lattice(pendulum)
    lattice.lower, lattice.upper = lattice.lower - 100, lattice.upper + 100  # no clip hides a missing bound
    (output,), states = lattice.outputs, draw_points(pendulum, (2000,))
    states = states[np.asarray(pendulum.locate(states).margin) >= 0]
    wanted, whole = pendulum(states), output.terms.clone()
    for term in range(len(whole)):
        output.terms = torch.cat([whole[:term], whole[term + 1 :]])
        assert np.abs(lattice(states) - wanted).max() > 1e-3
        for function in set(whole[term].tolist()):
            rest = [j for j in whole[term].tolist() if j != function] or [function]
            if len(set(whole[term].tolist())) > 1:
                output.terms = whole.clone()
                output.terms[term] = torch.from_numpy(np.resize(rest, whole.shape[1]))
                assert np.abs(lattice(states) - wanted).max() > 1e-3


def test_verify_finds_a_changed_function(pendulum):
    lattice = compile_lattice(pendulum)
    lattice.outputs[0].offsets[0] += 1e-7
    assert not verify(lattice, pendulum, points=500).passed


def test_flags_are_the_laws_and_it_goes_on_continuously_outside(pendulum, draw_points):
    lattice, actor = compile_lattice(pendulum), YannActor.from_law(pendulum)
    states = draw_points(pendulum, (2000,), wide=1.5)
    inputs, region, valid = lattice.evaluate(states)
    assert np.array_equal(region, pendulum.locate(states).region)
    assert np.array_equal(valid, np.asarray(pendulum.locate(states).margin) >= -lattice.tolerance)
    assert np.abs(inputs - actor(states))[valid].max() <= 1e-11
    assert np.abs(inputs - actor(states))[~valid].max() > 1e-3
    assert (np.abs(inputs) <= 2).all()
    steepest = np.abs(pendulum.gains).sum(axis=-1).max()
    moved = lattice(states + 1e-7) - inputs
    assert np.abs(moved).max() <= 1.001e-7 * steepest


def test_tensors_get_gradients_and_stay_tensors(pendulum):
    state = torch.tensor([0.01, 0.02], dtype=torch.float64, requires_grad=True)
    value = compile_lattice(pendulum)(state)
    (gradient,) = torch.autograd.grad(value.sum(), state)
    region = pendulum.locate(state.detach().numpy()).region
    assert np.allclose(gradient.numpy(), pendulum.regions[int(region)].gain[0], rtol=1e-12)


def test_a_law_that_jumps_is_refused_in_words(pendulum):
    regions = list(pendulum.regions)
    regions[1] = replace(regions[1], offset=regions[1].offset + 0.01)
    with pytest.raises(NetworkError, match="its torque jumps, or the way leaves its domain; use YannActor"):
        compile_lattice(replace(pendulum, regions=tuple(regions), certificate=None))


def test_a_certificate_that_tells_of_a_jump_is_believed(pendulum):
    certificate = replace(pendulum.certify(), jump=0.25)
    with pytest.raises(NetworkError, match=r"`law` jumps by 0\.25 .* tolerance 1e-09"):
        compile_lattice(replace(pendulum, certificate=certificate))


def test_laws_with_too_many_pairs_are_refused(pendulum, monkeypatch):
    monkeypatch.setattr(pieces_module, "LARGEST", 30)
    with pytest.raises(NetworkError, match=r"7 regions and 5 affine pieces of torque, 35 pairs .* limit is 30"):
        compile_lattice(pendulum)


def test_what_is_no_law_is_refused():
    with pytest.raises(NetworkError, match="pass the PiecewiseAffineLaw"):
        compile_lattice("law")


def test_texts(pendulum):
    lattice = compile_lattice(pendulum)
    assert str(lattice.certificate).startswith("input 0: 3 terms of 5 functions over 7 pieces, error at most ")
    assert "3 terms of 5 functions" in repr(lattice)
