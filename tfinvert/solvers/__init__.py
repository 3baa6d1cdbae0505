"""Solvers move codes down an `Objective` (codes [N, *shape] -> values [N]) and never see an image.

`solver.py` says what a solver is, `first_order.py` holds the gradient methods, `lbfgs.py` the quasi-Newton one;
`levenberg_marquardt.py` and `krylov.py` (for many entries) are for sums of squares; `cma.py` asks for no gradient.
`loop.py` runs any of them with the best iterate kept, `minimise.py` is that loop for an objective of yours, and
`status.py` names how a row can end.
"""

import tfinvert.backend  # noqa: F401
from tfinvert.solvers.cma import CMA
from tfinvert.solvers.first_order import Adam, GradientDescent, RMSprop
from tfinvert.solvers.krylov import GaussNewtonCG
from tfinvert.solvers.lbfgs import LBFGS
from tfinvert.solvers.levenberg_marquardt import LevenbergMarquardt
from tfinvert.solvers.minimise import Minimum, minimise
from tfinvert.solvers.named import solver_of

__all__ = [
    "CMA",
    "LBFGS",
    "Adam",
    "GaussNewtonCG",
    "GradientDescent",
    "LevenbergMarquardt",
    "Minimum",
    "RMSprop",
    "minimise",
    "solver_of",
]
