"""Location: the scan against numpy, and the tree against the scan, to the last bit and everywhere."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc import Polyhedron, ProblemError
from mpc.explicit.domain import TOLERANCE
from mpc.explicit.scan import scan
from mpc.explicit.tree import LEAF, build_tree

HAIRS = (0.0, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-6)
LAWS = [
    "bemporad71",
    "chain2m1u_N2",
    "cstr_N2",
    "deg_badscale",
    "deg_octahedron",
    "dint_N4",
    "pend_N10",
    "rand_x3u2_N2",
]


def halfspaces(law):
    A, b, owner = law.halfspaces
    return A, b, np.searchsorted(owner, np.arange(len(law.regions) + 1))


def by_numpy(law, points):
    """Least violation and lowest index over all regions, each product summed in order of components."""
    A, b, starts = halfspaces(law)
    products = A[:, 0] * points[:, :1]
    for j in range(1, law.t):
        products = products + A[:, j] * points[:, j : j + 1]
    violation = np.maximum.reduceat(products - b, starts[:-1], axis=1)
    return violation.argmin(axis=1), -violation.min(axis=1)


def scattered(law, count, seed=0, reach=1.2):
    return law.centre + law.half_width * np.random.default_rng(seed).uniform(-reach, reach, (count, law.t))


def delicate(law, cells):
    """Points of every facet, vertices, and hairs to both sides of all of them, inwards and outwards."""
    facets = np.array([point for _, _, point in cells.facets])
    normals = np.array([normal for _, normal, _ in cells.facets])
    corners = np.concatenate(cells.vertices)
    hairs = [facets + sign * hair * normals for hair in HAIRS for sign in (1, -1)]
    hairs += [corners * (1 + sign * hair) for hair in HAIRS for sign in (1, -1)]
    return cells.physical(np.concatenate(hairs))


def assert_exact(law, points):
    tree, (A, b, starts) = build_tree(law), halfspaces(law)
    region, margin = by_numpy(law, points)
    for found in (scan(A, b, starts, points), tree.locate(points)):
        assert (found[0] == region).all()
        assert (found[1] == margin).all()


@pytest.mark.parametrize("name", LAWS)
def test_tree_scan_and_numpy_agree_to_the_last_bit(name, solved, cells):
    law = solved(name)
    points = np.concatenate([scattered(law, 3000), delicate(law, cells(name)), scattered(law, 200, reach=50.0)])
    assert_exact(law, points)


def test_a_point_alone_gets_the_bits_that_it_gets_in_a_batch(solved):
    law = solved("pend_N10")
    (A, b, starts), tree, points = halfspaces(law), build_tree(law), scattered(law, 100)
    together = scan(A, b, starts, points), tree.locate(points)
    for i in range(len(points)):
        for whole, alone in zip(together, (scan(A, b, starts, points[[i]]), tree.locate(points[[i]])), strict=True):
            assert (whole[0][i], whole[1][i]) == (alone[0][0], alone[1][0])


def leaf_of(tree, point):
    """The regions of the leaf that a point away from all hyperplanes falls into, and the hyperplanes it meets."""
    node, met = (0 if len(tree.offsets) else -1), 0
    while node >= 0:
        height = tree.normals[node] @ point - tree.offsets[node]
        node, met = int(tree.children[node, int(height > 0)]), met + 1
    return tree.regions[tree.leaf_starts[-1 - node] : tree.leaf_starts[-node]], met, -1 - node


def test_every_leaf_lists_the_few_regions_that_enter_it(solved):
    law = solved("chain2m1u_N3")
    tree = build_tree(law)
    assert len(law.regions) == 159
    points = scattered(law, 2000, reach=1.0)
    region, margin = by_numpy(law, points)
    for point, own, depth in zip(points, region, margin, strict=True):
        listed, met, leaf = leaf_of(tree, point)
        assert (depth < -TOLERANCE) or own in listed
        assert met == tree.levels[leaf] <= tree.depth
        assert (np.diff(listed) > 0).all()
    lengths = np.diff(tree.leaf_starts)
    assert np.mean(lengths <= LEAF) > 0.95
    assert set(tree.regions.tolist()) == set(range(159))
    rows = np.diff(tree.starts)
    work = [tree.levels[i] + rows[tree.regions[a:b]].sum() for i, (a, b) in enumerate(pairwise(tree.leaf_starts))]
    assert tree.worst_comparisons == max(work) < len(tree.b) / 4
    assert tree.mean_comparisons == pytest.approx(np.mean(work))
    assert len(tree.children) == len(tree.levels) - 1


def test_the_same_law_gives_the_same_tree_and_nobody_writes_to_it(solved):
    first, second = build_tree(solved("dint_N5")), build_tree(solved("dint_N5"))
    for name in ("starts", "normals", "offsets", "children", "leaf_starts", "regions"):
        assert (getattr(first, name) == getattr(second, name)).all()
        with pytest.raises(ValueError, match="read-only"):
            getattr(first, name)[...] = 0
    leaves, regions = len(first.levels), len(first.starts) - 1
    assert repr(first) == f"SearchTree({leaves - 1} nodes, {leaves} leaves, depth {first.depth}, {regions} regions)"


def cut_box(t, planes):
    """The cells into which hyperplanes cut the box of half widths; those thinner than 1e-9 are left out."""
    cells = [(np.vstack([np.eye(t), -np.eye(t)]), np.ones(2 * t))]
    for normal, level in planes:
        sides = [(np.vstack([A, s * normal]), np.r_[b, s * level]) for A, b in cells for s in (1.0, -1.0)]
        cells = [(A, b) for A, b in sides if Polyhedron(A, b).chebyshev()[0] > 1e-9]
    return cells


numbers = st.floats(-1, 1).filter(lambda x: x == 0 or abs(x) > 1e-3)


@given(st.data())
def test_random_partitions_with_doubles_overlaps_and_slivers_are_located_exactly(law_of, data):
    t = data.draw(st.integers(1, 3))
    normals = st.lists(numbers, min_size=t, max_size=t).filter(any)
    drawn = data.draw(st.lists(st.tuples(normals, numbers), min_size=0, max_size=6 if t < 3 else 4))
    planes = [(np.array(n) / np.linalg.norm(n), level / 2) for n, level in drawn]
    gap = data.draw(st.sampled_from([1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-3]))
    planes += [(normal, level + gap) for normal, level in planes[:1]]
    cells = cut_box(t, planes)
    cells += cells[: data.draw(st.integers(0, 2))]  # twice the same region: the lower index answers
    shift = data.draw(st.sampled_from([0.0, 1.0, 1e6]))
    law = law_of(cells, centre=np.full(t, shift), half_width=np.geomspace(1, 1e-3, t))
    scaled = np.random.default_rng(0).uniform(-1.1, 1.1, (300, t))
    for normal, level in planes:
        onto = scaled[:20] - np.outer(scaled[:20] @ normal - level, normal)
        scaled = np.concatenate([scaled, *(onto + sign * hair * normal for hair in HAIRS for sign in (1, -1))])
    assert_exact(law, law.centre + law.half_width * scaled)


def test_thin_strips_are_told_apart(law_of):
    """1,000 strips of width 2e-3; and 40 of width 5e-11, thinner than the band of a hyperplane."""
    for edges in (np.linspace(-1, 1, 1001), np.r_[-1, 5e-11 * np.arange(41), 1]):
        strips = [(np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]), [b, -a, 1, 1]) for a, b in pairwise(edges)]
        law = law_of(strips)
        x = np.concatenate([edges, edges + 1e-13, edges - 1e-12, edges + 1e-11, np.linspace(-1.1, 1.1, 777)])
        assert_exact(law, np.c_[x, np.random.default_rng(0).uniform(-1, 1, len(x))])
    assert build_tree(law_of(strips[:1])).depth == 0


def test_a_needle_is_found_beyond_its_tip(law_of):
    """Beyond the tip at 0 a point leaves a needle by less than the tolerance, and the box on its other side by more.

    Between tip and point lies the hyperplane x = 3e-8, that splits best.
    """
    needle = np.array([[5e-5, 1.0], [5e-5, -1.0], [-1.0, 0.0]]), [0.0, 0.0, 1.0]
    box = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    edges = np.r_[np.linspace(-1, 3e-8, 11), np.linspace(3e-8, 1, 11)[1:]]
    strips = [(box, [b, -a, 1, -0.1]) for a, b in pairwise(edges)]
    law = law_of([(box, [1, -1e-7 - 8e-12, 0.05, 0.05]), needle, *strips])
    assert law.locate([1e-7, 0.0]).region == 1
    assert_exact(law, np.array([[1e-7, 0.0]]))


def test_a_law_of_one_region_is_one_leaf(law_of, law):
    whole = law_of([(np.array([[1.0], [-1.0]]), [1, 1])], centre=[3], half_width=[2])
    tree = build_tree(whole)
    assert (len(tree.offsets), tree.depth, tree.worst_comparisons, tree.mean_comparisons) == (0, 0, 2, 2.0)
    assert tree.locate(np.array([[3.0], [6.0]]))[1].tolist() == [1.0, -0.5]
    assert_exact(law, np.linspace(-3, 3, 601)[:, None])


def test_far_outside_the_scan_answers(solved):
    law = solved("dint_N4")
    assert_exact(law, scattered(law, 500, reach=1e6))
    assert_exact(law, np.array([[1e300, -1e300], [-1e-300, 1e300]]))


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (np.array([[0.0], [np.nan]]), r"`points` is nan at \[1, 0\]; replace it by a finite number"),
        (np.array([[-np.inf]]), r"`points` is -inf at \[0, 0\]"),
        (np.zeros((2, 2)), r"`points` is float64 of shape \(2, 2\); pass float64 \(n, 1\)"),
        (np.zeros(1), r"of shape \(1,\); pass float64 \(n, 1\)"),
        (np.zeros((2, 1), np.float32), r"`points` is float32 of shape \(2, 1\)"),
    ],
)
def test_what_is_no_batch_of_points_is_refused(law, points, words):
    with pytest.raises(ProblemError, match=words):
        build_tree(law).locate(points)


def test_no_points_and_points_in_any_order_of_memory_are_answered(solved):
    law = solved("dint_N4")
    tree = build_tree(law)
    assert [len(part) for part in tree.locate(np.zeros((0, 2)))] == [0, 0]
    points = scattered(law, 64)
    for same in (np.asfortranarray(points), np.repeat(points, 2, axis=0)[::2]):
        assert (tree.locate(same)[1] == tree.locate(points)[1]).all()


def test_exact_ties_go_to_the_lowest_index_whatever_the_order_of_the_regions(law_of):
    """A grid of 16 x 16 boxes with edges that binary numbers hold exactly, shuffled: corners belong to four."""
    edges = np.linspace(-1, 1, 17)
    A = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    grid = [(A, np.array([b, -a, d, -c])) for a, b in pairwise(edges) for c, d in pairwise(edges)]
    order = np.random.default_rng(0).permutation(len(grid))
    law = law_of([grid[i] for i in order])
    x, y = np.meshgrid(np.r_[-1.5, edges, 1.5], np.r_[-1.5, edges, 1.5])
    points = np.c_[x.ravel(), y.ravel()]
    tied = (np.sort(by_each(law, points), axis=1)[:, :2] == 0).all(axis=1)
    assert tied.sum() > 200
    assert_exact(law, points)


def by_each(law, points):
    A, b, starts = halfspaces(law)
    return np.maximum.reduceat(points @ A.T - b, starts[:-1], axis=1)
