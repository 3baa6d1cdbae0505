"""Solvers move codes down an objective (codes [N, *shape] -> values [N]) and never see an image.

`solver.py` says what a solver is, `first_order.py` holds the gradient methods, `loop.py` runs any of them with
the best iterate kept, `status.py` names how a row can end.
"""

from tfinvert.solvers.first_order import Adam, GradientDescent, RMSprop

__all__ = ["Adam", "GradientDescent", "RMSprop"]
