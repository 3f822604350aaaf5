"""``lockstep numbers``"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from lockstep.shell import Json, examples, one_line_errors, print_json, reader_may_go

if TYPE_CHECKING:
    from verify.numbers import Verdict

EPILOG = examples("lockstep numbers", "lockstep numbers keys", "lockstep numbers esn-under-aes",
                  "lockstep numbers mtu --suite aes-cbc --mode tunnel --size 512")
MTU, ETHERNET = "mtu", 1500


def numbers(
    name: Annotated[str | None, typer.Argument(metavar="[TOPIC|FIGURE]", help="A topic (keys, suites, replay, mtu, times, integrity, "
                                               "counter-mode) or one figure; what the draft states of all if none is given.")] = None,
    suite: Annotated[str | None, typer.Option(help="With mtu: the packet under null, des-cbc, 3des-cbc, aes-cbc or aes-ctr.")] = None,
    mode: Annotated[str | None, typer.Option(help="With mtu: transport, tunnel, transport-udp or tunnel-udp.")] = None,
    size: Annotated[int | None, typer.Option(help="With mtu: octets of TCP data.")] = None,
    path_mtu: Annotated[int | None, typer.Option(help="With mtu: octets; 1500 if not given.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that one figure may take.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Compute the draft's figures again, and let z3 judge both: agree, disagree with an example, or not stated by the draft.

    Exit status: 0 everything was decided (that the draft is wrong is no error), 2 bad input, 3 something is undecided or interrupted,
    4 z3 refutes a computed figure.
    """
    with one_line_errors():
        from rich.console import Console

        from lockstep import numbers as engine
        from lockstep.api import check_limits
        from lockstep.choice import UsageError
        from lockstep.jobs import Limits

        options = {"--suite": suite, "--mode": mode, "--size": size, "--path-mtu": path_mtu}
        given = [option for option, value in options.items() if value is not None]
        if given and name != MTU:
            raise UsageError(f"{given[0]}: this goes with the topic {MTU} only; write lockstep numbers {MTU} {' '.join(given)} ...")
        if given:
            show_packet(suite or "aes-cbc", mode or "transport", size or 0, ETHERNET if path_mtu is None else path_mtu, as_json)
            return
        check_limits(Limits(timeout=timeout))
        figures = engine.chosen(name)
        verdicts = []
        with suppress(KeyboardInterrupt), Console(stderr=True).status("") as status:  # a terminal's only
            for verdict in engine.judged(figures, timeout):
                verdicts.append(verdict)
                status.update(f"{len(verdicts)} of {len(figures)} figures")
    with reader_may_go():
        if as_json:
            print_json(engine.to_document(verdicts))
        elif verdicts and name == verdicts[0].figure.name:
            show_one(verdicts[0])
        else:
            show(verdicts, everything=name is not None)
            if len(verdicts) < len(figures):
                print(f"interrupted: {len(figures) - len(verdicts)} figures were not looked at")
    raise typer.Exit(engine.exit_status(figures, verdicts))


def show(verdicts: Sequence[Verdict], everything: bool) -> None:
    """One row a figure, and how many there are of each verdict; what the draft does not state only where `everything` is asked for."""
    from lockstep import numbers as engine
    from lockstep.screen import print_columns
    from verify.numbers import NOT_STATED, TOPICS

    print_columns(engine.COLUMNS, [engine.cells(one) for one in verdicts if everything or one.word != NOT_STATED])
    print(engine.counted(verdicts))
    if not everything:
        print(f"what the draft does not state: lockstep numbers TOPIC, with {', '.join(TOPICS)}")


def show_one(verdict: Verdict) -> None:
    """Everything about one figure."""
    from verify.numbers import DISAGREE, shown, shown_example

    figure = verdict.figure
    example = "breaks the draft's" if verdict.word == DISAGREE else "example"
    lines = (("figure", f"{figure.name}, topic {figure.topic}"), ("draft", f"{figure.section} {figure.lines}: {figure.says}"),
             ("stated", shown(figure.stated)), ("computed", shown(figure.computed, figure.unit)), ("by", figure.formula),
             ("source", figure.source), ("assumption", figure.assumption), ("verdict", verdict.word),
             (example, shown_example(verdict.example)), ("why", verdict.reason),
             ("bears on", ", ".join((*figure.requirements, *figure.findings))))
    for name, text in lines:
        if text:
            print(f"{name + ':':20}{text}")


def show_packet(suite: str, mode: str, size: int, path_mtu: int, as_json: bool) -> None:
    """One packet, part by part, and what the path MTU leaves for data."""
    from lockstep import numbers as engine
    from lockstep.screen import print_columns

    packet, most = engine.packet(suite, mode, size), engine.most_data(suite, mode, path_mtu)
    parts = vars(packet)
    if as_json:
        print_json({"suite": suite, "mode": mode, "parts": dict(parts), "encrypted": packet.encrypted, "packet": packet.packet,
                    "overhead": packet.overhead, "path_mtu": path_mtu, "most_data": most})
        return
    names = {"ip": "IP", "udp": "UDP", "esp": "ESP header", "iv": "IV", "inner_ip": "inner IP", "tcp": "TCP", "data": "data",
             "padding": "padding", "trailer": "pad length, next header", "icv": "ICV"}
    rows = [(names[name], str(value)) for name, value in parts.items() if value or name == "data"]
    print_columns(("part", "octets"), [*rows, ("packet", str(packet.packet)), ("IPsec adds", str(packet.overhead))], f"{suite}, {mode}")
    fits = "no TCP segment fits" if most is None else f"at most {most} octets of TCP data fit"
    print(f"path MTU {path_mtu}: {fits}; HMAC-SHA1-96, IPv4, no options")
