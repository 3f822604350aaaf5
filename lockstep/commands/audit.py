"""``lockstep audit``"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from lockstep.shell import Json, examples, one_line_errors, print_json, reader_may_go

if TYPE_CHECKING:
    from traces.audit.tracker import Hosts
    from traces.capture.esp import Keys
    from traces.fit.fit import Fit

EPILOG = examples("lockstep audit bgp.pcap", "lockstep audit bgp.pcapng --keys esp_sa --protect 192.0.2.1,192.0.2.2",
                  "lockstep audit bgp.pcap --time-wait 240 --json")
LONGEST_TIME_WAIT = 86_400.0  # seconds


def audit(
    capture: Annotated[Path, typer.Argument(metavar="CAPTURE", help="A pcap or pcapng file, also gzipped.")],
    keys: Annotated[Path | None, typer.Option("--keys", metavar="FILE", help="Keys of ESP SAs, as in Wireshark's esp_sa.")] = None,
    protect: Annotated[list[str] | None, typer.Option("--protect", metavar="A,B", help="Two neighbours that had to be protected; every "
                                                      "pair that speaks BGP where none is named. May be repeated.")] = None,
    time_wait: Annotated[float, typer.Option("--time-wait", metavar="S", help="Seconds of TIME-WAIT: 60 on Linux, 240 by RFC 793.")] = 60.0,
    against: Annotated[bool, typer.Option("--model/--no-model", help="Also match each end with the tables: where it departs from every "
                                          "run, and which readings it is consistent with.")] = True,
    ladder: Annotated[bool, typer.Option("--ladder/--no-ladder", help="Also show who sent what.")] = True,
    as_json: Json = False,
) -> None:
    """Check a packet capture against the draft's claims.

    No plaintext; SAs outlive their connection; one SA carries one connection; SAs come before the SYN; OPEN comes first.
    What the capture can't show is undecided, never satisfied. Then each end is matched with the model's tables. Exit status, by the
    claims: 0 nothing is violated or undecided, 1 something is violated, 2 bad input, 3 something is undecided.
    """
    with one_line_errors(), _bad_input():
        from lockstep.choice import UsageError
        from lockstep.report import AS_EXPECTED, NOT_AS_EXPECTED, NOT_DECIDED
        from lockstep.screen import print_columns
        from traces.audit import audit as judging
        from traces.audit.document import document
        from traces.audit.text import frames_text, hosts_text, ladders, summary
        from traces.audit.verdict import UNDECIDED, VIOLATED
        from traces.fit import text as fit_text
        from traces.fit.fit import fit
        from traces.fit.notes import Notes

        if not 0 <= time_wait <= LONGEST_TIME_WAIT:
            raise UsageError(f"--time-wait {time_wait:g}: seconds from 0 to {LONGEST_TIME_WAIT:g}")
        result = judging.audit(capture, _keys(keys), [_pair(text) for text in protect or []], time_wait,
                               _progress("{:,} packets", quiet=as_json), Notes() if against else None)
        with reader_may_go():
            if as_json:
                print_json(document(result) | ({"model": fit_text.data(fit(result.case))} if against else {}))
            else:
                sys.stdout.write(summary(result) + "\n")
                sys.stdout.flush()
                print_columns(("claim", "verdict", "frames", "reason"), [(one.property, one.verdict, frames_text(one.frames), one.reason)
                                                                         for one in result.verdicts])
                pairs = judging.by_pair(result)
                if len(pairs) > 1:
                    print()
                    print_columns(("neighbours", *(one.property for one in result.verdicts)),
                                  [(hosts_text(pair), *(one.verdict for one in verdicts)) for pair, verdicts in pairs])
                print(f"\nTIME-WAIT {time_wait:g} s; frames are numbered from 1, as in Wireshark")
                if against:
                    _print_fit(fit(result.case, _progress("matching {}")))
                if ladder:
                    sys.stdout.write("\n" + ladders(result))
        words = {one.verdict for one in result.verdicts}
    raise typer.Exit(NOT_AS_EXPECTED if VIOLATED in words else NOT_DECIDED if UNDECIDED in words or result.capture.problem else AS_EXPECTED)


def _print_fit(result: Fit) -> None:
    """What came of the matching, and what it rests on; nothing where there was nothing to match."""
    from lockstep.screen import print_columns
    from model.readings import READINGS
    from traces.fit import text
    from traces.fit.fit import ASSUMED

    if not (result.connections or result.exchanges):
        return
    print("\nagainst the model: what each end sent, and whether some run of the tables sends it")
    print_columns(("end", "layer", "verdict", "frame", "what"), list(text.rows(result)))
    found = list(text.readings(result))
    if found:
        print()
        print_columns(("end", "reading", "consistent with", "excluded"), found)
    print("".join(f"{line}\n" for line in text.combinations(result)), end="")
    print(f"{len(READINGS) - len(result.shown)} of {len(READINGS)} readings: this capture does not show")
    print("\n".join(f"not matched: {one}" for one in result.left_out) + "\n" * bool(result.left_out), end="")
    print("taken for granted: " + "; ".join(ASSUMED))


def _progress(said: str, quiet: bool = False) -> Callable[[object], None]:
    """A line now and then while it takes long; `said`: the line, with a place for how far it is."""
    from lockstep.screen import PLAIN_EVERY

    last = monotonic()

    def tell(far: object) -> None:
        nonlocal last
        if not quiet and monotonic() - last >= PLAIN_EVERY:
            last = monotonic()
            print(f"lockstep: {said.format(far)}", file=sys.stderr)

    return tell


@contextmanager
def _bad_input() -> Iterator[None]:
    from lockstep.choice import UsageError
    from traces.capture.esp import KeysError
    from traces.capture.files import CaptureError

    try:
        yield
    except (CaptureError, KeysError) as error:
        raise UsageError(str(error)) from None


def _pair(text: str) -> Hosts:
    from lockstep.choice import UsageError
    from traces.audit.tracker import hosts

    try:
        one, other = (ip_address(part.strip()).packed for part in text.split(","))
    except ValueError:
        raise UsageError(f"--protect {text!r}: write two addresses with a comma between them, such as 192.0.2.1,192.0.2.2") from None
    return hosts(one, other)


def _keys(path: Path | None) -> list[Keys]:
    from traces.capture.esp import KeysError, read_keys

    if path is None:
        return []
    try:
        return read_keys(path.read_text(encoding="utf-8").splitlines(), str(path))
    except UnicodeDecodeError:
        raise KeysError(f"{path}: no text; give a file of keys as Wireshark's esp_sa is") from None
