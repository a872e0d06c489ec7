"""Hypothesis profiles: `dev` (the default), `ci` (the same examples every time), `thorough` (many)."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Small networks are slower, not faster, on several threads; both names must stand before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("thorough", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dev")

CHECKED = ("plants", "mpc", "yann", "rl", "studies")
"""The folders whose quick tests run with shapes checked; all other tests run documents and programs as a user does."""


def pytest_collection_modifyitems(items):
    """Mark as slow what is not to be run with shapes checked."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] not in CHECKED:
            item.add_marker(pytest.mark.slow)
