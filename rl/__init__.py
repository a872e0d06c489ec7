"""Learners: they take any actor and critic, and minimise cost."""

from pathlib import Path
from runpy import run_path

__distribution__ = "yann-control"
run_path(str(Path(__file__).parents[1] / "plants" / "ownership.py"))["require_own"]("plants", "yann")

from rl.agent import Agent, Learner, Losses
from rl.callbacks import Callback, Evaluated, RolledBack, StepTaken, Updated, Violated
from rl.checkpoint import Checkpoints
from rl.cloning import Clones, CloningSettings, cloned
from rl.core import Core, NoCore
from rl.cored_actor import CoredActor
from rl.ddpg import DDPG, DDPGSettings
from rl.dsac_t import DSACT, DSACTSettings
from rl.errors import CheckpointError, Diverged, Interrupted, Refused, TrainingError
from rl.evaluate import Evaluation, evaluate
from rl.gate import Gate, GateDecision
from rl.grid_core import GridCore
from rl.ledger import Ledger
from rl.level_core import LevelCore
from rl.networks import PlainActor, PlainCritic, plain_actor, plain_critic
from rl.replay import Batch, ReplayBuffer
from rl.sac import SAC, SACSettings
from rl.sac_lagrangian import SACLagrangian, SACLagrangianSettings
from rl.settings import Settings
from rl.stability import Stability, stability
from rl.svg import SVG, SVGSettings
from rl.td3 import TD3, TD3Settings
from rl.train import train
from rl.training import Progress, Training, TrainingLog

__all__ = [
    "DDPG",
    "DSACT",
    "SAC",
    "SVG",
    "TD3",
    "Agent",
    "Batch",
    "Callback",
    "CheckpointError",
    "Checkpoints",
    "Clones",
    "CloningSettings",
    "Core",
    "CoredActor",
    "DDPGSettings",
    "DSACTSettings",
    "Diverged",
    "Evaluated",
    "Evaluation",
    "Gate",
    "GateDecision",
    "GridCore",
    "Interrupted",
    "Learner",
    "Ledger",
    "LevelCore",
    "Losses",
    "NoCore",
    "PlainActor",
    "PlainCritic",
    "Progress",
    "Refused",
    "ReplayBuffer",
    "RolledBack",
    "SACLagrangian",
    "SACLagrangianSettings",
    "SACSettings",
    "SVGSettings",
    "Settings",
    "Stability",
    "StepTaken",
    "TD3Settings",
    "Training",
    "TrainingError",
    "TrainingLog",
    "Updated",
    "Violated",
    "cloned",
    "evaluate",
    "plain_actor",
    "plain_critic",
    "stability",
    "train",
]
