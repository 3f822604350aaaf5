"""``lockstep show``"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lockstep.shell import Json, TraceFile, examples, one_line_errors, print_json

EPILOG = examples("lockstep show out/F-01-plaintext.json", "lockstep show out/F-01-plaintext.json --format python -o test_f01.py",
                  "lockstep show out/F-01-plaintext.json --format pcapng -o f01.pcapng",
                  "WIRESHARK_CONFIG_DIR=f01.keys wireshark f01.pcapng")


class Format(StrEnum):
    """Renderings of a trace."""

    ladder = "ladder"
    diff = "diff"
    json = "json"
    python = "python"
    mermaid = "mermaid"
    pcapng = "pcapng"
    svg = "svg"
    html = "html"
    itf = "itf"
    packetdrill = "packetdrill"


class Cipher(StrEnum):
    """What enciphers ESP and IKE in a capture."""

    aes = "aes"
    triple_des = "3des"


def show(
    trace: TraceFile,
    format_: Annotated[Format, typer.Option("--format", help="How to render it.")] = Format.ladder,
    end: Annotated[str | None, typer.Option("--end", metavar="PLACE", help="With packetdrill: whose TCP; where the claim breaks, if not "
                                            "given.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file instead.")] = None,
    as_json: Json = False,
    ipv6: Annotated[bool, typer.Option("--ipv6", help="pcapng: IPv6 instead of IPv4.")] = False,
    natt: Annotated[bool, typer.Option("--natt", help="pcapng: as behind a NAT, ESP in UDP.")] = False,
    cipher: Annotated[Cipher | None, typer.Option(help="pcapng: the cipher of ESP and IKE; aes if not given.")] = None,
) -> None:
    """Replay a trace and render it.

    As a ladder, as changes of variables, as JSON, as a Python test; as a Mermaid diagram, a picture, or a page that steps through it; as
    packets (pcapng), with the keys beside them in a folder that Wireshark can take as its configuration; for Apalache and Quint (ITF); as
    the skeleton of a packetdrill script for the TCP of one end. Exit status as of lockstep replay.
    """
    with one_line_errors():
        from lockstep import api
        from lockstep.choice import UsageError
        from lockstep.page.build import page
        from traces.diff import diff
        from traces.files import to_text, write
        from traces.itf import itf
        from traces.ladder import ladder
        from traces.mermaid import mermaid
        from traces.packetdrill import packetdrill
        from traces.python import python_test
        from traces.svg import svg

        renderings = {Format.ladder: ladder, Format.diff: diff, Format.mermaid: mermaid, Format.python: python_test,
                      Format.svg: svg, Format.html: page, Format.itf: itf}
        if end is not None and format_ != Format.packetdrill:
            raise UsageError(f"end {end}: only a packetdrill script is about one end; add --format packetdrill")
        if format_ == Format.pcapng:
            written = _packets(trace, output, ipv6, natt, cipher or Cipher.aes)
            if as_json:
                print_json(written)
            else:
                print("{capture}: {frames} frames, {before} of them before the run; keys: {keys}".format_map(written))
            return
        for option, given in (("--ipv6", ipv6), ("--natt", natt), ("--cipher", cipher)):
            if given:
                raise UsageError(f"{option}: a {format_} has no packets; give it with --format pcapng")
        run = api.replay(trace)
        chosen = Format.json if as_json else format_
        if chosen == Format.packetdrill:
            whose = end or run.trace.end or run.system.places[0]
            if whose not in run.system.places:
                raise UsageError(f"end {whose!r}: there is no such place in this run; there are {', '.join(run.system.places)}")
            text = packetdrill(run, whose)
        else:
            text = to_text(run.trace) if chosen == Format.json else renderings[chosen](run)
        if output is not None:
            write(output, text)
        else:
            sys.stdout.write(text)


def _packets(trace: Path, output: Path | None, ipv6: bool, natt: bool, cipher: Cipher) -> dict[str, Any]:
    """Write a capture and its keys; what was written where. Raises UsageError."""
    from lockstep import api
    from lockstep.choice import UsageError
    from traces.files import write
    from traces.packets.story import Options
    from traces.packets.writer import behind_nat, capture

    if output is None:
        raise UsageError("format pcapng: a capture is a binary file with a folder of keys beside it; give -o FILE")
    keys = output.with_suffix(".keys")
    if keys == output:
        raise UsageError(f"output {output}: {keys} is the folder of the keys; give the file another suffix")
    run = api.replay(trace)
    if ipv6 and (natt or behind_nat(run)):
        why = "--natt" if natt else f"{trace} has a NAT (reading natt), and --ipv6"
        raise UsageError(f"{why}: NAT traversal is written for IPv4 only; leave out --ipv6")
    made = capture(run, Options(ipv6, natt, cipher))
    write(output, made.file)
    for name, text in made.keys.items():
        write(keys / name, text)
    return {"capture": str(output), "keys": str(keys), "frames": len(made.frames), "before": sum(not one.step for one in made.frames)}
