"""Files of critics: what comes back is what was saved; what does not fit is named."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch

from mpc import FileFormatError
from mpc.explicit import storage
from yann import ConstrainedCritic, YannActor, YannCritic

KINDS = (YannCritic, ConstrainedCritic)


@pytest.fixture(params=KINDS)
def critic(request, pendulum, problems, shake):
    problem = problems["pendulum"](1.0)
    if request.param is YannCritic:
        return shake(YannCritic.from_problem(problem, 6))
    return shake(ConstrainedCritic.from_law(pendulum, problem, 6))


def forge(path, data=None, arrays=None) -> None:
    """Change parts of a file as an attacker would: with checksums that fit."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    text = json.loads(members["header.json"])
    text["data"] |= data or {}
    for name, array in (arrays or {}).items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=False)
        members[f"{name}.npy"] = buffer.getvalue()
    known = {name: content for name, content in members.items() if not name.startswith("header")}
    text["sha256"] = {name: storage.hashlib.sha256(content).hexdigest() for name, content in known.items()}
    members["header.json"] = json.dumps(text).encode()
    members["header.sha256"] = storage.hashlib.sha256(members["header.json"]).hexdigest().encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("seeds", [[0], [3, 4]])
def test_a_critic_comes_back_bit_for_bit(critic, seeds, tmp_path):
    stack = critic.replicate(seeds)
    stack.save(tmp_path / "critic.npz")
    again = type(critic).load(tmp_path / "critic.npz")
    x, u = (np.random.default_rng(0).normal(size=(len(seeds), 50, k)) for k in (2, 1))
    assert np.array_equal(stack(x, u), again(x, u))
    assert stack(x, u).std() > 0
    assert again.discount == critic.discount
    for mine, its in zip(stack.state_dict().items(), again.state_dict().items(), strict=True):
        assert mine[0] == its[0]
        assert torch.equal(mine[1], its[1])
    slopes = []
    for network in (stack, again):
        moved = torch.tensor(u, requires_grad=True)
        slopes.append(torch.autograd.grad(network(torch.tensor(x), moved).sum(), moved)[0])
    assert torch.equal(*slopes)


def test_a_newborn_comes_back_as_one(problems, tmp_path):
    problem = problems["pendulum"](0.95)
    newborn = YannCritic.from_problem(problem, 6)
    newborn.save(tmp_path / "critic.npz")
    again = YannCritic.load(tmp_path / "critic.npz")
    born = zip(newborn.replicate([7, 8]).parameters(), again.replicate([7, 8]).parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in born)
    assert again.discount == 0.95


def test_the_constrained_one_knows_its_law_again(pendulum, problems, tmp_path):
    critic = ConstrainedCritic.from_law(pendulum, problems["pendulum"](1.0), 6)
    critic.save(tmp_path / "critic.npz")
    again = ConstrainedCritic.load(tmp_path / "critic.npz")
    assert again.law_digest == pendulum.digest == again.birth.law.digest
    points = np.random.default_rng(0).uniform(-1, 1, (50, 2)), np.zeros((50, 1))
    for mine, its in zip(critic.evaluate(*points), again.evaluate(*points), strict=True):
        assert np.array_equal(mine, its)


def test_other_kinds_are_named(critic, pendulum, tmp_path):
    path = tmp_path / "network.npz"
    critic.save(path)
    for other in {YannActor, *KINDS} - {type(critic)}:
        with pytest.raises(FileFormatError, match=f"holds a '{critic.kind}', but a '{other.kind}' was expected"):
            other.load(path)


@pytest.mark.parametrize(
    ("data", "arrays", "words"),
    [
        ({"sizes": [3, 1]}, {}, r"`centre` has shape|\(3, 1\), but the law has"),
        ({"sizes": [1, 2]}, {}, r"no reference points that fit|`sizes` is \(1, 2\), but the law has 2 parameters"),
        ({"sizes": [2]}, {}, "whole"),
        ({"sizes": [2, 0]}, {}, "`sizes` is 0"),
        ({"sizes": None}, {}, "whole"),
        ({"discount": 1.5}, {}, "`discount` is 1.5, but it must be at most 1"),
        ({"discount": 0}, {}, "`discount` is 0"),
        ({"discount": float("nan")}, {}, "`discount` is NaN"),
        ({"hidden": 10**6}, {}, "need .* bytes, but the limit is"),
        ({"hidden": 5}, {}, "has shape .* but its network needs|need"),
        ({"hidden": "6"}, {}, "`hidden` is '6'"),
        ({}, {"scale": np.zeros(3)}, "`scale` is 0, but it must be positive"),
        ({}, {"scale": np.ones(4)}, "`scale` has shape"),
        ({}, {"centre": np.full(3, np.nan)}, "`centre` is NaN"),
        ({}, {"centre": np.full(3, 1e300)}, "differs by|no reference|overflow|NaN"),
    ],
)
def test_what_does_not_fit_is_named(critic, tmp_path, data, arrays, words):
    path = tmp_path / "critic.npz"
    critic.save(path)
    forge(path, data, arrays)
    with pytest.raises(FileFormatError, match=words) as caught:
        type(critic).load(path)
    assert str(path) in str(caught.value)


def test_other_quadratics_are_noticed(critic, tmp_path):
    path = tmp_path / "critic.npz"
    critic.save(path)
    name = "weight" if isinstance(critic, YannCritic) else "curvature"
    constant = getattr(critic, name).numpy()
    forge(path, arrays={name: constant * (1 + 1e-6)})
    with pytest.raises(FileFormatError, match=r"differs by .* of its output's size from the one saved"):
        type(critic).load(path)
    forge(path, arrays={name: constant[..., :2]})
    with pytest.raises(FileFormatError, match=f"`{name}` has shape"):
        type(critic).load(path)
