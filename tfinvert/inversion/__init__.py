"""Inversion: the only place where generators, losses and solvers meet. Read `inverter.py` first."""

from tfinvert.inversion.inverter import Glimpse, Inverter
from tfinvert.inversion.recover import Recovered, Recovery, Verdict
from tfinvert.inversion.result import Inversion

__all__ = ["Glimpse", "Inversion", "Inverter", "Recovered", "Recovery", "Verdict"]
