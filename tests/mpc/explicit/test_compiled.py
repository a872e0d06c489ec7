"""Compiled kernels: every one carries the stamp of all kernels' sources, so that a change in any of them is noticed."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import NumbaError

from mpc import explicit
from mpc.explicit.compiled import STAMP, compiled, inlined, lean
from mpc.explicit.least_distance import nearest, workspace

FOLDER = Path(explicit.__file__).parent
MARKS = ("@compiled\n", "@lean\n", "@inlined\n")
KERNELS = sorted(p.stem for p in FOLDER.glob("*.py") if any(mark in p.read_text(encoding="utf-8") for mark in MARKS))


def dispatchers() -> dict[str, object]:
    """Every compiled function of the package, by its full name."""
    found = {}
    for module in KERNELS:
        for value in vars(importlib.import_module(f"mpc.explicit.{module}")).values():
            if hasattr(value, "py_func"):
                found[f"{value.py_func.__module__}.{value.py_func.__name__}"] = value
    return found


def test_every_kernel_carries_the_stamp_and_leaves_the_lock():
    found = dispatchers()
    assert {"mpc.explicit.kernels.expand", "mpc.explicit.least_distance.nearest"} <= set(found)
    assert len(found) > 20
    for name, dispatcher in found.items():
        assert dispatcher._cache._cache_file._source_stamp == STAMP, name
        assert dispatcher.targetoptions["nogil"], name
        assert dispatcher.targetoptions["error_model"] == "numpy", name


def plain(x):
    return x[0] + 1


def allocating(x):
    return (x + np.ones(1))[0]


def test_only_what_is_called_in_inner_loops_is_inlined():
    inline = [mark(plain).targetoptions.get("forceinline", False) for mark in (compiled, lean, inlined)]
    assert inline == [False, False, True]


@pytest.mark.parametrize("mark", [lean, inlined])
def test_what_counts_no_references_may_not_allocate(mark):
    with pytest.raises(NumbaError, match=r"NRT required|Only accept returning of array"):
        mark(allocating)(np.ones(1))


def test_no_array_is_kept_by_a_kernel_that_counts_no_references():
    A, b, order, work = np.eye(2), np.ones(2), np.arange(2), workspace(2)
    held = [sys.getrefcount(array) for array in (A, b, order, *work)]
    for _ in range(50):
        nearest(A, b, order, 2, 0.0, 1, 1.5, np.inf, work)
    assert [sys.getrefcount(array) for array in (A, b, order, *work)] == held


PROBE = """
import sys
import numba
from probe.compiled import STAMP
from probe.outer import outer
print(STAMP, outer(1.0), sum(outer.stats.cache_hits.values()))
"""
INNER = """
from probe.compiled import compiled, inlined

@inlined
def inner(x):
    return x + {}

@compiled
def idle(x):
    return x
"""
OUTER = """
from probe.compiled import compiled
from probe.inner import inner

@compiled
def outer(x):
    return inner(x)
"""


@pytest.fixture
def run(tmp_path):
    """Run a small package with the same compile module in a fresh process; return stamp, result and cache hits."""
    package = tmp_path / "probe"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(FOLDER / "compiled.py", package)
    (package / "outer.py").write_text(OUTER, encoding="utf-8")

    def once(added: float) -> tuple[str, float, int]:
        (package / "inner.py").write_text(INNER.format(added), encoding="utf-8")
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        done = subprocess.run(
            [sys.executable, "-c", PROBE], check=True, env=environment, capture_output=True, text=True
        )
        stamp, result, hits = done.stdout.split()
        return stamp, float(result), int(hits)

    return once


def test_a_change_in_another_file_is_noticed_and_no_change_costs_nothing(run):
    first, again, changed = run(1.0), run(1.0), run(2.0)
    assert [result for _, result, _ in (first, again, changed)] == [2, 2, 3]
    assert [hits for *_, hits in (first, again, changed)] == [0, 1, 0]
    assert first[0] == again[0] != changed[0]
