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
from mpc.explicit.exports import export_json, export_mat
from mpc.explicit.law import Location, PiecewiseAffineLaw
from mpc.explicit.limits import Limits
from mpc.explicit.mpqp import MultiparametricQP
from mpc.explicit.polyhedron import Polyhedron
from mpc.explicit.region import CriticalRegion
from mpc.four_tank import four_tank
from mpc.identified.identification import Identification
from mpc.identified.identify import identify
from mpc.identified.records import Record, records_of
from mpc.identified.regression import InstrumentalVariables, LeastSquares
from mpc.linear_cost import LinearCost
from mpc.model import LinearModel
from mpc.nonlinear.cheapest_rest import cheapest_rest
from mpc.nonlinear.fallback import Refuse, RepeatPlan, SolveStatus
from mpc.nonlinear.multistart import MultiStart, SingleStart
from mpc.nonlinear.nonlinear_mpc import NonlinearMPC
from mpc.nonlinear.program import SoftBounds
from mpc.online import ImplicitMPC
from mpc.own_parameters import OwnParameter
from mpc.paper import printed_pendulum, printed_reactor
from mpc.parameters import Disturbance, PreviousInput, Setpoint
from mpc.parametric_polytope import ParametricPolytope
from mpc.plan import ControlHorizon, EveryStep, MoveBlocking, Prestabilised
from mpc.prediction import Affine, Prediction
from mpc.problem import MPCProblem
from mpc.progress import print_progress
from mpc.quadratised import Quadratised, quadratised
from mpc.regulator import regulator_problem
from mpc.riccati import dlqr
from mpc.rows import Rows
from mpc.safety.certificate import SafetyCertificate
from mpc.safety.construct import safe_set
from mpc.safety.errors import NoSafeSet, Unverified
from mpc.safety.heat_settings import NOMINAL, READABLE, ROBUST, StoredHeat
from mpc.safety.linearised import Linearised
from mpc.safety.pendulum import Sector
from mpc.safety.residual_room import ResidualRoom, room_for_residual
from mpc.safety.safe_set import SafeSet
from mpc.sampling import discretise, forward_euler, linearise, sampled_map, zero_order_hold
from mpc.sequence import sequence_law
from mpc.sets.feasibility import Feasibility, feasibility, kept_for_ever
from mpc.sets.feasible import feasible_set, feasible_share
from mpc.sets.invariance import Invariance
from mpc.sets.invariant import EmptySet, maximal_admissible, maximal_control_invariant
from mpc.sets.invariant_set import InvariantSet
from mpc.sets.shares import Share, share_of
from mpc.soft import Soft
from mpc.solve import solve_explicit
from mpc.terminal import TerminalOrigin, TerminalSet
from mpc.tightening import Tightened
from mpc.tracking.controller import Memory, MPCController
from mpc.tracking.estimate import Estimate, KalmanFilter
from mpc.tracking.outside import ClippedTheta, InsideOnly, NearestRegion
from mpc.tracking.sensor import Sensor
from mpc.tracking.unmeasured import with_input_disturbance, with_output_disturbance

__all__ = [
    "NOMINAL",
    "READABLE",
    "ROBUST",
    "Affine",
    "Certificate",
    "CertificateMismatch",
    "ClippedTheta",
    "ControlHorizon",
    "CriticalRegion",
    "CrossWeight",
    "Disturbance",
    "EmptySet",
    "Estimate",
    "EveryStep",
    "Feasibility",
    "FileFormatError",
    "Identification",
    "ImplicitMPC",
    "Infeasible",
    "InputBounds",
    "InputPolytope",
    "InsideOnly",
    "InstrumentalVariables",
    "Invariance",
    "InvariantSet",
    "KalmanFilter",
    "LeastSquares",
    "Limits",
    "LinearCost",
    "LinearModel",
    "Linearised",
    "Location",
    "MPCController",
    "MPCProblem",
    "Memory",
    "MixedPolytope",
    "MoveBlocking",
    "MoveBounds",
    "MoveWeight",
    "MultiStart",
    "MultiparametricQP",
    "NearestRegion",
    "NoSafeSet",
    "NonlinearMPC",
    "NumericalError",
    "OutputBounds",
    "OutputPolytope",
    "OutputWeight",
    "OutsideDomain",
    "OwnParameter",
    "ParametricPolytope",
    "PiecewiseAffineLaw",
    "Polyhedron",
    "Prediction",
    "Prestabilised",
    "PreviousInput",
    "ProblemError",
    "Quadratised",
    "Record",
    "Refuse",
    "RepeatPlan",
    "ResidualRoom",
    "Rows",
    "SafeSet",
    "SafetyCertificate",
    "Sector",
    "Sensor",
    "Setpoint",
    "Share",
    "SingleStart",
    "Soft",
    "SoftBounds",
    "SolveStatus",
    "StateBounds",
    "StatePolytope",
    "StoredHeat",
    "TerminalOrigin",
    "TerminalSet",
    "Tightened",
    "Unbounded",
    "Unverified",
    "cheapest_rest",
    "condense",
    "discretise",
    "dlqr",
    "export_json",
    "export_mat",
    "feasibility",
    "feasible_set",
    "feasible_share",
    "forward_euler",
    "four_tank",
    "from_mat",
    "from_state_space",
    "identify",
    "kept_for_ever",
    "linearise",
    "maximal_admissible",
    "maximal_control_invariant",
    "print_progress",
    "printed_pendulum",
    "printed_reactor",
    "quadratised",
    "records_of",
    "regulator_problem",
    "room_for_residual",
    "safe_set",
    "sampled_map",
    "sequence_law",
    "share_of",
    "solve_explicit",
    "with_input_disturbance",
    "with_output_disturbance",
    "zero_order_hold",
]
