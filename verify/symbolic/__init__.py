"""The tables as formulas for z3: bounded search, induction, and readings left open. Engines share nothing but the tables and the step."""

from verify.symbolic.bmc import Bounded, Progress, bmc
from verify.symbolic.induction import Proof, induction
from verify.symbolic.rigid import Combination, any_readings

__all__ = ["Bounded", "Combination", "Progress", "Proof", "any_readings", "bmc", "induction"]
