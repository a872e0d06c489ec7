"""Control: a plant becomes a linear model, a parametric program and a piecewise affine law."""

from pathlib import Path
from runpy import run_path

__distribution__ = "yann-control"
run_path(str(Path(__file__).parents[1] / "plants" / "ownership.py"))["require_own"]("plants")

from mpc.condense import condense
from mpc.constraints import (
    InputBounds,
    InputPolytope,
    MixedPolytope,
    MoveBounds,
    OutputBounds,
    OutputPolytope,
    StateBounds,
    StatePolytope,
)
from mpc.convert import from_mat, from_state_space
from mpc.costs import CrossWeight, MoveWeight, OutputWeight
from mpc.explicit.certificate import Certificate, CertificateMismatch
from mpc.explicit.errors import FileFormatError, Infeasible, NumericalError, OutsideDomain, ProblemError, Unbounded
from mpc.explicit.law import Location, PiecewiseAffineLaw
from mpc.explicit.limits import Limits
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.polyhedron import Polyhedron
from mpc.explicit.region import CriticalRegion
from mpc.identification import Identification
from mpc.identify import identify
from mpc.model import LinearModel
from mpc.online import ImplicitMPC
from mpc.paper import printed_pendulum, printed_reactor
from mpc.parameters import Disturbance, PreviousInput, Setpoint
from mpc.plan import ControlHorizon, EveryStep, MoveBlocking, Prestabilised
from mpc.prediction import Affine, Prediction
from mpc.problem import MPCProblem
from mpc.progress import print_progress
from mpc.records import Record, records_of
from mpc.regression import InstrumentalVariables, LeastSquares
from mpc.riccati import dlqr
from mpc.rows import Rows
from mpc.sampling import discretise, forward_euler, linearise, sampled_map, zero_order_hold
from mpc.soft import Soft
from mpc.solve import solve_explicit
from mpc.terminal import TerminalOrigin, TerminalSet
from mpc.tightening import Tightened

__all__ = [
    "Affine",
    "Certificate",
    "CertificateMismatch",
    "ControlHorizon",
    "CriticalRegion",
    "CrossWeight",
    "Disturbance",
    "EveryStep",
    "FileFormatError",
    "Identification",
    "ImplicitMPC",
    "Infeasible",
    "InputBounds",
    "InputPolytope",
    "InstrumentalVariables",
    "LeastSquares",
    "Limits",
    "LinearModel",
    "Location",
    "MPCProblem",
    "MixedPolytope",
    "MoveBlocking",
    "MoveBounds",
    "MoveWeight",
    "MultiparametricQP",
    "NumericalError",
    "OutputBounds",
    "OutputPolytope",
    "OutputWeight",
    "OutsideDomain",
    "PiecewiseAffineLaw",
    "Polyhedron",
    "Prediction",
    "Prestabilised",
    "PreviousInput",
    "ProblemError",
    "Record",
    "Rows",
    "Setpoint",
    "Soft",
    "StateBounds",
    "StatePolytope",
    "TerminalOrigin",
    "TerminalSet",
    "Tightened",
    "Unbounded",
    "condense",
    "discretise",
    "dlqr",
    "forward_euler",
    "from_mat",
    "from_state_space",
    "identify",
    "linearise",
    "print_progress",
    "printed_pendulum",
    "printed_reactor",
    "records_of",
    "sampled_map",
    "solve_explicit",
    "zero_order_hold",
]
