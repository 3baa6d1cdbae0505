"""Inversion: the only place where generators, losses and solvers meet. Read `inverter.py` first."""

from tfinvert.inversion.classes import ClassSearch
from tfinvert.inversion.inverter import Inverter
from tfinvert.inversion.recover import Recovery
from tfinvert.inversion.result import Inversion
from tfinvert.inversion.serving import servable
from tfinvert.inversion.two_step import TwoStep, TwoStepInversion
from tfinvert.inversion.verdict import Recovered, Verdict
from tfinvert.inversion.watching import Snapshot

__all__ = [
    "ClassSearch",
    "Inversion",
    "Inverter",
    "Recovered",
    "Recovery",
    "Snapshot",
    "TwoStep",
    "TwoStepInversion",
    "Verdict",
    "servable",
]
