"""Every setting stands on its algorithm's page with its default, and what is off by default is said to be."""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from rl import DDPGSettings, DSACTSettings, SACLagrangianSettings, SACSettings, SVGSettings, TD3Settings
from rl.settings import Settings
from rl.soft import SoftSettings

ROOT = Path(__file__).parents[2]
OTHERS = [(DDPGSettings, "ddpg"), (TD3Settings, "td3"), (SVGSettings, "svg"), (SACSettings, "sac")]
OTHERS += [(DSACTSettings, "dsac_t"), (SACLagrangianSettings, "sac_lagrangian")]


def rows(page):
    """Return the names in the first column of all tables of a page."""
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    firsts = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name.strip("` ") for first in firsts for name in first.split(",")}


def test_every_shared_setting_has_a_row():
    assert {field.name for field in fields(Settings)} <= rows("algorithms")


@pytest.mark.parametrize(("settings", "page"), OTHERS)
def test_every_setting_of_its_own_has_a_row(settings, page):
    shared = rows("algorithms") | (rows("sac") if issubclass(settings, SoftSettings) else set())
    assert {field.name for field in fields(settings)} <= rows(page) | shared


def test_what_makes_learning_begin_well_is_off():
    plain = Settings()
    assert (plain.return_steps, plain.prefill, plain.critic_first, plain.exploration) == (1, 0, 0, 0.0)
    assert "is off by default" in (ROOT / "docs" / "algorithms.md").read_text("utf-8")


def test_the_peers_of_the_benchmarks_can_be_installed():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert any(name.startswith("stable-baselines3") for name in extras["peers"])
