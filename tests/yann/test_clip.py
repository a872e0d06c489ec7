import pytest
import torch

from yann.clip import inward_clip

LOWER, UPPER = torch.tensor([-1.0]).double(), torch.tensor([2.0]).double()


@pytest.mark.parametrize(
    ("value", "pull", "passes"),
    [(0.5, 1.0, True), (0.5, -1.0, True), (3.0, 1.0, True), (3.0, -1.0, False), (-4.0, -1.0, True), (-4.0, 1.0, False)],
)
def test_only_a_step_that_leads_farther_out_is_stopped(value, pull, passes):
    x = torch.tensor([value], dtype=torch.float64, requires_grad=True)
    clipped = inward_clip(x, LOWER, UPPER)
    (pull * clipped).sum().backward()
    assert clipped.item() == min(max(value, -1.0), 2.0)
    assert x.grad.item() == (pull if passes else 0.0)


def test_descent_comes_back_from_beyond_a_bound():
    x = torch.tensor([5.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([x], lr=0.1)
    for _ in range(200):
        optimiser.zero_grad()
        (inward_clip(x, LOWER, UPPER) ** 2).sum().backward()
        optimiser.step()
    assert abs(x.item()) < 1e-3
