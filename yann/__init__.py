"""Laws as networks: compiled exactly, then trainable, and verified against the law."""

from pathlib import Path
from runpy import run_path

__distribution__ = "yann-control"
run_path(str(Path(__file__).parents[1] / "plants" / "ownership.py"))["require_own"]("plants", "mpc")

from yann.actor import YannActor
from yann.changes import Changes, changes
from yann.constrained_critic import ConstrainedCritic
from yann.critic import YannCritic
from yann.errors import NetworkError
from yann.network import FiveLayerNetwork, compile_actor, compile_law
from yann.residual import AsPrinted, PerRegion, Residual, Shared
from yann.verify import Verification, verify

__all__ = [
    "AsPrinted",
    "Changes",
    "ConstrainedCritic",
    "FiveLayerNetwork",
    "NetworkError",
    "PerRegion",
    "Residual",
    "Shared",
    "Verification",
    "YannActor",
    "YannCritic",
    "changes",
    "compile_actor",
    "compile_law",
    "verify",
]
