"""Proof: a law checked against its problem by a path of its own: plain numpy and HiGHS, none of the solver's code."""
