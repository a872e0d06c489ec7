"""Laws as networks: compiled exactly, then trainable, and verified against the law."""

from pathlib import Path
from runpy import run_path

__distribution__ = "yann-control"
run_path(str(Path(__file__).parents[1] / "plants" / "ownership.py"))["require_own"]("plants", "mpc")

from mpc.explicit.exports import export_json, export_mat
from yann.actor import YannActor
from yann.changes import Changes, changes
from yann.constrained_critic import ConstrainedCritic
from yann.continuous import Continuous
from yann.critic import YannCritic
from yann.errors import NetworkError
from yann.export_c import export_c
from yann.export_onnx import export_onnx
from yann.export_structured_text import export_structured_text
from yann.facet_jump import FacetJump, facet_jump
from yann.filtered_actor import FilteredActor, guarded
from yann.lattice import LatticeNetwork, compile_lattice
from yann.network import FiveLayerNetwork, compile_actor, compile_law
from yann.per_move import PerMove
from yann.residual import AsPrinted, PerRegion, Residual, Shared
from yann.safe_environment import SafeEnvironment, SafeVectorEnvironment
from yann.safety_filter import SafetyFilter
from yann.single_precision import SinglePrecision, single_precision
from yann.trainable_law import TrainableLaw
from yann.verify import Verification, verify

__all__ = [
    "AsPrinted",
    "Changes",
    "ConstrainedCritic",
    "Continuous",
    "FacetJump",
    "FilteredActor",
    "FiveLayerNetwork",
    "LatticeNetwork",
    "NetworkError",
    "PerMove",
    "PerRegion",
    "Residual",
    "SafeEnvironment",
    "SafeVectorEnvironment",
    "SafetyFilter",
    "Shared",
    "SinglePrecision",
    "TrainableLaw",
    "Verification",
    "YannActor",
    "YannCritic",
    "changes",
    "compile_actor",
    "compile_lattice",
    "compile_law",
    "export_c",
    "export_json",
    "export_mat",
    "export_onnx",
    "export_structured_text",
    "facet_jump",
    "guarded",
    "single_precision",
    "verify",
]
