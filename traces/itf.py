"""A run in the Informal Trace Format of Apalache (ADR-015, apalache-mc.org/docs/adr/015adr-trace.html), which Quint and their viewers
read as well.

Readings are parameters, set in the first state; everything else is a variable of every state. A variable is called as in
`System.describe`, with `_` for what a TLA+ identifier may not have. Values: booleans and numbers as such, other sorts as strings, an
indexed variable as a map from its index, the messages in flight as a bag (a map from each message to how many there are).
An endless run has its loop.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from model.action import Channel
from model.expr import BOOL, Range, Sort
from model.system import Slot, State, System
from traces.ladder import heading
from traces.replay import Run

ADR = "https://apalache-mc.org/docs/adr/015adr-trace.html"


def itf(run: Run) -> str:
    """The run as JSON text; ends in a newline."""
    trace, system = run.trace, run.system
    groups = _groups(system)
    params = [name for name, those in groups.items() if system.slots[those[0]].var.table == "reading"]
    variables = [name for name in groups if name not in params]
    states = [_state(system, groups, [*params, *variables], run.initial, {"index": 0})]
    for number, (one, outcome) in enumerate(zip(trace.steps, run.outcomes, strict=True), 1):
        meta = {"index": number, "action": f"{one.scope} {one.table}: {one.event}".strip(), "rows": list(one.rows)}
        states.append(_state(system, groups, variables, outcome.after, meta | ({} if one.time is None else {"time": str(one.time)})))
    if trace.loop is not None and trace.loop < trace.length:
        states.pop()  # it is the one at which the loop starts
    loop = {} if trace.loop is None else {"loop": trace.loop}
    meta = {"format": "ITF", "format-description": ADR, "source": f"Lockstep, model {trace.digest}", "description": heading(run)[0]}
    return json.dumps({"#meta": meta, "params": params, "vars": variables, "states": states, **loop}, indent=1, ensure_ascii=False) + "\n"


def _groups(system: System) -> dict[str, list[int]]:
    """The positions that each variable's cells have in a state, by its name."""
    found: dict[str, list[int]] = {}
    for at, slot in enumerate(system.slots):
        name = str(slot) if slot.var.index is None and not isinstance(slot.var, Channel) else str(slot).rpartition("[")[0]
        found.setdefault(re.sub(r"\W", "_", name), []).append(at)
    return found


def _state(system: System, groups: dict[str, list[int]], names: list[str], state: State, meta: dict[str, Any]) -> dict[str, Any]:
    return {"#meta": meta, **{name: _value([(system.slots[at], state[at]) for at in groups[name]]) for name in names}}


def _value(cells: list[tuple[Slot, int]]) -> Any:
    var = cells[0][0].var
    if isinstance(var, Channel):
        bag = Counter(code for _, code in cells if code)
        return {"#map": [[{param.name: _plain(param.sort, one) for param, one in zip(var.fields, var.decode(code), strict=True)},
                          _number(count)] for code, count in bag.items()]}
    if var.index is not None:
        return {"#map": [[_plain(var.index, slot.index), _plain(var.sort, code)] for slot, code in cells]}
    return _plain(var.sort, cells[0][1])


def _plain(sort: Sort, code: int) -> Any:
    return bool(code) if sort is BOOL else _number(int(sort.show(code))) if isinstance(sort, Range) else sort.show(code)


def _number(value: int) -> dict[str, str]:
    return {"#bigint": str(value)}
