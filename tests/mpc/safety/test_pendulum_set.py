"""The pendulum's safe set in simulation: nothing leaves it while disturbances are as claimed, and much otherwise."""

import numpy as np
import pytest

from mpc import ProblemError
from mpc.safety import pendulum
from mpc.safety.errors import NoSafeSet
from mpc.safety.max_min import MaxMin
from mpc.safety.pendulum import Sector
from plants import clipped_pendulum

LIMITS = (np.array([-0.6, -4.0]), np.array([0.6, 4.0]))
PLANT = clipped_pendulum()
STARTS, STEPS = 1_000, 200
WAYS = np.array([[0.05, 1.0], [-0.05, -1.0], [0.0, 1.0], [0.0, -1.0]])  # before the angle moves, or after


@pytest.fixture(scope="module")
def safe():
    return pendulum.design(PLANT, LIMITS)


def starts(safe, generator):
    """States of which half lie on the border, the corners among them, a hair inside."""
    corners = safe.polyhedron.vertices()
    inner = generator.dirichlet(np.ones(len(corners)), STARTS // 2) @ corners
    order = np.argsort(np.arctan2(*(corners - corners.mean(axis=0)).T))
    first = generator.integers(0, len(corners), STARTS // 2)
    share = generator.uniform(0, 1, (STARTS // 2, 1)) * (np.arange(STARTS // 2) >= 100)[:, None]
    edge = (1 - share) * corners[order[first]] + share * corners[order[(first + 1) % len(corners)]]
    return np.vstack([inner, edge]) * (1 - 1e-9)


def random(x, step, generator):
    return generator.uniform(-2, 2, (len(x), 1))


def bang_bang(x, step, generator):
    return generator.choice([-2.0, 2.0], (len(x), 1))


def full_torque(x, step, generator):
    return np.full((len(x), 1), 2.0)


def outwards(x, step, generator):
    return 2 * np.sign(x[:, :1] + 0.25 * x[:, 1:])


def nonsense(x, step, generator):
    return generator.choice([np.nan, np.inf, -np.inf, 1e300, 0.0], (len(x), 1))


def violations(safe, policy, gust, filtered=True, seed=0):
    """How many of STARTS x STEPS states are beyond a limit, the worst of the gusts coming in each step."""
    generator, limit = np.random.default_rng(seed), MaxMin.of(safe)
    x, lost = starts(safe, generator), 0
    anew = x.copy()
    for step in range(STEPS):
        u = policy(x, step, generator)
        u = limit.filtered(x, u) if filtered else np.clip(u, -2, 2)
        after = PLANT.step_rows(x, u)[:, None] + gust * WAYS
        worst = (after @ safe.A.T - safe.b).max(axis=2).argmax(axis=1)
        x = after[np.arange(len(x)), worst]
        beyond = ((x < LIMITS[0]) | (x > LIMITS[1])).any(axis=1)
        lost += int(beyond.sum())
        if filtered and gust <= 0.02:
            assert safe.contains(x).all()
        x[beyond] = anew[beyond]
    return lost


@pytest.mark.parametrize("policy", [random, bang_bang, full_torque, outwards, nonsense])
def test_no_policy_and_no_gust_leads_out(safe, policy):
    assert violations(safe, policy, 0.02) == 0


@pytest.mark.parametrize("policy", [random, bang_bang, full_torque])
def test_without_the_rows_thousands_do(safe, policy):
    assert violations(safe, policy, 0.02, filtered=False) > 5_000


def test_gusts_of_twice_the_size_lead_out(safe):
    assert violations(safe, full_torque, 0.04) > 0


def test_rows_of_the_limits_alone_are_not_enough(safe):
    """A filter of the limits alone, one step ahead, is none."""
    steep = safe.A[:, 0] * safe.A[:, 1] > 0
    assert steep.sum() == 2
    X, U, h = safe.rows.X, safe.rows.U, safe.rows.h
    rows = type(safe.rows)(X[~steep], U[~steep], h[~steep], safe.rows.sines, safe.rows.guards[~steep])
    naive = type(safe)(**{name: getattr(safe, name) for name in safe.__dataclass_fields__} | {"rows": rows})
    generator, limit, lost = np.random.default_rng(0), MaxMin.of(naive), 0
    x = starts(safe, generator)
    for _ in range(50):
        x = PLANT.step_rows(x, limit.filtered(x, np.full((len(x), 1), 2.0)))
        lost += int(((x < LIMITS[0]) | (x > LIMITS[1])).any(axis=1).sum())
    assert lost > 1_000


def test_the_set_is_large_and_says_what_it_is(safe):
    content = safe.certificate.content
    assert content["share"] == pytest.approx(0.3904, abs=1e-3)
    assert content["worst"]["slack"] == pytest.approx(-0.0221, abs=1e-3)
    points = np.random.default_rng(0).uniform(*LIMITS, (100_000, 2))
    assert safe.contains(points).mean() == pytest.approx(content["share"], abs=5e-3)
    assert {"angle", "rate", "least angle", "least rate"} < set(safe.labels)
    assert any(
        label.startswith("rate plus 4.17") and label.endswith(" rad/s per rad of angle") for label in safe.labels
    )
    assert "up to 0.02 rad/s come to the rate" in " ".join(safe.certificate.assumptions)


def test_it_is_least_restrictive(safe):
    """Near rest every torque passes; and a torque that is changed would have led out under some gust."""
    limit, generator = MaxMin.of(safe), np.random.default_rng(1)
    near = generator.uniform(-0.02, 0.02, (1_000, 2))
    wanted = generator.uniform(-2, 2, (1_000, 1))
    assert (limit.filtered(near, wanted) == wanted).all()
    x = starts(safe, generator)
    wanted = generator.uniform(-2, 2, (len(x), 1))
    changed = (limit.filtered(x, wanted) != wanted)[:, 0]
    assert changed.mean() > 0.1
    after = PLANT.step_rows(x, wanted)[:, None] + 0.02 * (1 + 1e-4) * WAYS
    assert ((after @ safe.A.T > safe.b - 1e-5 * np.abs(safe.b)).any(axis=(1, 2)) == changed).mean() > 0.999


@pytest.mark.parametrize("limits", [([-0.3, -np.inf], [0.5, np.inf]), ([-1.0, -6.0], [1.0, 6.0])])
def test_other_limits_are_kept_as_well(limits):
    limits = tuple(np.array(side) for side in limits)
    found = pendulum.design(PLANT, limits, Sector(disturbance=0.01, cells=1_000))
    limit, generator = MaxMin.of(found), np.random.default_rng(0)
    x = found.polyhedron.vertices() * (1 - 1e-9)
    for _ in range(300):
        u = limit.filtered(x, generator.choice([-2.0, 2.0], (len(x), 1)))
        x = PLANT.step_rows(x, u) + 0.01 * WAYS[generator.integers(0, 4, len(x))]
        assert found.contains(x).all()
        assert ((limits[0] <= x) & (x <= limits[1])).all()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: pendulum.design(PLANT, LIMITS, Sector(disturbance=0.5)),
         "no polygon withstands 0.5 rad/s in every step with these limits and torques, but one does withstand 0.24"),
        (lambda: pendulum.design(PLANT, LIMITS, Sector(cells=50)), "the torque left is -0.0772, but 1e-05 is needed"),
        (lambda: pendulum.design(PLANT, (np.array([-0.6, -9]), np.array([0.6, 9]))),
         "the limits of rate are -9 to 9, but the plant holds it within -8 to 8 by itself; narrow the limits"),
        (lambda: pendulum.design(PLANT, (np.array([-np.inf, -4]), np.array([np.inf, 4]))), "reach 3.14159 rad, a "),
        (lambda: pendulum.design(PLANT, (np.array([0.1, -4]), np.array([0.6, 4]))), "its room to the lower limit 0.1"),
        (lambda: Sector(disturbance=-1), "`disturbance` is -1, but it must be at least 0"),
        (lambda: Sector(disturbance=np.nan), "`disturbance`"),
        (lambda: Sector(contraction=1), "`contraction` is 1, but a number from 0.5 to 0.99999 is needed"),
        (lambda: Sector(cells=0), "`cells` is 0"),
        (lambda: Sector(cells=100_001), "`cells` is 100001, above the limit of 100000"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_with_both_numbers(ask, words):
    with pytest.raises(ProblemError, match=words):
        ask()


def test_a_disturbance_that_an_error_names_can_be_withstood():
    with pytest.raises(NoSafeSet) as caught:
        pendulum.design(PLANT, LIMITS, Sector(disturbance=0.5))
    assert not caught.value.proved
    assert caught.value.unit == "rad/s"
    assert caught.value.found < caught.value.needed == 0.5
    assert pendulum.design(PLANT, LIMITS, Sector(disturbance=0.8 * caught.value.found)).certificate.content["share"] > 0
