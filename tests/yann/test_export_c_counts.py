"""Exported C that counts: the rows of half-spaces and the calls of tanh that its states really take."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from yann import Continuous, PerRegion, Shared, TrainableLaw, YannActor
from yann.export_c import export_c
from yann.probes import probe

GCC = shutil.which("gcc") or "gcc"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")]

COUNTERS = """
#include <math.h>
static long rows = 0, calls = 0;
static double counted_tanh(double x) { calls++; return tanh(x); }
"""
LOOP = """
void batch(const double *x, long *taken, long *asked, int count)
{
    double u[M];
    int i;
    for (i = 0; i < count; i++) {
        rows = calls = 0;
        law_eval(x + i * T, u);
        taken[i] = rows;
        asked[i] = calls;
    }
}
"""


@pytest.fixture
def count(tmp_path):
    """Compile the C with counters, and return for points (n, t) the rows and the calls of tanh (n,)."""

    def counted(points):
        text = (tmp_path / "law.c").read_text()
        for found, instead in (("return a[0] *", "return 0 * rows++ + a[0] *"), ("level = ", "level = 0 * rows++ + ")):
            assert found in text
            text = text.replace(found, instead)
        (tmp_path / "counted.c").write_text(COUNTERS + text.replace("tanh(", "counted_tanh(") + LOOP)
        library = tmp_path / "counted.so"
        subprocess.run([GCC, "-shared", "-fPIC", str(tmp_path / "counted.c"), "-o", str(library), "-lm"], check=True)
        points = np.ascontiguousarray(points, np.float64)
        rows, calls = np.zeros(len(points), np.int64), np.zeros(len(points), np.int64)
        arrays = [array.ctypes.data_as(ctypes.c_void_p) for array in (points, rows, calls)]
        ctypes.CDLL(str(library)).batch(*arrays, len(points))
        return rows, calls

    return counted


@pytest.mark.parametrize("name", ["pendulum", "two inputs"])
@pytest.mark.parametrize(
    ("residual", "bound"),
    [
        (None, None),
        (PerRegion(8), None),
        (Shared(8), 0.5),
        (Continuous(TrainableLaw()), None),
        (Continuous(TrainableLaw(Continuous(Shared(8)))), 0.5),
    ],
)
def test_no_state_takes_more_than_the_data_sheet_states(name, residual, bound, laws, shake, count, tmp_path):
    law = laws[name]
    policy = law if residual is None else shake(YannActor.from_law(law, residual=residual, bound=bound))
    sheet = export_c(policy, tmp_path).sheet
    points = probe(law, 2000, np.random.default_rng(0)).points
    rows, calls = count(points["random"])
    assert 0 < rows.max() <= sheet.comparisons
    assert (calls == sheet.tanh_calls).all()
    rows, calls = count(np.concatenate(list(points.values())))
    assert sheet.comparisons < rows.max() <= sheet.comparisons_anywhere
    assert calls.max() <= sheet.tanh_calls
