"""What docs/findings/ says of the smallest repairs, from kept facts (`docs.finding_facts`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from properties.finding import Finding


def repair(finding: Finding, known: Mapping[str, Any]) -> Iterator[str]:
    """The smallest repairs of a finding."""
    others = [name for name in known["kept"] if name != finding.property]
    yield (f"The fewest readings, changed at both ends, under which `{finding.property}` holds"
           + (f", what else holds here still holds ({listed(others)})" if others else "")
           + f", and no other claim of the slice breaks in fewer steps than here. Bounds: {bounds(known['bounds'])}.")
    if known["untested"]:
        yield (f"Not put to the test at these bounds, by the finding's readings or by preset `repaired`, and not asked to be: "
               f"{listed(known['untested'])}.")
    yield ""
    for one in known["found"]:
        changes = " and ".join(f"`{key}={value}` ({one['sources'][key]}, read so)" for key, value in one["changes"].items())
        yield (f"- A and B: {changes}; holds in {one['states']:,} states, {one['transitions']:,} transitions, searched to the end."
               + (f" A close without faults: {costs(one['cost'], known['base_cost'])}." if one["cost"] else ""))
    if known["found"]:
        yield "- " + ("These are all of this size; there is none with fewer changes." if known["complete"]
                                                          else "None has fewer changes; there may be others with as many.")
    elif known["hopeless"]:
        yield (f"**No combination of readings keeps `{finding.property}`.** Whatever both ends read alike, one of the runs that were found "
               "breaks it.")
    elif known["nothing"]:
        yield (f"**No combination of readings is a repair.** Whatever both ends read alike, one of {known['conflicts']} known runs breaks "
               f"`{finding.property}`, or another claim that held or that broke later.")
    else:
        why = known["undecided"] or (f"under {known['vacuous']} candidates what a claim speaks of does not happen any more at these "
                                     "bounds, and nothing else is a repair")
        yield f"**Not decided**: {why}. No repair has fewer than {known['at_least']} changes."
    if known["whole"] is not None:
        yield from ("", *by_rules(finding, known))


def by_rules(finding: Finding, known: Mapping[str, Any]) -> Iterator[str]:
    """What the rules of preset `repaired` do for it, together and each alone."""
    at = "" if known["rule_bounds"] == known["bounds"] else f", at bounds {bounds(known['rule_bounds'])}"

    def does(one: Mapping[str, Any]) -> str:
        if one["why"]:
            return f"undecided ({one['why']})"
        if one["keeps"]:
            return f"does, but makes {listed(one['worse'])} worse" if one["worse"] else "does"
        return "does not"

    alone = [f"{one['rule']} {does(one)}" for one in known["rules"] if one["keeps"] or one["why"]]
    rest = "" if len(alone) == len(known["rules"]) else "; no other does" if alone else "none does"
    yield (f"Does it keep `{finding.property}`? Preset `repaired`, all its rules over the readings here: {does(known['whole'])}. "
           f"Of its rules each by itself: {'; '.join(alone)}{rest}{at}.")


def costs(one: Mapping[str, Any], base: Mapping[str, Any] | None) -> str:
    """What a close costs, against what it costs here."""
    messages = one["segments"] + one["datagrams"]
    before = "" if base is None else f" ({messages - base['segments'] - base['datagrams']:+d})"
    how = "" if one["graceful"] else ", by user timeout only"
    return f"{messages} messages{before}, {one['steps']} steps{how}, {one['left']} halves of an SA left"


def shortly(known: Mapping[str, Any]) -> str:
    """The smallest repair in a cell of the index."""
    if not known["found"]:
        return "none" if known["nothing"] else "not decided"
    first, more = known["found"][0]["changes"], len(known["found"]) - 1
    said = ", ".join(f"`{key}={value}`" for key, value in first.items()) if len(first) < 3 else f"{len(first)} changes"
    return said + (f", or {more} other{'s' if more > 1 else ''}" if more else "")


def bounds(known: Mapping[str, int]) -> str:
    return ", ".join(f"{key} {value}" for key, value in known.items())


def listed(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
