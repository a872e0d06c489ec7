"""Filters by name, and their C as it is compiled and run."""

import ctypes
import subprocess

import numpy as np
import pytest

from plants import safety_cstr
from yann import SafetyFilter

STRICT = ["gcc", "-std=c89", "-pedantic", "-Wall", "-Wextra", "-Werror"]


@pytest.fixture(scope="session")
def filters(one_input, two_inputs, make_set):
    """Filters by name: pieces on both sides, on one side, with a sine, and projections."""
    below = make_set([[1.0, 0.5], [-0.3, 1.0]], np.array([[-1.0], [-0.5]]), bounds=2.0)
    sine = make_set([[1.0, 0.2], [-0.8, 0.6], [0.3, 1.0]], np.array([[1.0], [-1.0], [0.7]]), [[0.9, 0.0]], bounds=2.0)
    return {
        "one input": one_input,
        "one side": SafetyFilter(below),
        "sine": SafetyFilter(sine),
        "reactor": SafetyFilter.for_plant(safety_cstr()),
        "two inputs": two_inputs,
    }


@pytest.fixture
def compiled(tmp_path):
    """The library of the C files in the folder and a loop over them."""

    def made(loop, precision, *flags):
        (tmp_path / "loop.c").write_text(loop.replace("REAL", precision.name))
        files = [str(path) for path in tmp_path.glob("*.c") if "selftest" not in path.name]
        library = tmp_path / f"law{len(list(tmp_path.iterdir()))}.so"
        subprocess.run([*STRICT, *flags, "-shared", "-fPIC", *files, "-o", str(library), "-lm"], check=True)
        return ctypes.CDLL(str(library))

    return made


@pytest.fixture
def selftest(tmp_path):
    """Compile a self-test in the folder with all other C in it, and run it."""

    def ran(test, *flags):
        others = [str(path) for path in tmp_path.glob("*.c") if "selftest" not in path.name and path.name != "loop.c"]
        program, source = str(tmp_path / "selftest"), str(tmp_path / f"{test}_selftest.c")
        subprocess.run([*STRICT, *flags, source, *others, "-o", program, "-lm"], check=True)
        return subprocess.run([program], capture_output=True, text=True, check=False)

    return ran
