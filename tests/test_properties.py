"""Claims, presets and findings: what they name exists, what they say follows, and each claim can break."""

from __future__ import annotations

import re
from itertools import product
from typing import ClassVar

import pytest

from lockstep.choice import readings
from model.channels import SEGMENTS
from model.expr import Expr, Fired, Sent, evaluate, walk
from model.readings import READINGS
from model.slices import SLICES, TABLES, bounds_of, build, places_of
from properties.endings import STUCK
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import CLAIMS, claims_of, in_runs, to_depth
from verify.query import Query
from verify.search import search
from verify.step import Firing, Message, Outcome, StepView

PLACE = re.compile(r"draft \d(\.\d+)? l\.\d+|RFC \d{3,4} \d")


def expressions():
    for claim in CLAIMS.values():
        yield claim.name, claim.violated
        yield claim.name, claim.antecedent
        yield from ((claim.name, part) for monitor in claim.monitors for part in (monitor.when, monitor.until))
    yield from ((finding.name, finding.when) for finding in FINDINGS.values())
    yield from ((finding.name, finding.cause.when) for finding in FINDINGS.values())


def strangers(expr: Expr) -> list[str]:
    """Rows and channels that an expression names and no table has: it would never be true."""
    wrong = []
    for one in walk(expr):
        if isinstance(one, Fired):
            rows = {row.name for row in TABLES[one.table].rows} if one.table in TABLES else set()
            wrong += [f"{one.table}: {name}" for name in one.rows if name not in rows]
        if isinstance(one, Sent) and one.channel not in ("segments", "datagrams"):
            wrong.append(one.channel)
    return wrong


def test_every_row_a_claim_or_finding_names_is_in_its_table():
    assert {name: wrong for name, expr in expressions() if (wrong := strangers(expr))} == {}
    assert sum(isinstance(one, Fired) for _, expr in expressions() for one in walk(expr)) > 20


def test_a_row_that_no_table_has_is_seen():
    assert strangers(Fired("tcp", "SYN", "no such row")) == ["tcp: no such row"]
    assert strangers(Fired("ospf", "SYN") & ~Fired("tcp", "SYN")) == ["ospf: SYN"]


def test_claims_say_what_they_are():
    for claim in CLAIMS.values():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", claim.name)
        assert claim.sentence[0].isupper() and claim.sentence.endswith(".") and "\n" not in claim.sentence
        assert PLACE.search(claim.source), claim.name
        assert claim.requirements or "draft" not in claim.source, claim.name
        assert all(re.fullmatch(r"W-\d(\.\d+)?-\d+", one) for one in claim.requirements), claim.name
    assert {claim.name for name in SLICES for claim in claims_of(name)} == set(CLAIMS)


def test_verdicts_claim_no_more_than_was_done():
    assert (to_depth(7), in_runs(100)) == ("no violation to depth 7", "no violation in 100 runs")


# Presets ------------------------------------------------------------------------------------------------------------------------------

# DESIGN's list of the draft's values, key by key.
DRAFT = """del_trigger=bgp_idle passive_del=keep after_del=bypass clock_start=tw confirm=any_del unmarked_del=ignore bind=single
p1_cascade=continuous p1_delete=last_bgp_session p1_count=bgp_only del_order=p1_first del_pair=both rekey_by=both redundant=keep
commit=off preinstall=on ic=on session_id=ordered hold=on gr=off listener_rule=none port=179 qm_port=exact md5=off check_at=bgp
ext_gw=off natt=off icmp_policy=ignore"""


def test_the_draft_preset_is_the_designs():
    wanted = dict(one.split("=") for one in DRAFT.split())
    assert {key: PRESETS["draft"].value(key) for key in wanted} == wanted


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_preset_chooses_every_reading_and_says_why(preset):
    assert set(preset.choices) == set(READINGS)
    for key, choice in preset.choices.items():
        assert choice.value in READINGS[key].values, key
        assert choice.source.startswith("silent") or PLACE.search(choice.source) or re.match(r"R-[a-z][:,]", choice.source), key


def test_repaired_changes_only_what_a_rule_asks_for():
    draft, repaired = PRESETS["draft"], PRESETS["repaired"]
    changed = {key for key in READINGS if draft.value(key) != repaired.value(key)}
    assert changed == {key for key, choice in repaired.choices.items() if re.match(r"R-[a-z][:,]", choice.source)}
    assert changed


# Findings -----------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("finding", FINDINGS.values(), ids=FINDINGS)
def test_a_finding_names_what_exists(finding):
    assert finding.slice in finding.claim.slices and finding.preset in PRESETS and finding.pilot > 0
    assert PLACE.search(finding.source) or finding.source.startswith("silent")
    assert set(bounds_of(finding.slice, finding.bounds)) == {"losses", "copies", "attacks", "segments", "datagrams"}
    ends = {name.partition(":")[0] for name in finding.readings if READINGS[name.rpartition(":")[2]].scope == "endpoint"}
    assert ends <= {"A", "B"}
    system = build(finding.slice, readings(finding.preset, finding.readings), bounds=finding.bounds, monitors=finding.monitors)
    assert {name.rpartition(":")[2] for name in finding.readings} <= {name.rpartition(":")[2] for name in system.readings_read}


def test_findings_have_files_of_their_own():
    names = [re.sub(r"[^\w.-]+", "-", name).lower() for name in FINDINGS]
    assert len(set(names)) == len(names)


# What follows from what ---------------------------------------------------------------------------------------------------------------

# Whoever breaks the first breaks the second in the same step.
STRONGER = (("no-plaintext-after-open", "no-plaintext-out"), ("sa-outlives-need", "sa-outlives-connection"),
            ("accepted-is-authentic", "no-plaintext-in"), ("syn-after-own-phase2", "syn-after-both-phase2"),
            ("one-sa-congruent", "one-sa-strict"), ("session-is-with-neighbour", "text-is-genuine"),
            ("text-is-genuine", "accepted-is-authentic"))
# An impostor's segments, and an insider's, come under ESP.
NOT_THERE = {("accepted-is-authentic", "no-plaintext-in"): "attacker"}
TRIED = {"teardown": {"copies": 0, "segments": 1}, "opening": {"losses": 0, "segments": 1, "datagrams": 1},
         "rekey": {"losses": 0, "segments": 1}, "phase1": {"losses": 0, "segments": 1}, "restart": {"segments": 1},
         "collision": {"datagrams": 1}, "attacker": {"copies": 0, "segments": 2}}


# At these bounds; in collision two Deletes at once do not fit on the wire, and the draft wants both.
NOTHING_BREAKS = {("opening", "repaired"), ("collision", "draft")}


@pytest.mark.parametrize(("name", "preset"), list(product(SLICES, PRESETS)))
def test_what_follows_from_what(name, preset):
    """A claim breaks only where its antecedent is true, and a stronger form only where the weaker one does."""
    claims = claims_of(name)
    follows = {f"{claim.name} without its antecedent": claim.violated & ~claim.antecedent for claim in claims}
    names = {claim.name for claim in claims}
    follows |= {f"{strong} without {weak}": CLAIMS[strong].violated & ~CLAIMS[weak].violated for strong, weak in STRONGER
                if {strong, weak} <= names and NOT_THERE.get((strong, weak)) != name}
    monitors = [monitor for claim in claims for monitor in claim.monitors]
    system = build(name, readings(preset, {}), bounds=TRIED[name], monitors=monitors)
    broken = [Query(claim.name, claim.violated, places_of(name)) for claim in claims]
    found = search(system, [*(Query(what, when, places_of(name)) for what, when in follows.items()), *broken])
    assert found.complete
    assert [what for what in follows if found.hits[what]] == []
    assert any(found.hits[query.name] for query in broken) or (name, preset) in NOTHING_BREAKS


# Each claim can break, in a step made by hand where the tables never do ---------------------------------------------------------------

class Made:
    """A step put together by hand: variables before and after, rows that fired and segments sent, at A."""

    broke: ClassVar[set[str]] = set()

    def __init__(self, name, claim, place):
        self.place = place
        self.claim = CLAIMS[claim]
        self.system = build(name, readings("draft", {}), monitors=self.claim.monitors)
        self.slots = {str(slot): at for at, slot in enumerate(self.system.slots)}
        self.before = self.after = self.system.initial[0]
        self.fired: list[Firing] = []
        self.sent: list[Message] = []

    def put(self, state, values):
        cells = list(state)
        for key, value in values.items():
            sort = self.system.slots[self.slots[key]].sort
            assert sort is not None
            cells[self.slots[key]] = sort.code(value)
        return tuple(cells)

    def state(self, values):
        self.before = self.after = self.put(self.after, values)
        return self

    def then(self, values):
        self.after = self.put(self.after, values)
        return self

    def fires(self, table, name, **args):
        row = next(row for row in TABLES[table].rows if row.name == name)
        codes = tuple(param.sort.code(args[param.name]) if param.name in args else 0 for param in row.event.params)
        self.fired.append(Firing(self.place, row, codes))
        return self

    def sends(self, **fields):
        codes = [param.sort.code(fields[param.name]) if param.name in fields else 0 for param in SEGMENTS.fields]
        self.sent.append(Message("A", "A>B", SEGMENTS, SEGMENTS.encode(codes)))
        return self

    @property
    def broken(self):
        outcome = Outcome(self.before, self.after, tuple(self.fired), tuple(self.sent))
        found = bool(evaluate(self.claim.violated, StepView(self.system, self.place, outcome)))
        self.broke.update([self.claim.name] if found else [])
        return found


def made(claim, name="teardown", place="A"):
    return Made(name, claim, place)


UP = {"A.ipsec.out[g0]": "mature", "A.ipsec.out[g1]": "mature", "A.ipsec.for[g0]": "0", "A.ipsec.for[g1]": "0"}


def test_plaintext_out():
    assert made("no-plaintext-out").sends(kind="FIN", prot="PLAIN").broken
    assert not made("no-plaintext-out").sends(kind="FIN", prot="ESP-g1").broken
    assert not made("no-plaintext-out").broken


def test_plaintext_after_open():
    never = {"A.history.OPEN-sent": "false", "B.history.OPEN-sent": "false"}
    own, peers = {"A.history.OPEN-sent": "true"}, {"B.history.OPEN-sent": "true"}
    claim = "no-plaintext-after-open"
    assert not made(claim).state(never).sends(prot="PLAIN").broken
    assert made(claim).state(never).then(own).sends(kind="DATA", msg="OPEN", prot="PLAIN").broken
    assert made(claim).state(never | peers).sends(prot="PLAIN").broken
    assert not made(claim).state(never | peers).sends(prot="ESP-g0").broken


def test_plaintext_in_and_authentic():
    for origin, broken in (("forged", True), ("genuine", False)):
        assert made("no-plaintext-in").fires("spd", "PLAIN accepted", origin=origin).broken
        assert made("accepted-is-authentic").fires("spd", "PLAIN accepted", origin=origin).broken is broken
        assert not made("no-plaintext-in").fires("spd", "PLAIN dropped", origin=origin).broken


def test_syn_after_phase2():
    no_sa = {f"{end}.ipsec.{half}[{g}]": "none" for end in "AB" for half in ("in", "out") for g in ("g0", "g1", "g2")}
    own, peers = {"A.ipsec.out[g1]": "mature"}, {"B.ipsec.out[g1]": "mature"}
    for claim, broken in (("syn-after-own-phase2", (True, False, True, False)), ("syn-after-both-phase2", (True, True, True, False))):
        cases = ({}, own, peers, own | peers)
        assert tuple(made(claim, "opening").state(no_sa | case).sends(kind="SYN", prot="ESP-g1").broken for case in cases) == broken
        assert not made(claim, "opening").state(no_sa).sends(kind="ACK", prot="ESP-g1").broken


def test_sa_outlives():
    gone = {"A.ipsec.out[g0]": "none", "A.ipsec.in[g0]": "none"}
    for tcp, peer, order, need in (("FIN-WAIT-1", "CLOSED", True, True), ("TIME-WAIT", "CLOSED", True, False),
                                   ("TIME-WAIT", "LAST-ACK", True, True), ("CLOSED", "LAST-ACK", False, False),
                                   ("LISTEN", "CLOSED", False, False)):
        for claim, broken in (("sa-outlives-connection", order), ("sa-outlives-need", need)):
            assert made(claim).state({"A.tcp.state": tcp, "B.tcp.state": peer}).then(gone).broken is broken, (claim, tcp, peer)
    assert not made("sa-outlives-connection").then({"A.ipsec.out[g0]": "none"}).broken


def test_delete_means_closed():
    for peer, broken in (("FIN-WAIT-1", True), ("TIME-WAIT", True), ("CLOSED", False)):
        step = made("delete-means-closed").state({"B.tcp.state": peer})
        assert step.fires("binding", "b10 confirmed: filter removed").broken is broken


def test_collateral_deletion():
    up = {"A.phase1-initiator.state": "UP"}
    states = TABLES["phase1-initiator"].state.sort.values
    gone = {"A.phase1-initiator.state": next(one for one in states if one != "UP")}
    row = "b12 session gone: delete phase 1 and 2"
    for shared, broken in (("true", True), ("false", False)):
        others = {"A.binding.other-sessions": shared, "A.binding.foreign": "false"}
        assert made("no-collateral-deletion").state(up | others).then(gone).fires("binding", row).broken is broken
        assert not made("no-collateral-deletion").state(up | others).fires("binding", row).broken


@pytest.mark.parametrize(("row", "args", "broken"), [
    ("b12 session gone: delete phase 1 and 2", {}, True),
    ("the peer's phase 1 SA deleted by peer, with children", {"why": "session-closed"}, True),
    ("own phase 1 SA deleted by peer, with children", {"why": "session-closed"}, True),
    ("the peer's phase 1 SA deleted by peer, with children", {"why": "expired"}, False)])
def test_collateral_deletion_of_a_child(row, args, broken):
    """The phase 1 SA stays, the SA of others goes: by the end of a session at either end, and by nothing else."""
    claim, table = "no-collateral-deletion", "binding" if row.startswith("b12") else "informational"
    up = {"A.phase1-initiator.state": "UP", "A.binding.foreign": "true", "A.ipsec.others-lost": "false"}
    lost = {"A.ipsec.others-lost": "true"}
    assert made(claim, "phase1").state(up).then(lost).fires(table, row, **args).broken is broken
    assert not made(claim, "phase1").state(up).fires(table, row, **args).broken
    assert not made(claim, "phase1").state(up | {"A.binding.foreign": "false"}).then(lost).fires(table, row, **args).broken
    assert not made(claim, "phase1").state(up).then(lost).broken


def test_phase1_in_common():
    none = {f"{end}.phase1-{role}.{what}": value for end in "AB" for role in ("initiator", "responder")
            for what, value in (("state", "none"), ("attempt", "0"))}
    a_holds_bs, b_holds_as = {"A.phase1-responder.state": "UP"}, {"B.phase1-responder.state": "UP"}
    a_own, b_own = {"A.phase1-initiator.state": "UP"}, {"B.phase1-initiator.state": "UP"}
    for given, broken in ((a_holds_bs | b_holds_as, True), (a_own | b_own, True), (a_own | b_holds_as, False), (a_holds_bs | b_own, False),
                          (a_own, False), ({}, False), (a_own | a_holds_bs | b_own, False),
                          (a_own | b_holds_as | {"A.phase1-initiator.attempt": "1"}, True),
                          (a_holds_bs | b_holds_as | {"B.phase1-initiator.state": "MM1-SENT"}, False)):
        assert made("phase1-in-common", "phase1").then(none | given).broken is broken, given


def test_initial_contact_is_true():
    none = {f"B.{name}": "none" for name in ("phase1-initiator.state", "phase1-responder.state", "ipsec.in[g0]", "ipsec.out[g0]")}
    for row, held, came_with in (("INITIAL-CONTACT with the peer's SA", "responder", "initiator"),
                                 ("INITIAL-CONTACT with the own SA", "initiator", "responder")):
        for given, broken in (({}, False), ({f"B.phase1-{held}.state": "UP"}, True), ({f"B.phase1-{came_with}.state": "UP"}, False),
                              ({"B.ipsec.in[g0]": "mature"}, True), ({"B.binding.foreign": "true"}, True),
                              ({"B.binding.foreign": "true", "B.ipsec.others-lost": "true"}, False)):
            step = made("initial-contact-is-true", "phase1").state(none | given)
            assert step.fires("informational", row).broken is broken, (row, given)
            assert not made("initial-contact-is-true", "phase1").state(none | given).broken


def test_one_sa():
    assert not made("one-sa-strict").broken
    for differ in (False, True):
        two = UP | ({"A.ipsec.for[g1]": "any"} if differ else {})
        assert made("one-sa-strict").then(two).broken and made("one-sa-congruent").then(two).broken is differ
    assert not made("one-sa-strict").then(UP | {"A.ipsec.for[g1]": "1"}).broken


def test_an_sa_for_one_connection():
    carried = {"A.history.g1-carried-first": "true"}
    claim = "sa-serves-one-connection"
    assert made(claim, "opening").state(carried).sends(kind="SYN", inc="1", prot="ESP-g1").broken
    assert not made(claim, "opening").state(carried).sends(kind="SYN", inc="1", prot="ESP-g2").broken
    assert not made(claim, "opening").state(carried).sends(kind="SYN", inc="0", prot="ESP-g1").broken


def test_an_sa_leads_to_the_peer():
    gone = {"A.ipsec.out[g0]": "none", "A.ipsec.in[g0]": "none"}
    claim = "sa-leads-to-peer"
    assert made(claim, "rekey", "B").then(gone).broken and not made(claim, "rekey").then(gone).broken
    both_gone = gone | {"B.ipsec.out[g0]": "none", "B.ipsec.in[g0]": "none"}
    other = {f"{end}.ipsec.{half}[g1]": "mature" for end in "AB" for half in ("in", "out")}
    for then in ({}, both_gone, gone | other, gone | {"A.bgp.state": "Idle"}, gone | {"A.quick-initiator.state": "QM1-SENT"}):
        assert not made(claim, "rekey", "B").then(then).broken, then


def test_an_sa_is_for_a_connection():
    before = {"A.ipsec.out[g1]": "none", "A.tcp.state": "CLOSED", "A.binding.state": "none", "A.ipsec.for[g1]": "0"}
    up, claim = {"A.ipsec.out[g1]": "mature"}, "sa-comes-up-for-connection"
    attempt = {"A.binding.state": "waiting", "A.binding.next-incarnation": "1"}
    for given, broken in (({}, True), ({"A.tcp.state": "LISTEN"}, True), ({"A.tcp.state": "SYN-SENT", "A.tcp.inc": "0"}, False),
                          ({"A.tcp.state": "SYN-SENT", "A.tcp.inc": "1"}, True), (attempt, True),
                          (attempt | {"A.ipsec.for[g1]": "1"}, False), (attempt | {"A.ipsec.for[g1]": "any"}, False)):
        for row in ("QM2: keys", "CONNECTED"):
            assert made(claim, "opening").state(before | given).then(up).fires("quick-initiator", row).broken is broken, given
            assert not made(claim, "opening").state(before | given | up).fires("quick-initiator", row).broken
        assert not made(claim, "opening").state(before | given).then(up).broken
    for selector, prot, broken in (("any", "ESP-g1", True), ("0", "ESP-g1", False), ("any", "ESP-g2", False), ("any", "PLAIN", False)):
        step = made("syn-under-its-own-sa", "opening").state(up | {"A.ipsec.for[g1]": selector})
        assert step.sends(kind="SYN", prot=prot).broken is broken


def test_an_open_is_sent():
    silent = {f"{end}.{name}": value for end in "AB" for name, value in (("tcp.state", "ESTABLISHED"), ("history.OPEN-sent", "false"))}
    assert made("open-is-sent", "opening").then(silent).broken
    for other in ({"B.history.OPEN-sent": "true"}, {"A.history.OPEN-sent": "true"}, {"B.tcp.state": "SYN-RECEIVED"}):
        assert not made("open-is-sent", "opening").then(silent | other).broken


def test_binding_agrees():
    up = {"A.bgp.state": "Established", "B.bgp.state": "Established"}
    for mine, yours, broken in (("g1", "g2", True), ("g1", "g1", False), ("g1", "none", True), ("none", "none", False)):
        bound = {"A.binding.bound": mine, "B.binding.bound": yours}
        assert made("binding-agrees", "opening").then(up | bound).broken is broken
        assert not made("binding-agrees", "opening").then(bound).broken


def test_binding_is_current():
    claim, live = "binding-is-current", {"A.ipsec.out[g1]": "mature", "A.ipsec.in[g1]": "mature"}
    gone = {"A.ipsec.out[g0]": "none", "A.ipsec.in[g0]": "none"}
    assert made(claim, "rekey").then(live | gone).broken
    for other in (live, gone, live | gone | {"A.binding.bound": "g1"}, live | gone | {"A.bgp.state": "Idle"},
                  live | gone | {"A.bind": "set"}):
        assert not made(claim, "rekey").then(other).broken


def test_rekey_keeps_session():
    claim, row = "rekey-keeps-session", "b11 connection failed"
    for left, deleted, broken in (("g1", "g0", True), ("g1", "g1", False), (None, "g0", False)):
        live = {"A.ipsec.out[g0]": "none"} | ({f"A.ipsec.out[{left}]": "mature"} if left else {})
        step = made(claim, "rekey").state(live)
        assert not step.broken and step.fires("binding", row, gen=deleted).broken is broken


def test_replay():
    assert made("no-replay").fires("ipsec", "ESP accepted twice").broken
    assert not made("no-replay").fires("ipsec", "replay dropped").broken


def test_a_key_is_not_used_again_after_a_restart():
    for restarted, prot, broken in (("A", "ESP-g0", True), ("B", "ESP-g0", False), ("nobody", "ESP-g0", False), ("A", "ESP-g1", False),
                                    ("A", "PLAIN", False)):
        assert made("counter-unique", "restart").state({"fault.state": restarted}).sends(kind="SYN", prot=prot).broken is broken


def test_what_esp_authenticates_is_accepted():
    assert made("authentic-is-accepted").fires("ipsec", "wrong checksum").broken
    assert not made("authentic-is-accepted").fires("ipsec", "ESP accepted").broken


def test_close_ends():
    gone = {f"{end}.ipsec.{half}[g0]": "none" for end in "AB" for half in ("in", "out")}
    stuck = gone | {"A.tcp.state": "FIN-WAIT-1", "A.spd.state": "DISCARD"}
    assert made("no-stuck-close").then(stuck).broken
    assert not made("no-stuck-close").then(stuck | {"A.tcp.state": "FIN-WAIT-2"}).broken
    assert not made("no-stuck-close").then(stuck | {"A.ipsec.out[g0]": "mature", "B.ipsec.in[g0]": "mature"}).broken
    assert not made("no-stuck-close").then({"A.tcp.state": "FIN-WAIT-1"}).broken
    assert any(one is STUCK for one in walk(CLAIMS["no-stuck-close"].violated))


def test_orphans():
    closed = {"A.tcp.state": "CLOSED", "B.tcp.state": "CLOSED"}
    gone = {f"{end}.ipsec.{half}[g0]": "none" for end in "AB" for half in ("in", "out")}
    assert made("no-idle-orphan").then(closed).broken
    assert not made("no-idle-orphan").then(closed | gone).broken
    assert not made("no-idle-orphan").then(closed | {"B.tcp.state": "TIME-WAIT"}).broken


def test_the_five_threats():
    claim = "text-stays-secret"
    for fields, broken in (({"kind": "FIN", "msg": "NOTIFICATION", "prot": "PLAIN"}, True), ({"kind": "ACK", "msg": "OPEN"}, False),
                           ({"kind": "DATA", "msg": "OPEN", "prot": "ESP-g2"}, False)):
        assert made(claim, "attacker").sends(**fields).broken is broken
        assert not made(claim, "attacker").state({"position": "off_path"}).sends(**fields).broken
    for end in ("PHASE-1", "PHASE-2"):
        impostor = made(claim, "attacker").state({"A.intruder.state": end}).sends(kind="DATA", msg="OPEN", prot="ESP-g2")
        assert impostor.broken is (end == "PHASE-2")
    for table, row in (("spd", "PLAIN accepted"), ("ipsec", "ESP accepted")):
        for origin, broken in (("forged", True), ("insider", True), ("genuine", False)):
            given = {"kind": "DATA", "msg": "UPDATE", "origin": origin}
            for claim, bgp in (("text-is-genuine", "Idle"), ("session-is-with-neighbour", "Established")):
                step = made(claim, "attacker").then({"A.bgp.state": bgp}).fires(table, row, **given)
                assert not step.broken and step.fires("bgp-message", "UPDATE").broken is broken
    assert not made("session-is-with-neighbour", "attacker").then({"A.bgp.state": "Idle"}).fires(
        "spd", "PLAIN accepted", kind="DATA", origin="forged").fires("bgp-message", "UPDATE").broken
    ended = {"A.bgp.state": "Idle"}
    assert made("session-outlives-attack", "attacker").then(ended).broken
    assert not made("session-outlives-attack", "attacker").state({"option.close": "true"}).then(ended).broken
    claim = "negotiation-is-not-weakened"
    assert made(claim, "attacker").fires("intruder", "AM2: HASH_R to whoever asks").broken
    for given, broken in (({}, True), ({"ipsec": "off"}, False)):
        syn = made(claim, "attacker").state(given).fires("spd", "PLAIN accepted", kind="SYN", origin="forged")
        assert not syn.broken and syn.fires("tcp", "SYN").broken is broken
    for given, broken in (({"md5": "on"}, True), ({"md5": "on", "position": "off_path"}, False), ({}, False)):
        assert made(claim, "attacker").state(given).sends(kind="ACK", prot="PLAIN").broken is broken


def test_a_lost_peer():
    """Nothing that could tell: no timer here, nothing under way, and a peer that only listens."""
    waits = {"A.bgp.HoldTimer": "false", "B.tcp.state": "LISTEN", "B.bgp.state": "Active", "B.bgp.PassiveTcpEstablishment": "true"}
    claim = "lost-peer-is-noticed"
    assert made(claim, "restart").then(waits).broken
    for told in ({"A.bgp.HoldTimer": "true"}, {"A.tcp.retransmission": "true"}, {"B.bgp.PassiveTcpEstablishment": "false"},
                 {"B.quick-initiator.state": "QM1-SENT"}, {"B.phase1-initiator.state": "MM1-SENT"}, {"B.tcp.state": "ESTABLISHED"}):
        assert not made(claim, "restart").then(waits | told).broken


def test_two_connections():
    """The scope of these claims is one connection of an end."""
    sas = {"A.1.ipsec.out[g0]": "none", "A.1.ipsec.in[g0]": "none", "A.1.tcp.state": "ESTABLISHED"}
    for row, tcp, broken in (("b12 session gone with the other connection: delete", "ESTABLISHED", True),
                             ("b12 session gone with the other connection: delete", "LISTEN", False),
                             ("b7 the other connection is closed", "ESTABLISHED", False)):
        step = made("close-spares-other", "collision", "A.1").then(sas | {"A.1.tcp.state": tcp})
        assert step.fires("binding", row).broken is broken
    for other, seen, broken in (("none", "true", True), ("OpenConfirm", "true", False), ("none", "false", False)):
        given = {"A.1.bgp.state": "Idle", "A.1.bgp-message.other": other, "A.1.history.collision-resolved": seen}
        assert made("collision-keeps-one", "collision", "A.1").then(given).broken is broken


def test_every_claim_was_broken_here():
    Made.broke.clear()
    for test in (test_plaintext_out, test_plaintext_after_open, test_plaintext_in_and_authentic, test_syn_after_phase2, test_sa_outlives,
                 test_delete_means_closed, test_collateral_deletion, test_one_sa, test_an_sa_for_one_connection,
                 test_an_sa_leads_to_the_peer, test_an_sa_is_for_a_connection, test_an_open_is_sent, test_binding_agrees,
                 test_binding_is_current, test_rekey_keeps_session,
                 test_a_key_is_not_used_again_after_a_restart, test_what_esp_authenticates_is_accepted,
                 test_replay, test_close_ends, test_orphans, test_phase1_in_common, test_initial_contact_is_true, test_the_five_threats,
                 test_a_lost_peer, test_two_connections):
        test()
    assert Made.broke == set(CLAIMS)


def test_what_a_claim_needs_breaks_it():
    """Each known breach has the readings that the claim cannot break without."""
    needing = {name: claim.needs for name, claim in CLAIMS.items() if claim.needs}
    assert needing
    for name, needs in needing.items():
        breaches = [finding for finding in FINDINGS.values() if finding.property == name]
        assert breaches and all(finding.readings.items() >= needs.items() for finding in breaches)
        assert all(READINGS[key].scope != "endpoint" and value in READINGS[key].values for key, value in needs.items())
