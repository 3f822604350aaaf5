"""Dijkstra's termination detection on a ring of four (or three) nodes, from every initial state.

Source: https://github.com/tlaplus/Examples, specifications/ewd840: EWD840.tla with EWD840_json.cfg (four nodes) and
EWD840.cfg (three), after Dijkstra's EWD 840. Counts: specifications/ewd840/manifest.json.

The place of the token is the table's state. TLC makes one successor for each true alternative of a disjunction in a guard,
even if all lead to the same state; so the reason why the token may move is an argument of the event.

For three nodes the manifest gives 10 levels, which is not what breadth-first search finds: LEVELS_OF_3 is ours. The
examples' own check (.github/scripts/tla_utils.py) leaves the depth out, as TLC with several workers does not always
report the same one (tlaplus issue 883).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from model.action import Event, Set, set_
from model.expr import BOOL, Const, Enum, Expr, Param, Range, Var, ite
from model.system import Instance, Offer, System
from model.table import ANY, STAY, Table, row

DISTINCT, GENERATED, LEVELS = 1566, 15986, 12
DISTINCT_OF_3, GENERATED_OF_3, LEVELS_OF_3 = 302, 2001, 9

COLOURS = Enum("Colour", "white", "black")
WHITE, BLACK = COLOURS.consts()
REASONS = Enum("Reason", "node passive", "node black", "token black")
WHY = Param("why", REASONS)


def ring(size: int) -> Table:
    """The nodes' own work, and the token that finds out whether it is over."""
    nodes = Range("Node", size - 1)
    at = nodes.consts()
    token = Var("ring", "token", COLOURS, BLACK)
    active, colour = Var("ring", "active", BOOL, index=nodes), Var("ring", "colour", COLOURS, index=nodes)
    i, j = Param("i", nodes), Param("j", nodes)
    probe, move = Event("probe", WHY, who="daemon"), Event("pass", WHY, who="daemon")
    message, deactivate = Event("message", i, j, who="network"), Event("deactivate", i, who="daemon")

    def holds(reason: Const, node: Const) -> Expr:
        return {"node passive": ~active[node], "node black": colour[node] == BLACK,
                "token black": token == BLACK}[REASONS.show(reason.code)]

    def stain(node: Const) -> list[Set]:
        return [set_(token, ite(colour[node] == BLACK, BLACK, token)), set_(colour[node], WHITE)]

    lines = [
        row("activate", ANY, message, active[i] & (i != j), [set_(active[j], True), set_(colour[i], ite(j > i, BLACK, colour[i]))],
            STAY, "EWD840.tla, SendMsg"),
        row("deactivate", ANY, deactivate, active[i], [set_(active[i], False)], STAY, "EWD840.tla, Deactivate"),
    ]
    for reason in REASONS.consts():
        name = REASONS.show(reason.code)
        if name != "node passive":
            lines.append(row(f"start a probe, {name}", at[0], probe(why=reason), holds(reason, at[0]),
                             [set_(token, WHITE), set_(colour[at[0]], WHITE)], at[-1], "EWD840.tla, InitiateProbe"))
        lines += [row(f"pass the token, {name}", here, move(why=reason), holds(reason, here), stain(here), at[here.code - 1],
                      "EWD840.tla, PassToken") for here in at[1:]]
    return Table("ring", "Termination detection on a ring", Var("ring", "token at", nodes), (probe, move, message, deactivate),
                 tuple(lines), (token, active, colour), place="world")


def starts(table: Table) -> list[dict[str, int]]:
    """Every activity, colour and place of the token; the token is black (EWD840.tla, Init)."""
    nodes = table.state.sort
    free = ["ring.token at", *(f"ring.{name}[{node}]" for name in ("active", "colour") for node in nodes.values)]
    sizes = [nodes.size, *[2] * (2 * nodes.size)]
    return [dict(zip(free, codes, strict=True)) for codes in product(*(range(size) for size in sizes))]


TABLES = (ring(4),)
TABLES_OF_3 = (ring(3),)


def system(tables: Sequence[Table] = TABLES) -> System:
    """The ring."""
    (table,) = tables
    return System("oracle-ewd840", [Instance("", table)], [Offer("", table, event) for event in table.events],
                  initial=starts(table))
