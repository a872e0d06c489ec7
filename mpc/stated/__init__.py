"""MPC problems written out for cvxpy, from their definitions alone."""
