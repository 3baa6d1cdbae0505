"""Inversion: the only place where generators, losses and solvers meet. Read `inverter.py` first."""

from tfinvert.inversion.classes import ClassSearch
from tfinvert.inversion.inverter import Glimpse, Inverter
from tfinvert.inversion.recover import Recovery
from tfinvert.inversion.result import Inversion
from tfinvert.inversion.two_step import Beyond, TwoStep
from tfinvert.inversion.verdict import Recovered, Verdict

__all__ = ["Beyond", "ClassSearch", "Glimpse", "Inversion", "Inverter", "Recovered", "Recovery", "TwoStep", "Verdict"]
