"""Sets of states: feasible, invariant, and what may be claimed of a problem."""
