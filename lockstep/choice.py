"""What a user names, checked: from a preset and overrides to a value for every reading; the claims of a slice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from model.expr import Var, walk
from model.readings import READINGS, impossible
from model.slices import SLICES, slice_names
from model.system import ENDS
from properties.presets import PRESETS, Preset
from properties.registry import CLAIMS, RESPONSES, claims_of


class UsageError(Exception):
    """The caller asked for something that does not exist. One line: what, the value, what to do."""


def preset_of(name: str) -> Preset:
    """The preset of that name. Raises UsageError."""
    if name not in PRESETS:
        raise UsageError(f"preset {name!r}: there is no such preset; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def parse(texts: Iterable[str]) -> dict[str, str]:
    """Overrides as written on the command line, ``[A:|B:]KEY=VALUE``, for both ends where none is named. Raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        end, colon, key = name.rpartition(":")
        if not equals or not key:
            raise UsageError(f"reading {text!r}: write KEY=VALUE, A:KEY=VALUE or B:KEY=VALUE")
        if key not in READINGS:
            raise UsageError(f"reading {key!r}: there is no such reading; there are {', '.join(READINGS)}")
        if value not in READINGS[key].values:
            raise UsageError(f"reading {key}: no value {value!r}; it has {', '.join(READINGS[key].values)}")
        if READINGS[key].scope != "endpoint":
            if colon:
                raise UsageError(f"reading {name!r}: {key} belongs to the {READINGS[key].scope}, not to an end; write {key}={value}")
            found[key] = value
        elif colon and end not in ENDS:
            raise UsageError(f"reading {name!r}: no end {end!r}; write A:{key} or B:{key}")
        else:
            found |= {f"{one}:{key}": value for one in ((end,) if colon else ENDS)}
    return found


def readings(preset: str, overrides: Mapping[str, str]) -> dict[str, str]:
    """A value for every reading, as `model.slices.build` wants them. Raises UsageError."""
    chosen: dict[str, str] = {}
    base = preset_of(preset)
    for key, one in READINGS.items():
        for name in [f"{end}:{key}" for end in ENDS] if one.scope == "endpoint" else [key]:
            chosen[name] = overrides.get(name, base.value(key))
    unknown = set(overrides) - set(chosen)
    if unknown:
        raise UsageError(f"reading {sorted(unknown)[0]!r}: there is no such reading")
    return chosen


def catalogue() -> list[dict[str, str]]:
    """Every reading, in words: whose choice it is, its values, what each preset gives it, what it is about, its source."""
    return [{"reading": one.key, "of": one.scope, "values": ", ".join(one.values),
             **{name: preset.value(one.key) for name, preset in PRESETS.items()}, "about": one.about, "source": one.source}
            for one in READINGS.values()]


def claims_asked(slice_name: str, properties: Collection[str]) -> tuple[str, ...]:
    """The claims registered with a slice, or those of them that are named. Raises UsageError for a slice without claims, and for a name
    that is none of its claims."""
    if slice_name not in SLICES:
        without = " with claims" if slice_name in slice_names() else ""
        raise UsageError(f"slice {slice_name!r}: there is no such slice{without}; there are {', '.join(SLICES)}")
    registered = tuple(claim.name for claim in claims_of(slice_name))
    for name in properties:
        if name in RESPONSES:
            raise UsageError(f"property {name}: only lockstep verify judges endless runs; name a claim")
        if name not in CLAIMS:
            raise UsageError(f"property {name!r}: there is no such property; there are {', '.join(CLAIMS)}")
        if name not in registered:
            raise UsageError(f"property {name!r}: not registered with slice {slice_name}; there are {', '.join(registered)}")
    return tuple(name for name in registered if not properties or name in properties)


def check_read(slice_name: str, names: Iterable[str], read: Collection[str]) -> None:
    """Raises UsageError where a reading named ("A:key" or "key") is not among those that rows of the slice read."""
    unread = sorted(set(names) - set(read))
    if unread:
        raise UsageError(f"reading {unread[0]!r}: no row of slice {slice_name} reads it, so it would change nothing; leave it out")


def check_possible(slice_name: str, chosen: Mapping[str, str]) -> None:
    """Raises UsageError where the slice cannot start under these readings (a value for every one)."""
    one = impossible(slice_name, chosen)
    if one is not None:
        keys = dict.fromkeys(node.name for node in walk(one.when) if isinstance(node, Var))
        said = " ".join(f"{name}={chosen[name]}" for key in keys for name in (f"A:{key}", f"B:{key}", key) if name in chosen)
        raise UsageError(f"readings {said}: slice {slice_name} cannot start under them: {one.reason} ({one.source}); change one of them")
