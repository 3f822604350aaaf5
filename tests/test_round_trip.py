"""From the model to packets and back: every kept run, and simulated ones, written as a capture and audited. What breaks a claim in the
model is `violated` in the frame of its step, and nothing else is; where the two differ, a reason of `traces.audit.counterparts` applies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lockstep.cli import app
from lockstep.jobs import distinct
from model.expr import evaluate
from model.signals import TCP
from model.slices import places_of
from model.timed import system_of
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import CLAIMS, PROPERTIES
from sim.scenario import packaged
from tests.runs import replayed
from tests.test_packets import Seen, check, look, needs_tshark
from traces.audit import audit as auditing
from traces.audit import counterparts, lifetime, order, plaintext, sharing
from traces.audit.counterparts import COUNTERPARTS, NOT_BROKEN, UNSEEN
from traces.audit.verdict import UNDECIDED, VIOLATED, Verdict
from traces.capture import isakmp
from traces.capture.esp import read_keys
from traces.files import read
from traces.names import coded
from traces.packets.story import Frame
from traces.packets.writer import capture
from traces.replay import Run, replay
from verify.step import Disabled, Outcome, StepView, step, stimuli

JUDGED = {one for one in CLAIMS if COUNTERPARTS[one].claim}
EARLY = [CLAIMS[name].violated for name in JUDGED if COUNTERPARTS[name].claim == lifetime.NAME and name != "close-spares-other"]
LONG = "lifetimes"  # half a million seconds: the writer takes seconds for it


@dataclass(frozen=True)
class Breach:
    """A claim of the model breaks in a step, at a place."""

    step: int
    place: str
    claim: str


class Trip:
    """A run, its capture, and what both sides say of it."""

    def __init__(self, run: Run) -> None:
        self.run, self.made = run, capture(run)
        self.frames = self.made.frames
        with TemporaryDirectory() as folder:
            path = Path(folder) / "run.pcapng"
            path.write_bytes(self.made.file)
            found = auditing.audit(path, read_keys(self.made.keys["esp_sa"].splitlines(), "esp_sa"), time_wait=240)
        self.verdicts: dict[str, Verdict] = {one.property: one for one in found.verdicts}

    def arrives(self, frame: Frame) -> int | None:
        """The step in which a frame arrives; None if it is lost or under way at the end."""
        return next((int(found[1]) for text in frame.comments if (found := re.match(r"arrives in step (\d+)", text))), None)

    def of_step(self, number: int) -> list[int]:
        """The frames, from 1 on, that a step makes or takes off the wire."""
        return [at for at, frame in enumerate(self.frames, 1) if number in (frame.step, self.arrives(frame))]

    @cached_property
    def breaches(self) -> list[Breach]:
        """Every step in which a claim with a counterpart breaks, in any slice."""
        trace, claims = self.run.trace, [CLAIMS[name] for name in sorted(JUDGED)]
        system = system_of(trace.slice, trace.readings, trace.bounds, distinct(one for claim in claims for one in claim.monitors))
        state, places = list(system.initial[trace.start]), places_of(trace.slice)
        for place in places:  # what lies before the run has carried segments too
            for gen in ("g0", "g1", "g2"):
                at = system.find(place, "history", f"{gen}-carried-first")
                if at is not None and any(frame.step == 0 and f"ESP {gen} " in frame.words for frame in self.frames):
                    state[at] = 1
        now, found = tuple(state), []
        for number, one in enumerate(trace.steps, 1):
            outcome = step(system, now, coded(system, number, one))
            found += [Breach(number, place, claim.name) for place in places for claim in claims
                      if evaluate(claim.violated, StepView(system, place, outcome))]
            now = outcome.after
        return found

    def steps(self, claim: str) -> set[int]:
        """In which steps the model breaks what answers to a claim of the audit."""
        return {one.step for one in self.breaches if COUNTERPARTS[one.claim].claim == claim}

    # -- the two held against each other --

    def seen(self, breach: Breach) -> bool:
        """Does the audit call it violated in a frame of its step?"""
        verdict = self.verdicts[COUNTERPARTS[breach.claim].claim]
        return verdict.verdict == VIOLATED and bool(set(verdict.frames) & set(self.of_step(breach.step)))

    def unseen(self, one: Breach) -> str | None:
        """Why it can't be seen; None where nothing explains that it was not."""
        claim, here = COUNTERPARTS[one.claim].claim, [self.frames[at - 1] for at in self.of_step(one.step)]
        if claim == plaintext.NAME:
            return counterparts.BARE if not any(frame.segment and frame.segment.text and "PLAIN" in frame.words for frame in here) else None
        if claim != lifetime.NAME:
            return None
        deletes = [frame for frame in here if re.search(r": DEL g\d", frame.words)]
        if not deletes:
            return counterparts.NO_DELETE
        if all("unprotected" in frame.words for frame in deletes):
            return counterparts.IN_CLEAR
        if self.tcp(one) in ("SYN-SENT", "SYN-RECEIVED"):
            return counterparts.UNANSWERED
        before = self.frames[:self.frames.index(deletes[0])]
        if not any(re.search(r"ESP g\d", frame.words) for frame in before):
            return counterparts.UNUSED
        lane, gen = re.search(r"[AB](\.\d)? to .*: DEL (g\d)", deletes[0].words).groups("")
        if not any(re.match(rf"[AB]{re.escape(lane)} to .*ESP {gen} |ESP {gen} ", frame.words) for frame in before):
            return counterparts.IDLE
        same = [at for at, frame in enumerate(before, 1) if re.match(rf"[AB]{re.escape(lane)} to .*: DEL {gen}", frame.words)]
        if set(same) & set(self.verdicts[claim].frames):
            return counterparts.SECOND
        asked, done = ({found[1] for frame in before if (found := re.search(rf"{kind} (g\d)", frame.words))} for kind in ("QM1", "QM3"))
        if asked - done and self.verdicts[claim].verdict == UNDECIDED:
            return counterparts.RENEWING
        over = [frame for frame in before if re.search(rf"to {re.escape(one.place)}: ESP g\d .*(FIN|RST)", frame.words)]
        if any((self.arrives(frame) or one.step + 1) > one.step for frame in over):
            return counterparts.BEHIND
        return None

    def tcp(self, one: Breach) -> str:
        """The state of TCP before the step."""
        outcome = self.run.outcomes[one.step - 1]
        return TCP.sort.show(outcome.before[self.run.system.position(one.place, TCP)])

    def unfounded(self, claim: str, number: int) -> str | None:
        """Why a frame is called violated where the model breaks nothing; None where nothing excuses it."""
        frame, broken = self.frames[number - 1], self.steps(claim)
        if frame.step in broken or self.arrives(frame) in broken:
            return ""
        if claim == order.NAME and any(one.claim == "no-plaintext-out" and one.step == frame.step for one in self.breaches):
            return ""
        if not frame.step and ("PLAIN" in frame.words or claim == sharing.NAME):
            return counterparts.BEFORE
        if re.search(r"forged|an insider's|an impostor's", frame.words):
            return counterparts.ANOTHERS
        if claim == lifetime.NAME and (outcome := self.arrival(frame)) is not None:
            if any("deferred" in firing.row.name for firing in outcome.fired):
                return counterparts.DEFERRED
            if any(evaluate(rule, StepView(self.run.system, self.target(frame), outcome)) for rule in EARLY):
                return counterparts.ON_ITS_WAY
        return None

    def target(self, frame: Frame) -> str:
        """Where a message between the ends leads, as the model names it."""
        return frame.words.partition(" to ")[2].partition(":")[0]

    def arrival(self, frame: Frame) -> Outcome | None:
        """The step that takes a datagram off the wire; where it was lost, or is under way at the end: the one that would have."""
        outcomes, there = self.run.outcomes, self.arrives(frame)
        if there is not None:
            return outcomes[there - 1]
        lost = next((int(found[1]) for text in frame.comments if (found := re.match(r"lost in step (\d+)", text))), None)
        state = outcomes[-1].after if lost is None else outcomes[lost - 1].before
        for stimulus in stimuli(self.run.system, state):
            if stimulus.scope == frame.words.partition(":")[0].replace(" to ", ">") and "lost" not in stimulus.event:
                with suppress(Disabled):
                    outcome = step(self.run.system, state, stimulus)
                    if any(firing.scope == self.target(frame) and firing.row.name.startswith("Delete: ") for firing in outcome.fired):
                        return outcome
        return None


@cache
def trip(name: str) -> Trip:
    return Trip(replayed(name))


def differences(one: Trip) -> Iterator[str]:
    """What nothing of the table explains."""
    for breach in one.breaches:
        if not one.seen(breach) and one.unseen(breach) is None:
            yield f"{breach} is not seen: {one.verdicts[COUNTERPARTS[breach.claim].claim]}"
    for claim, verdict in one.verdicts.items():
        if verdict.verdict == VIOLATED:
            found = [one.unfounded(claim, number) for number in verdict.frames]
            if claim == sharing.NAME:  # the first frame of each connection, of which the later ones break it
                found = [why for why in found if why in ("", counterparts.ANOTHERS)][:1] or [None]
            if None in found:
                yield f"nothing breaks in the model: {verdict}"


def test_every_property_has_a_counterpart_or_a_reason_for_none():
    assert set(COUNTERPARTS) == set(PROPERTIES)
    assert all(one.why for one in COUNTERPARTS.values())
    assert {one.claim for one in COUNTERPARTS.values()} - {""} == {one.NAME for one in auditing.CLAIMS} - {"open-first"}


@pytest.mark.parametrize("name", FINDINGS)
def test_a_kept_run_breaks_in_its_capture_what_it_breaks_in_the_model(name):
    assert list(differences(trip(name))) == []


def explained(one: Trip) -> set[str]:
    """The reasons that a run needs."""
    unseen = (one.unseen(breach) for breach in one.breaches if not one.seen(breach))
    unfounded = (one.unfounded(claim, at) for claim, verdict in one.verdicts.items() if verdict.verdict == VIOLATED
                 for at in verdict.frames)
    return {why for why in (*unseen, *unfounded) if why}


def test_most_breaches_are_seen_and_every_reason_is_needed():
    trips = [trip(name) for name in FINDINGS]
    every = [one.seen(breach) for one in trips for breach in one.breaches]
    assert sum(every) * 2 > len(every) > 0
    needed = {why for one in trips for why in explained(one)}
    assert needed == {*UNSEEN, *NOT_BROKEN} - {counterparts.DEFERRED}  # no kept run puts a Delete off; the simulated ones below do


@pytest.mark.parametrize(("name", "break_it", "says"), [
    ("F-01/plaintext", (plaintext, "findings", lambda case: iter(())), "no-plaintext-out') is not seen"),
    ("F-01/order", (isakmp, "could_delete", lambda size, agreed: "other"), "sa-outlives-connection') is not seen"),
    ("F-03/keep", (lifetime, "state_of", lambda one, info, time_wait: "while it is open"), "nothing breaks in the model"),
    ("F-13/reuse", (sharing, "findings", lambda case: iter(())), "sa-serves-one-connection') is not seen"),
    ("F-24/shared", (order, "bisect_left", lambda *_, **__: 0), ""),  # undecided is no difference
])
def test_an_audit_that_errs_differs(name, break_it, says, monkeypatch):
    assert not list(differences(trip(name)))
    monkeypatch.setattr(*break_it)
    found = list(differences(Trip(replayed(name))))
    assert (says in "\n".join(found)) if says else not found


# -- simulated runs -----------------------------------------------------------------------------------------------------------------------


def simulated(scenario: str, preset: str, seed: int) -> Run:
    with TemporaryDirectory() as folder:
        words = ["simulate", scenario, "--preset", preset, "--seed", str(seed), "--record", "--out", folder, "--json"]
        done = CliRunner().invoke(app, words)
        assert done.exit_code in (0, 1), done.output
        (path,) = Path(folder).glob("*-seed-*.json")
        return replay(read(path))


@needs_tshark
@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.sampled_from([name for name in packaged() if name != LONG]), st.sampled_from(list(PRESETS)), st.integers(0, 10_000))
@example("graceful-shutdown", "repaired", 0)  # B deletes at CLOSED, A puts it off
@example("sa-recovery", "repaired", 0)  # retransmissions in the middle of a quick mode
@example("link-down", "repaired", 0)  # both ends' TCPs give up
def test_a_simulated_run_is_a_capture_in_which_the_same_breaks(scenario, preset, seed):
    one = Trip(simulated(scenario, preset, seed))
    with TemporaryDirectory() as folder:
        check(Seen(one.run, one.made, look(one.made, Path(folder))))
    assert list(differences(one)) == []


def test_a_delete_that_is_put_off():
    assert explained(Trip(simulated("graceful-shutdown", "repaired", 0))) == {counterparts.DEFERRED}
