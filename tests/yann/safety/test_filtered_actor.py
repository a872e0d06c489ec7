import numpy as np
import pytest
import torch

from mpc import LinearModel, MPCProblem, solve_explicit
from plants import Plant, QuadraticCost, simulate
from rl import plain_actor
from yann import FilteredActor, NetworkError, SafetyFilter, YannActor, YannCritic, guarded


@pytest.fixture(scope="module")
def law():
    model = LinearModel(
        A=[[1.0, 0.1], [0.0, 1.0]], B=[[0.0], [0.1]], sample_time=0.1, state_names=("state_0", "state_1"),
        input_names=("input_0",),
    )  # fmt: skip
    return solve_explicit(
        MPCProblem(model, np.eye(2), 0.1, 2, input_bounds=(-3, 3), parameter_bounds=([-2, -2], [2, 2]))
    )


@pytest.fixture
def trained(law):
    """An actor whose residual is large, so that its filter has something to do."""
    actor = YannActor.from_law(law, hidden=4).replicate([0, 1, 2])
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in actor.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator, dtype=torch.float64))
    return actor


@pytest.fixture
def states():
    return np.random.default_rng(2).uniform(-1, 1, (200, 2))


def test_it_is_the_filter_of_the_actor(law, one_input, trained, states):
    guarded_actor = FilteredActor(trained.member(1), one_input)
    wanted = trained.member(1)(states)
    assert np.array_equal(guarded_actor(states), one_input(torch.tensor(states), torch.tensor(wanted)).numpy())
    changed = guarded_actor.intervenes(states)
    assert np.array_equal(changed, (guarded_actor(states) != wanted).any(axis=1))
    assert 0 < changed.sum() < len(states)


def test_a_stack_is_its_singles(one_input, trained, states):
    stack = FilteredActor(trained, one_input)
    assert stack.members == 3
    together = stack(np.broadcast_to(states, (3, *states.shape)))
    for i in range(3):
        assert np.array_equal(together[i], FilteredActor(trained.member(i), one_input)(states))
        assert np.array_equal(together[i], stack.member(i)(states))


def test_fresh_copies_are_drawn_from_their_seeds_like_the_actor(law, one_input):
    born = YannActor.from_law(law, hidden=4)
    stack = FilteredActor(born, one_input).replicate([4, 7])
    for mine, own in zip(stack.parameters(), born.replicate([4, 7]).parameters(), strict=True):
        assert torch.equal(mine, own)


def test_held_inputs_learn_to_come_back_and_never_to_go_farther(law, one_input):
    actor = FilteredActor(YannActor.from_law(law), one_input)
    x = torch.tensor([[[0.3, 0.4]]], dtype=torch.float64)
    _, most = one_input.filtering.limits(x[0].numpy())
    wanted = torch.tensor([[[most.item() + 1.0]]], dtype=torch.float64, requires_grad=True)
    actor.passed(x, wanted).sum().backward()
    assert wanted.grad.item() == 1.0
    wanted.grad = None
    (-actor.passed(x, wanted)).sum().backward()
    assert wanted.grad.item() == 0.0


def test_saved_and_read_it_is_the_same_in_its_filter(tmp_path, one_input, trained, states):
    stack = FilteredActor(trained, one_input)
    stack.save(tmp_path / "actor.npz")
    read = FilteredActor.load(tmp_path / "actor.npz")
    three = np.broadcast_to(states, (3, *states.shape))
    assert np.array_equal(read(three), stack(three))
    mine, found = one_input.set, read.filter.set
    assert (found.labels, found.units, found.state_names) == (mine.labels, mine.units, mine.state_names)
    assert np.array_equal(found.A, mine.A)
    assert found.certificate.kind == "made"
    assert found.certificate.assumptions == ("made for a test",)


def test_an_actor_without_a_file_says_so(tmp_path, one_input):
    plant = integrators()
    with pytest.raises(NetworkError, match="`actor` is a"):
        FilteredActor(plain_actor(plant, (4,)), one_input).save(tmp_path / "actor.npz")
    assert not list(tmp_path.iterdir())


def test_it_explains_what_it_wants_and_what_it_gives(one_input, trained):
    actor = FilteredActor(trained.member(0), one_input)
    told = str(actor.explain([0.9, -0.9]))
    assert "residual" in told
    assert "safety: input_0 at" in told
    assert set(actor.explain([0.9, -0.9]).to_dict()) == {"policy", "safety"}


def test_what_does_not_fit_is_refused_in_words(law, one_input, two_inputs):
    actor = YannActor.from_law(law)
    with pytest.raises(NetworkError, match=r"gives 1 inputs, but the safe set has 2 and 2"):
        FilteredActor(actor, two_inputs)
    with pytest.raises(NetworkError, match=r"has a filter already; pass its `.unfiltered`"):
        FilteredActor(FilteredActor(actor, one_input), one_input)
    with pytest.raises(NetworkError, match="`safe` is a YannActor"):
        FilteredActor(actor, actor)
    with pytest.raises(NetworkError, match="`actor` is a PiecewiseAffineLaw"):
        FilteredActor(law, one_input)
    critic = YannCritic.from_problem(
        MPCProblem(LinearModel(A=[[1.0]], B=[[1.0]], sample_time=1.0), 1.0, 1.0, 1, input_bounds=(-1, 1),
                   parameter_bounds=(-1, 1))
    )  # fmt: skip
    with pytest.raises(NetworkError, match="`actor` takes 2 arguments"):
        FilteredActor(critic, one_input)
    with pytest.raises(NetworkError, match="`controller` is a int; pass a function"):
        guarded(3, one_input)


def integrators() -> Plant:
    return Plant(
        name="integrators", update=lambda x, u: (x[0] + 0.1 * x[1], x[1] + 0.1 * u[0]),
        state_names=("state_0", "state_1"), state_units=("-", "-"), input_names=("input_0",), input_units=("-",),
        state_bounds=([-2, -2], [2, 2]), input_bounds=([-3], [3]), equilibrium=([0, 0], [0]), sample_time=0.1,
        cost=QuadraticCost(np.eye(2), 0.1, state_target=[0, 0], input_target=[0]), start_bounds=([-1, -1], [1, 1]),
    )  # fmt: skip


class Counting:
    """A controller that remembers how often it was asked, and wants as much."""

    def start(self, batch):
        return np.zeros(batch)

    def step(self, x, memory):
        return (memory + 1)[:, None], memory + 1


def test_any_controller_is_guarded(one_input, states):
    plant = integrators()
    for controller in (lambda x: np.full((*x.shape[:-1], 1), 3.0), Counting()):
        run = simulate(plant, guarded(controller, one_input), states[:5], 6)
        plain = simulate(plant, controller, states[:5], 6)
        assert np.array_equal(run.inputs[:, 0], one_input(run.states[:, 0], plain.inputs[:, 0]))
        slack = one_input.set.rows.slack(run.states[:, :-1].reshape(-1, 2), run.inputs.reshape(-1, 1))
        inside = one_input.contains(run.states[:, :-1].reshape(-1, 2))
        assert slack[inside].min() >= -1e-12


def test_an_actor_is_guarded_as_a_network(law, one_input):
    actor = guarded(YannActor.from_law(law), one_input)
    assert isinstance(actor, FilteredActor)
    assert isinstance(one_input, SafetyFilter)
