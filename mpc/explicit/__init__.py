"""Parametric programming: multiparametric quadratic programs and their piecewise-affine laws.

A solver of its own: it knows no plant, no horizon and no network.
"""
