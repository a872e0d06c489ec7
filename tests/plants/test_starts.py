"""Starts: uniform in a box, filtered, and what share is left."""

from dataclasses import replace

import numpy as np
import pytest

from plants import PlantError, clipped_pendulum, kept_share
from plants.starts import sample_each


def within_circle(x):
    return (x**2).sum(-1) < 1


def test_filtered_starts_are_uniform_on_what_is_kept(spring):
    plant = spring(start_filter=within_circle)
    starts = plant.sample_starts(np.random.default_rng(0), 20_000)
    radii = (starts**2).sum(-1)
    assert radii.max() < 1
    np.testing.assert_allclose(np.quantile(radii, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.02)


def test_the_share_that_is_kept_is_that_of_the_areas(spring):
    assert kept_share(spring(start_filter=within_circle)) == pytest.approx(np.pi / 4, abs=0.015)
    assert kept_share(spring()) == 1.0


def test_without_a_filter_a_seed_gives_the_numbers_of_one_uniform_draw(spring):
    plant = spring()
    drawn = np.random.default_rng(3).uniform(*plant.start_bounds, size=(6, 2))
    assert np.array_equal(plant.sample_starts(np.random.default_rng(3), 6), drawn)


def test_no_starts_are_no_starts(spring):
    assert spring(start_filter=within_circle).sample_starts(np.random.default_rng(0), 0).shape == (0, 2)


@pytest.mark.parametrize(
    ("keeps", "words"),
    [
        (lambda x: np.zeros(len(x), dtype=bool), "keeps only 0 of 5 starts after 1000 rounds"),
        (lambda x: x[:, 0], r"returns float64 of shape \(5,\), but bool of shape \(5,\)"),
        (lambda x: True, r"returns bool of shape \(\)"),
    ],
)
def test_filters_that_answer_wrongly_are_refused(spring, keeps, words):
    with pytest.raises(PlantError, match=words):
        spring(start_filter=keeps).sample_starts(np.random.default_rng(0), 5)


def test_a_filter_must_be_a_function(spring):
    with pytest.raises(PlantError, match="`start_filter` is 3"):
        spring(start_filter=3)


def test_one_start_from_each_generator_does_not_depend_on_the_others(spring):
    plant = spring(start_filter=within_circle)
    bounds = (np.array([-1.0, -1.0]), np.array([1.0, 0.0]))
    together = sample_each(plant, [np.random.default_rng(seed) for seed in range(50)], bounds)
    alone = [sample_each(plant, [np.random.default_rng(seed)], bounds)[0] for seed in range(50)]
    assert np.array_equal(together, alone)
    assert within_circle(together).all()
    assert (together[:, 1] < 0).all()
    assert len(np.unique(together[:, 0])) == 50


def test_a_filter_that_keeps_nothing_leaves_no_start_to_any_generator(spring):
    plant = spring(start_filter=lambda x: np.zeros(len(x), dtype=bool))
    with pytest.raises(PlantError, match="keeps only 0 of 2 starts after 1000 rounds"):
        sample_each(plant, [np.random.default_rng(seed) for seed in range(2)])


def test_a_share_asks_for_a_plant_points_and_a_seed():
    plant = clipped_pendulum()
    for arguments, words in (
        ((None,), "`plant` is a NoneType"),
        ((plant, 10**12), "`points`"),
        ((plant, 3, -1), "`seed`"),
    ):
        with pytest.raises(PlantError, match=words):
            kept_share(*arguments)


def test_a_filter_cannot_move_the_points_it_judges():
    def moving(x):
        x[:] = 99
        return np.ones(len(x), bool)

    plant = replace(clipped_pendulum(), start_filter=moving)
    assert (np.abs(plant.sample_starts(np.random.default_rng(0), 5)) < 1).all()
