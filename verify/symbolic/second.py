"""A second opinion: cvc5 answers the same question in SMT-LIB. It comes with the extra `proof`."""

from __future__ import annotations

from verify.symbolic.clock import Clock

NAME = "cvc5"
UNSAT = "unsat"


def second_opinion(text: str, clock: Clock) -> str:
    """UNSAT, or why it is not confirmed that none of the questions has an answer. `text`: SMT-LIB 2.6 with any number of
    ``(check-sat)`` and ``(check-sat-assuming ...)``. Raises GaveUp where the time is up."""
    try:
        import cvc5
    except ImportError:
        return f"not checked by a second solver: {NAME} is not installed (extra `proof`)"
    solver = cvc5.Solver()
    solver.setLogic("QF_BV")
    solver.setOption("incremental", "true")
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "questions")
    symbols, answered = parser.getSymbolManager(), 0
    try:
        while not (command := parser.nextCommand()).isNull():
            clock.tick()
            if clock.limit is not None:
                solver.setOption("tlimit-per", str(max(1, int(1000 * (clock.limit - clock.seconds)))))
            answer = command.invoke(solver, symbols).strip()
            if answer and answer != UNSAT:
                clock.tick()
                return f"{NAME} says {answer}"
            answered += bool(answer)
    except RuntimeError as error:  # what cvc5's parser and solver raise
        return f"{NAME} says {error}"
    clock.tick()
    asked = text.count("(check-sat")
    return UNSAT if answered == asked else f"{NAME} answered {answered} of {asked} questions"
