"""Inversion: the only place where generators, losses and solvers meet. Read `inverter.py` first."""

from tfinvert.inversion.inverter import Inverter
from tfinvert.inversion.result import Inversion

__all__ = ["Inversion", "Inverter"]
