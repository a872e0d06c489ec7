"""Policies in C whose last step is a filter: flags, what is wanted, and a self-test that knows the last step."""

import ctypes
import re
import shutil

import numpy as np
import pytest

from yann import FilteredActor, PerRegion, YannActor, export_c
from yann.export_c_form import DOUBLE, FLOAT, HOLD, NEAREST, Backup

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")]

SANITIZED = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
POLICY = """
#include "law.h"
void batch(const REAL *x, REAL *wanted, REAL *u, int *inside, int *safety, int count);
void batch(const REAL *x, REAL *wanted, REAL *u, int *inside, int *safety, int count)
{
    int i, j;
    for (i = 0; i < count; i++) {
        REAL same[LAW_INPUTS];
        for (j = 0; j < LAW_INPUTS; j++) {
            same[j] = u[i * LAW_INPUTS + j];
        }
        law_wanted(x + i * LAW_STATES, wanted + i * LAW_INPUTS);
        inside[i] = law_eval_safety(x + i * LAW_STATES, u + i * LAW_INPUTS, safety + i);
        if (law_eval(x + i * LAW_STATES, same) != inside[i]) {
            inside[i] = -1;
        }
        for (j = 0; j < LAW_INPUTS; j++) {
            if (same[j] < u[i * LAW_INPUTS + j] || same[j] > u[i * LAW_INPUTS + j]) {
                inside[i] = -1;
            }
        }
    }
}
"""


@pytest.fixture
def guarded_pendulum(pendulum, filters, shake):
    return FilteredActor(shake(YannActor.from_law(pendulum, residual=PerRegion(8))), filters["sine"])


@pytest.mark.parametrize("flags", [["-O0"], ["-O3"]])
def test_a_filtered_actor_is_what_python_gives(flags, guarded_pendulum, pendulum, compiled, tmp_path):
    done = export_c(guarded_pendulum, tmp_path)
    random = np.random.default_rng(0)
    x = np.concatenate([random.uniform(-1, 1, (3000, 2)), random.uniform(-4, 4, (1000, 2))])
    wanted, u = np.zeros((4000, 1)), np.zeros((4000, 1))
    inside, safety = np.zeros(4000, np.int32), np.zeros(4000, np.int32)
    arrays = [part.ctypes.data_as(ctypes.c_void_p) for part in (x, wanted, u, inside, safety)]
    compiled(POLICY, DOUBLE, *flags).batch(*arrays, len(x))
    np.testing.assert_allclose(u, guarded_pendulum(x), rtol=0, atol=1e-11)
    np.testing.assert_allclose(wanted, guarded_pendulum.unfiltered.evaluate(x)[0], rtol=0, atol=1e-11)
    np.testing.assert_array_equal(inside, pendulum.locate(x).margin >= -1e-11)
    contained, changed = guarded_pendulum.filter.contains(x), guarded_pendulum.intervenes(x)
    np.testing.assert_array_equal(safety, contained + 2 * changed)
    assert len(np.unique(safety)) == 4
    np.testing.assert_array_equal(changed, (u != wanted)[:, 0])
    assert done.filter is not None
    assert "law_filter.md" in done.data_sheet.read_text()


@pytest.mark.parametrize("precision", [DOUBLE, FLOAT])
@pytest.mark.parametrize("outside", [NEAREST, HOLD, Backup(0.5)])
def test_the_selftest_of_a_filtered_actor_passes(precision, outside, guarded_pendulum, selftest, tmp_path):
    export_c(guarded_pendulum, tmp_path, precision=precision, outside=outside)
    for test in ("law", "law_filter"):
        done = selftest(test, *SANITIZED)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_selftest_finds_a_filter_that_is_not_the_last_step(guarded_pendulum, selftest, tmp_path):
    source = export_c(guarded_pendulum, tmp_path).source
    text = source.read_text()
    assert text.count("(void)law_filter(x, u, u);") == 1
    source.write_text(text.replace("(void)law_filter(x, u, u);", ""))
    assert re.search(r"code \d+", selftest("law", "-O1").stdout)
    source.write_text(text.replace("(void)law_filter(x, u, u);", "(void)law_filter(x, u, u); saturate(u); u[0] /= 2;"))
    assert selftest("law", "-O1").returncode == 1


def test_the_selftest_of_the_policy_finds_another_filter(guarded_pendulum, filters, selftest, tmp_path):
    export_c(guarded_pendulum, tmp_path)
    export_c(filters["one side"], tmp_path)
    assert "code 1" in selftest("law", "-O1").stdout


def test_a_users_own_filter_comes_before_the_proved_one(guarded_pendulum, compiled, tmp_path):
    export_c(guarded_pendulum, tmp_path)
    (tmp_path / "my.h").write_text("#define LAW_FILTER(x, region, inside, u) ((u)[0] = 2)\n")
    x = np.random.default_rng(0).uniform(-1, 1, (500, 2))
    wanted, u, flags = np.zeros((500, 1)), np.zeros((500, 1)), np.zeros((2, 500), np.int32)
    arrays = [part.ctypes.data_as(ctypes.c_void_p) for part in (x, wanted, u, *flags)]
    compiled(POLICY, DOUBLE, "-O2", '-DLAW_FILTER_HEADER="my.h"').batch(*arrays, len(x))
    np.testing.assert_allclose(u, guarded_pendulum.filter(x, np.full((500, 1), 2.0)), rtol=0, atol=1e-11)
    assert (u < 2).sum() > 50


def test_a_state_that_is_not_finite_gets_the_backup_whatever_the_law_does(guarded_pendulum, compiled, tmp_path):
    export_c(guarded_pendulum, tmp_path, outside=HOLD)
    x, u = np.array([[np.nan, 0.0], [0.0, np.inf]]), np.full((2, 1), 1.5)
    wanted, flags = np.zeros((2, 1)), np.full((2, 2), -1, np.int32)
    arrays = [part.ctypes.data_as(ctypes.c_void_p) for part in (x, wanted, u, *flags)]
    compiled(POLICY, DOUBLE, "-O2").batch(*arrays, 2)
    assert u[:, 0].tolist() == [0.0, 0.0]
    assert flags.tolist() == [[0, 0], [2, 2]]
