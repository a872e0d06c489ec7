"""The decision graph: its ends against the full scan, on facets, a hair beside them, at vertices, and beyond."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpc import Polyhedron
from mpc.explicit.domain import TOLERANCE
from mpc.explicit.scan import scan
from mpc.explicit.tree_ends import APART, TOGETHER, Leaves, open_rows
from mpc.explicit.tree_graph import decision_graph

BOX = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
HAIRS = (0.0, 1e-12, 1e-10, 1e-9, 3e-8, 1e-6)
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


def starts_of(law):
    return np.searchsorted(law.halfspaces[2], np.arange(len(law.regions) + 1))


def hard_points(law, cells, generator):
    """Some hundred points: random, on facets and vertices and hairs to both sides of them, on the bounds, far away."""
    normals = np.array([normal for _, normal, _ in cells.facets])
    facets = np.array([point for _, _, point in cells.facets])
    corners = np.concatenate(cells.vertices)
    hairs = [facets + sign * hair * normals for hair in HAIRS for sign in (1, -1)]
    hairs += [corners * (1 + sign * hair) for hair in HAIRS for sign in (1, -1)]
    beside = cells.physical(generator.permutation(np.concatenate(hairs))[:600])
    around = law.centre + law.half_width * generator.uniform(-1.1, 1.1, (400, law.t))
    return np.concatenate([beside, around, np.clip(around, *law.parameter_bounds), 30 * around[:20]])


def walk(law, graph, point):
    """The ends that a point comes to, and whether it was away from all hyperplanes and within the bounds."""
    A, b, _ = law.halfspaces
    waiting, ends = [0], []
    clear = bool((point >= law.parameter_bounds[0]).all() and (point <= law.parameter_bounds[1]).all())
    while waiting:
        node = waiting.pop()
        if node < 0:
            ends.append(-1 - node)
            continue
        height = A[graph.rows[node]] @ point - b[graph.rows[node]]
        close = abs(height) <= graph.band
        clear = clear and not close
        waiting += graph.children[node].tolist() if close else [int(graph.children[node, int(height > 0)])]
    return ends, clear


def assert_ends(law, points):
    """Check the ends of all points against the scan; return how many were settled at once."""
    graph = decision_graph(law)
    region, margin = scan(*law.halfspaces[:2], starts_of(law), points)
    settled = 0
    for point, own, room in zip(points, region.tolist(), margin.tolist(), strict=True):
        ends, clear = walk(law, graph, point)
        if clear and ends[0] < graph.regions:
            assert (ends, room >= -TOLERANCE) == ([own], True)
            settled += 1
        met = {k for end in ends for k in ([end] if end < graph.regions else graph.lists[end - graph.regions])}
        assert own in met or room < -TOLERANCE
    return settled


@pytest.mark.parametrize("name", LAWS)
def test_ends_are_what_the_scan_says(name, solved, cells):
    law = solved(name)
    assert assert_ends(law, hard_points(law, cells(name), np.random.default_rng(0))) > 100


numbers = st.floats(-1, 1).filter(lambda x: x == 0 or abs(x) > 1e-3)


@settings(max_examples=60)
@given(st.data())
def test_so_they_are_on_random_partitions_with_doubles_overlaps_and_slivers(law_of, data):
    t = data.draw(st.integers(1, 3))
    normals = st.lists(numbers, min_size=t, max_size=t).filter(any)
    drawn = data.draw(st.lists(st.tuples(normals, numbers), min_size=0, max_size=4))
    planes = [(np.array(n) / np.linalg.norm(n), level / 2) for n, level in drawn]
    gap = data.draw(st.sampled_from([1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-3]))
    planes += [(normal, level + gap) for normal, level in planes[:1]]
    cells = [(np.vstack([np.eye(t), -np.eye(t)]), np.ones(2 * t))]
    for normal, level in planes:
        halves = [(np.vstack([A, s * normal]), np.r_[b, s * level]) for A, b in cells for s in (1.0, -1.0)]
        cells = [(A, b) for A, b in halves if Polyhedron(A, b).chebyshev()[0] > 1e-9]
    cells += cells[: data.draw(st.integers(0, 2))]
    shift = data.draw(st.sampled_from([0.0, 1.0, 1e6]))
    law = law_of(cells, centre=np.full(t, shift), half_width=np.geomspace(1, 1e-3, t))
    scaled = np.random.default_rng(0).uniform(-1.1, 1.1, (60, t))
    for normal, level in planes:
        onto = scaled[:5] - np.outer(scaled[:5] @ normal - level, normal)
        scaled = np.concatenate([scaled, *(onto + sign * hair * normal for hair in HAIRS for sign in (1, -1))])
    assert_ends(law, law.centre + law.half_width * scaled)


def test_a_needle_is_found_beyond_its_tip(law_of):
    """Beyond the tip at 0 a point leaves a needle by less than the tolerance, and the box on its other side by more."""
    needle = np.array([[5e-5, 1.0], [5e-5, -1.0], [-1.0, 0.0]]), [0.0, 0.0, 1.0]
    edges = np.r_[np.linspace(-1, 3e-8, 11), np.linspace(3e-8, 1, 11)[1:]]
    strips = [(BOX, [b, -a, 1, -0.1]) for a, b in pairwise(edges)]
    law = law_of([(BOX, [1, -1e-7 - 8e-12, 0.05, 0.05]), needle, *strips])
    assert_ends(law, np.c_[np.linspace(-2e-7, 4e-7, 301), np.zeros(301)])


def test_the_worst_case_is_counted(solved):
    law = solved("chain2m1u_N2")
    graph, sizes = decision_graph(law), np.diff(starts_of(law))
    seen = {0: 0}
    for node in range(len(graph.rows)):
        for child in graph.children[node].tolist():
            assert child > node or child < 0
            seen[child] = max(seen.get(child, 0), seen[node] + 1)
    lengths = {-1 - end: met for end, met in seen.items() if end < 0}
    assert graph.depth == max(lengths.values())
    assert graph.worst(sizes, sizes) == max(
        met + (sizes[end] if end < graph.regions else sizes[list(graph.lists[end - graph.regions])].sum())
        for end, met in lengths.items()
    )
    assert graph.worst(np.zeros_like(sizes), sizes) < law.tree.worst_comparisons


def test_a_region_that_fills_the_bounds_is_the_answer_to_any_question(law_of):
    graph = decision_graph(law_of([(BOX, np.ones(4))]))
    assert graph.children.tolist() == [[-1, -1]]
    assert graph.depth == 1


def test_regions_that_overlap_end_in_a_list(law_of):
    graph = decision_graph(law_of([(BOX, [0.5, 1, 1, 1]), (BOX, [1, 0.5, 1, 1])]))
    assert (0, 1) in graph.lists


def test_rows_that_a_cell_settles_are_not_asked_for():
    A = np.vstack([BOX, BOX])
    b = np.array([0.0, 1, 1, 0.5, 1, 0, 1, 1])
    leaves = Leaves(
        A, b, np.array([0, 4, 8]), np.zeros(1, np.int64), np.array([[-1, -2]], np.int32), np.array([0, 1, 2]),
        np.array([0, 1], np.int32), 1e-8, 5e-12,
    )  # fmt: skip
    starts, rows, apart = open_rows(leaves, 1)
    assert (starts.tolist(), rows.tolist(), apart.tolist()) == ([0, 1, 1], [3], [APART, APART])
    together = leaves._replace(
        children=np.zeros((0, 2), np.int32), rows=np.zeros(0, np.int64), leaf_starts=np.array([0, 2])
    )
    starts, rows, apart = open_rows(together, 0)
    assert (starts.tolist(), rows.tolist(), apart.tolist()) == ([0, 2, 3], [0, 3, 5], [APART])
    overlapping = together._replace(b=np.array([0.5, 1, 1, 0.5, 1, 0, 1, 1]))
    assert open_rows(overlapping, 0)[2].tolist() == [TOGETHER]
