"""A second opinion: cvc5 answers the same question in SMT-LIB. It comes with the extra `proof`."""

from __future__ import annotations

from verify.symbolic.clock import Clock

NAME = "cvc5"
UNSAT = "unsat"


def second_opinion(text: str, clock: Clock) -> str:
    """UNSAT, or why the question is not confirmed to have no answer. `text`: SMT-LIB 2.6 that ends with ``(check-sat)``."""
    try:
        import cvc5
    except ImportError:
        return f"not checked by a second solver: {NAME} is not installed (extra `proof`)"
    clock.tick()
    solver = cvc5.Solver()
    solver.setLogic("QF_BV")
    if clock.limit is not None:
        solver.setOption("tlimit-per", str(max(1, int(1000 * (clock.limit - clock.seconds)))))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "question")
    symbols, answer = parser.getSymbolManager(), ""
    while True:
        command = parser.nextCommand()
        if command.isNull():
            break
        answer = command.invoke(solver, symbols).strip() or answer
    clock.tick()
    return UNSAT if answer == UNSAT else f"{NAME} says {answer or 'nothing'}"
