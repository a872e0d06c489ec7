"""Double-double arithmetic beside exact fractions, also on a processor that does not multiply and add at once."""

import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mpc.explicit.double_double import add_product, affine, two_sum

SEEDS = st.integers(0, 2**32 - 1)
NUMBERS = st.floats(-1e100, 1e100, allow_subnormal=False)
LEFT = 2.0**-99  # of the sum of all sizes


@given(NUMBERS, NUMBERS)
def test_a_sum_and_what_it_lost_are_exact(a, b):
    total, lost = two_sum(a, b)
    assert total == a + b
    assert Fraction(total) + Fraction(lost) == Fraction(a) + Fraction(b)


@given(NUMBERS, NUMBERS)
def test_what_a_product_lost_is_exact(a, b):
    assume(a == b == 0 or 1e-100 < abs(a * b) < 1e200)
    _, lost = add_product(0.0, 0.0, a, b, 0.0)
    assert Fraction(a * b) + Fraction(lost) == Fraction(a) * Fraction(b)


@given(SEEDS)
def test_long_sums_of_products_that_cancel_keep_their_digits(seed):
    generator = np.random.default_rng(seed)
    a, b = generator.normal(size=(2, 40)) * 10.0 ** generator.integers(-8, 8, (2, 40))
    tail = 1e-17 * b * generator.uniform(-1, 1, 40)
    exact = [Fraction(x) * (Fraction(y) + Fraction(z)) for x, y, z in zip(a, b, tail, strict=True)]
    size = sum(abs(term) for term in exact)
    high, low = float(-sum(exact)), 0.0
    left = Fraction(high) + sum(exact)
    for x, y, z in zip(a, b, tail, strict=True):
        high, low = add_product(high, low, x, y, z)
    assert abs(Fraction(high) + Fraction(low) - left) <= LEFT * size


def test_maps_are_multiplied_as_pairs():
    generator = np.random.default_rng(0)
    slope, maps, offset = generator.normal(size=(5, 3)), generator.normal(size=(3, 4)), generator.normal(size=5)
    pairs = affine(slope, maps, offset)
    for c in range(4):
        for i in range(5):
            exact = sum(Fraction(slope[i, j]) * Fraction(maps[j, c]) for j in range(3))
            exact += Fraction(offset[i]) if c == 0 else 0
            assert pairs.high[c, i] == float(exact)
            assert abs(Fraction(pairs.high[c, i]) + Fraction(pairs.low[c, i]) - exact) <= LEFT


PROBE = """
import numpy as np
from mpc.explicit.double_double import affine
generator = np.random.default_rng(1)
slope, maps, offset = (generator.normal(size=size) for size in ((4, 6), (6, 3), 4))
pairs = affine(slope, maps, offset)
code = "".join(affine.inspect_asm().values())
print(pairs.high.tobytes().hex() + pairs.low.tobytes().hex(), "vfmadd" in code or "vfmsub" in code)
"""


@pytest.mark.skipif(sys.platform == "darwin", reason="its processors all have fused multiplication")
def test_a_processor_without_the_instruction_gives_the_same_bytes(tmp_path):
    def run(folder: str, **processor: str) -> list[str]:
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / folder)} | processor
        command = [sys.executable, "-c", PROBE]
        return subprocess.run(command, check=True, env=environment, capture_output=True, text=True).stdout.split()

    plain = run("plain", NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    assert plain[1] == "False"
    assert plain[0] == run("usual")[0]
