"""Inversion: the only place where generators, losses and solvers meet. Read `inverter.py` first."""

from tfinvert.inversion.inverter import Glimpse, Inverter
from tfinvert.inversion.recover import Recovery
from tfinvert.inversion.result import Inversion
from tfinvert.inversion.verdict import Recovered, Verdict

__all__ = ["Glimpse", "Inversion", "Inverter", "Recovered", "Recovery", "Verdict"]
