"""Deployment files: how they are read, which packets an SPD lets through, and that each lint sees the one thing it is for."""

from __future__ import annotations

import json
import re
import tomllib
from itertools import product
from pathlib import Path

import networkx as nx
import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from docs.candidates import CANDIDATES, LINT
from lockstep.choice import UsageError
from lockstep.lint.algorithms import byte_limit
from lockstep.lint.bootstrap import needs, stuck
from lockstep.lint.catalogue import LINTS, assumed, lint, unchecked
from lockstep.lint.deployment import Rule, Speaker
from lockstep.lint.lint import SEVERITY
from lockstep.lint.policy import bgp_packets
from lockstep.lint.reading import parse
from lockstep.lint.source import lines_of
from lockstep.lint.spd import Box, example, first_match, first_matches, of_rule, without
from lockstep.lint.values import IPV4_END, address_of, number_of
from tests.test_cli import clean

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "deployments"
GOOD = (EXAMPLES / "good.toml").read_text(encoding="utf-8")
R2 = GOOD.index("[speakers.r2]")


def changed(*edits, text=GOOD):
    """The good file with each `old` replaced by `new`, once, from the front; or, where `new` begins with +, with that line after it."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, old + "\n" + new[1:] if new.startswith("+") else new, 1)
    return text


def found(text, name=None):
    return [one for one in lint(parse(text, "x.toml")) if name in (None, one.lint.id)]


# Every lint sees the one thing it is for -------------------------------------------------------------------------------------------------

PEER = 'suites = ["aes"]'  # the first is r1's; a line after it belongs to r1's neighbour
SPEAKER = 'clock = "time"'  # the first is r1's
R2_KNOWS_R1 = '[[speakers.r2.peers]]\naddress = "192.0.2.1"'
R1_KNOWS_R2 = '[[speakers.r1.peers]]\naddress = "192.0.2.2"'
BULK = "lifetime-seconds = 28800"
PSK = (('cas = ["exchange"]\nidentity = { type = "fqdn", value = "r2.example.net" }', 'authentication = "pre-shared-key"\npsk = "pair"'),
       ('cas = ["exchange"]\nidentity = { type = "fqdn", value = "r1.example.net" }', 'authentication = "pre-shared-key"\npsk = "pair"'),
       ("[cas.exchange]", '[psks.pair]\nholders = ["r1", "r2"]\n\n[cas.exchange]'))
AGGRESSIVE = [('psk = "pair"\nphase1', 'psk = "pair"\nexchange = "aggressive"\nphase1')] * 2
TUNNEL = 'outer-local = "203.0.113.1"\nouter-remote = "203.0.113.2"\ninner-transport = true'


def tunnel(*edits):
    """r1 reaches r2 through a tunnel, with these edits of it."""
    return [("phase1-lifetime-seconds = 86400", "phase1-lifetime-seconds = 86400\n\n[speakers.r1.peers.tunnel]\n" + TUNNEL), *edits]


# What is changed in the good file, and what stands in the line that the lint then names.
BAD = {
    "bgp-port": ([("remote-port = 179", "remote-port = 170")], "remote-port = 170"),
    "bgp-bypass": ([('action = "protect"', 'action = "bypass"')], "[[speakers.r1.spd]]"),
    "bgp-discard": ([("remote-port = 179", "remote-port = [178, 180]")], "[speakers.r1]"),
    "ike-blocked": ([("local-port = 500", "local-port = 4500")], "[speakers.r1]"),
    "listener-open": ([(SPEAKER, '+otherwise = "bypass"')], 'otherwise = "bypass"'),
    "spd-default": ([(SPEAKER, '+otherwise = "bypass"')], 'otherwise = "bypass"'),
    "spd-shadowed": ([('name = "bgp out"', 'name = "lan"\naction = "protect"\nfrom-packet = true\nremote = "192.0.2.0/24"\n\n'
                       '[[speakers.r1.spd]]\nname = "bgp out"')], "[[speakers.r1.spd]]"),
    "shared-sa": ([("from-packet = true", "from-packet = false")], "[[speakers.r1.spd]]"),
    "wide-selectors": ([("from-packet = true", "from-packet = false"), ('remote = "192.0.2.2"\nprotocol = "tcp"', 'protocol = "tcp"')],
                       "[[speakers.r1.spd]]"),
    "fixed-port": ([("remote-port = 179", "+local-port = 40000")], "local-port = 40000"),
    "filters-per-session": ([(SPEAKER, '+filters = "per-session"')], 'filters = "per-session"'),
    "fallback": ([(PEER, '+on-failure = "bypass"')], 'on-failure = "bypass"'),
    "no-inbound-check": ([(SPEAKER, '+inbound-check = "none"')], 'inbound-check = "none"'),
    "late-inbound-check": ([(SPEAKER, '+inbound-check = "bgp"')], 'inbound-check = "bgp"'),
    "path-mtu-discovery": ([(SPEAKER, "+path-mtu-discovery = false")], "path-mtu-discovery = false"),
    "too-big-lost": ([("icmp-code = 4", "icmp-code = 3")], "[speakers.r1]"),
    "icmp-resets": ([("icmp-code = 4", "icmp-code = [3, 4]"), (SPEAKER, '+icmp-hard-errors = "abort"')], "[[speakers.r1.spd]]"),
    "tcp-md5": ([(PEER, "+tcp-md5 = true")], "tcp-md5 = true"),
    "hold-time-zero": ([(PEER, "+hold-time = 0")], "hold-time = 0"),
    "null-authentication": ([('authentication = "hmac-sha1"', 'authentication = "null"')], 'authentication = "null"'),
    "anti-replay-off": ([(BULK, "+anti-replay = false")], "anti-replay = false"),
    "null-encryption": ([('encryption = "aes-cbc"', 'encryption = "null"')], 'encryption = "null"'),
    "ah-offered": ([(BULK, '+protocol = "ah"'), ('encryption = "aes-cbc"', 'encryption = "null"')], 'protocol = "ah"'),
    "mandatory-encryption": ([('"null", "des-cbc", "3des-cbc"', '"null", "3des-cbc"')], "encryption = ["),
    "mandatory-authentication": ([('"null", "hmac-md5", "hmac-sha1"', '"null", "hmac-md5"')], "authentication = ["),
    "mandatory-protocols": ([('protocols = ["esp", "ah"]', 'protocols = ["esp"]')], "protocols = ["),
    "transport-mode": ([('modes = ["transport", "tunnel"]', 'modes = ["tunnel"]')], "modes = ["),
    "cipher-implemented": ([('"null", "des-cbc", "3des-cbc", "aes-cbc"', '"null", "des-cbc"')], "encryption = ["),
    "key-management": ([('keying = ["ike", "manual"]', 'keying = ["ike"]')], "keying = ["),
    "sequence-wraps": ([(BULK, '+on-sequence-overflow = "wrap"')], "on-sequence-overflow"),
    "cbc-lifetime": ([(BULK, f"+lifetime-bytes = {2**35 + 1}"), ('encryption = "aes-cbc"', 'encryption = "3des-cbc"')], "lifetime-bytes"),
    "3des-lifetime": ([(BULK, f"+lifetime-bytes = {2**29 + 1}"), ('encryption = "aes-cbc"', 'encryption = "3des-cbc"')], "lifetime-bytes"),
    "soft-lifetime": ([("soft-lifetime-seconds = 25200", "soft-lifetime-seconds = 28800")], "soft-lifetime-seconds"),
    "aes-cbc-missing": ([('encryption = "aes-cbc"', 'encryption = "aes-ctr"')], PEER),
    "ike-size": ([("several-cas = true", "+ike-kilobytes = 801")], "ike-kilobytes"),
    "md5-preferred": ([('authentication = "hmac-sha1"', 'authentication = "hmac-md5"')], PEER),
    "des-offered": ([('encryption = "aes-cbc"', 'encryption = "des-cbc"')], 'encryption = "des-cbc"'),
    "no-common-suite": ([(PEER, 'suites = ["old"]'), ("[cas.exchange]", '[suites.old]\nencryption = "3des-cbc"\n'
                         'authentication = "hmac-sha1"\nlifetime-bytes = 536870912\n\n[cas.exchange]')], 'suites = ["old"]'),
    "only-weak-suites": ([('encryption = "aes-cbc"', 'encryption = "null"')], PEER),
    "counter-mode-manual": ([('encryption = "aes-cbc"', 'encryption = "aes-ctr"'), (PEER, '+keying = "manual"')], PEER),
    "counter-mode-integrity": ([('encryption = "aes-cbc"', 'encryption = "aes-ctr"'), ('= "hmac-sha1"', '= "null"')],
                               'authentication = "null"'),
    "manual-keying": ([(PEER, '+keying = "manual"')], 'keying = "manual"'),
    "ends-differ": ([('value = "r2.example.net"', 'value = "r3.example.net"')], 'value = "r3.example.net"'),
    "unknown-neighbour": ([(R2_KNOWS_R1, R2_KNOWS_R1.replace("192.0.2.1", "192.0.2.3"))],
                          'address = "192.0.2.2"'),
    "no-identity-payload": ([(PEER, '+quick-mode-id = "none"')], "quick-mode-id"),
    "identity-payload-type": ([(PEER, '+quick-mode-id = "subnet"')], "quick-mode-id"),
    "ike-fragments": ([(PEER, '+fragments = "drop"\ncertificate-bytes = 1473')], "certificate-bytes"),
    "auth-method": ([(PEER, '+authentication = "hybrid"')], "hybrid"),
    "identity-unbound": ([('\nidentity = { type = "fqdn", value = "r2.example.net" }', "")], "[[speakers.r1.peers]]"),
    "machine-shared": ([(SPEAKER, "+several-users = true")], "[[speakers.r1.peers]]"),
    "user-traffic": ([(PEER, '+credential = "user"\nonly-that-user = false')], "only-that-user"),
    "no-authority": ([('cas = ["exchange"]', "cas = []")], "cas = []"),
    "certificate-request": ([(PEER, "+certificate-request = false")], "certificate-request"),
    "several-authorities": ([("several-cas = true", "several-cas = false")], "several-cas"),
    "revocation-off": ([('revocation = "crl"', 'revocation = "off"')], "revocation"),
    "phase1-age": ([("phase1-lifetime-seconds = 86400", "")], "[[speakers.r1.peers]]"),
    "no-pfs": ([(PEER, "+pfs = false")], "pfs"),
    "enrolment": ([('revocation = "crl"', '+enrolment = "password"')], "enrolment"),
    "psk-by-address": ([*PSK, (PEER, "+dynamic = true")], "[[speakers.r1.peers]]"),
    "group-psk-main": ([*PSK, ('["r1", "r2"]', '["r1", "r3"]')], 'psk = "pair"'),
    "group-psk-aggressive": ([*PSK, *AGGRESSIVE, ('["r1", "r2"]', '["r3", "r4"]')], 'psk = "pair"'),
    "psk-main-mode": ([*PSK], "[[speakers.r1.peers]]"),
    "psk-aggressive-mode": ([*PSK, *AGGRESSIVE], 'exchange = "aggressive"'),
    "psk-storage": ([*PSK, ('["r1", "r2"]', '["r1", "r2"]\nstorage = "plain"')], "storage"),
    "tunnel-only": (tunnel(("inner-transport = true", "")), "[speakers.r1.peers.tunnel]"),
    "external-gateway": (tunnel(("inner-transport = true", 'gateway = "external"')), 'gateway = "external"'),
    "tunnel-addresses": (tunnel(('outer-remote = "203.0.113.2"', "")), "[speakers.r1.peers.tunnel]"),
    "outer-source-dynamic": (tunnel(("inner-transport = true", '+outer-local-from = "dynamic"')), "outer-local-from"),
    "inner-source-id": (tunnel(("inner-transport = true", "+inner-source-in-id = false")), "inner-source-in-id"),
    "inner-source-foreign": (tunnel(('outer-local = "203.0.113.1"', 'outer-local = "192.0.2.1"')), "[speakers.r1.peers.tunnel]"),
    "inner-source-assigned": (tunnel(("inner-transport = true", '+inner-local-from = "gateway"')), "inner-local-from"),
    "nat-traversal": ([(PEER, "+nat = true")], "nat = true"),
    "nat-shared-address": ([(PEER, "+nat = true\nnat-traversal = true"), ("\n[speakers.r2]", '\n[[speakers.r1.peers]]\n'
                            'address = "192.0.2.2"\nas-number = 64502\nsuites = ["aes"]\nnat = true\nnat-traversal = true\n\n'
                            '[speakers.r2]')], 'address = "192.0.2.2"'),
    "bootstrap-cycle": ([('{ prefix = "198.51.100.0/24", from = "igp" }', '{ prefix = "198.51.100.0/24", from = "bgp" }')],
                        "[[speakers.r1.peers]]"),
    "no-way": ([('    { prefix = "198.51.100.0/24", from = "static" },\n', "")], "[[speakers.r1.peers]]"),
}


def test_the_good_example_is_clean_and_was_looked_at():
    source = parse(GOOD, "good.toml")
    assert lint(source) == [] and unchecked(source) == []


@pytest.mark.parametrize("name", [one.id for one in LINTS])
def test_each_lint_sees_what_it_is_for(name):
    edits, line = BAD[name]
    text = changed(*edits)
    seen = found(text, name)
    assert seen, found(text)
    assert line in text.splitlines()[seen[0].line - 1]


BOTH = "both ends"  # the edit that follows is made at r2
MORE = {
    # What a lint has to see besides, and what it must not see.
    "anyone but the peer": ("ends-differ", "as-number", [("as-number = 64501", "as-number = 64502")]),
    "a port of nobody": ("ends-differ", "port 180 is expected", [(PEER, "+port = 180")]),
    "another authority": ("ends-differ", "cas none is expected", [('cas = ["exchange"]', "cas = []")]),
    "manual here": ("ends-differ", "keying manual, and at r2 keying ike", [(PEER, '+keying = "manual"')]),
    "PFS here": ("ends-differ", "pfs false, and at r2 pfs true", [(PEER, "+pfs = false")]),
    "MD5 here": ("ends-differ", "tcp-md5 true, and at r2 tcp-md5 false", [(PEER, "+tcp-md5 = true")]),
    "another exchange": ("ends-differ", "exchange aggressive", [(PEER, '+exchange = "aggressive"')]),
    "a tunnel here": ("ends-differ", "mode tunnel, and at r2 mode transport", tunnel()),
    "a key here": ("ends-differ", "psk pair, and at r2 psk none", [PSK[0], PSK[2]]),
    "two passive": ("ends-differ", "nobody connects", [(PEER, '+role = "passive"'), BOTH, (PEER, '+role = "passive"')]),
    "active and passive": ("ends-differ", None, [(PEER, '+role = "active"'), BOTH, (PEER, '+role = "passive"')]),
    "AH through NAT": ("nat-traversal", "suite aes is AH", [(PEER, "+nat = true\nnat-traversal = true"), (BULK, '+protocol = "ah"'),
                                                            ('encryption = "aes-cbc"', 'encryption = "null"')]),
    "traversal at one end": ("nat-traversal", "no nat-traversal at r2", [(PEER, "+nat = true\nnat-traversal = true")]),
    "traversal at both": ("nat-traversal", None, [(PEER, "+nat = true\nnat-traversal = true"), BOTH, (PEER, "+nat-traversal = true")]),
    "port 4500 closed": ("ike-blocked", "4500", [(PEER, "+nat-traversal = true")]),
    "IKE in the SA": ("ike-blocked", "it would wait", [('action = "bypass"', 'action = "protect"')]),
    "no IKE": ("ike-blocked", None, [("local-port = 500", "local-port = 4500"), (PEER, '+keying = "manual"')]),
    "IKE of the gateway": ("ike-blocked", "203.0.113.1:500 > 203.0.113.2:500", tunnel()),
    "open enrolment": ("enrolment", "without control", [('revocation = "crl"', '+enrolment = "open"')]),
    "enrolment for a week": ("enrolment", None, [('revocation = "crl"', '+enrolment = "password"\nenrolment-window-days = 7')]),
    "authority of nobody": ("revocation-off", None, [("[services.crl]", '[cas.other]\nrevocation = "off"\n\n[services.crl]')]),
    "suite of nobody": ("des-offered", None, [("[cas.exchange]", '[suites.old]\nencryption = "des-cbc"\nauthentication = "hmac-md5"\n\n'
                                               "[cas.exchange]")]),
    "certificate that fits": ("ike-fragments", None, [(PEER, '+fragments = "drop"\ncertificate-bytes = 1472')]),
    "fragments that pass": ("ike-fragments", None, [(PEER, "+certificate-bytes = 9000")]),
    "key of two": ("group-psk-main", None, [*PSK]),
    "behind a NAT": ("psk-by-address", "is behind a NAT", [*PSK, (PEER, "+nat = true")]),
    "SHA1 first": ("md5-preferred", None, [(PEER, 'suites = ["aes", "md5"]'), ("[cas.exchange]", '[suites.md5]\nencryption = "aes-cbc"\n'
                                           'authentication = "hmac-md5"\n\n[cas.exchange]')]),
    "no neighbour's rule": ("fixed-port", None, [("remote-port = 179", "+local-port = 40000"), ('name = "bgp out"', 'name = "x"'),
                                                 ('action = "protect"\nremote = "192.0.2.2"', 'action = "protect"\nremote = "192.0.2.7"')]),
    "an IKE that just fits": ("ike-size", None, [("several-cas = true", "+ike-kilobytes = 800")]),
    "hard errors ignored": ("icmp-resets", None, [("icmp-code = 4", "icmp-code = [3, 4]")]),
    "no discovery, no loss": ("too-big-lost", None, [("icmp-code = 4", "icmp-code = 3"), (SPEAKER, "+path-mtu-discovery = false")]),
    "same domain": ("inner-source-foreign", None, [*tunnel(('outer-local = "203.0.113.1"', 'outer-local = "192.0.2.1"')),
                                                   ("as-number = 64501", "as-number = 64500")]),
    "one fixed connection": ("shared-sa", None, [("remote-port = 179", "+local-port = 40000"),
                                                 ("from-packet = true", "from-packet = false")]),
    "a bypass of something else": ("listener-open", None, [("[[speakers.r1.peers]]", '[[speakers.r1.spd]]\nname = "other"\n'
                                                            'action = "bypass"\nremote = "198.51.100.0/24"\nprotocol = "udp"\n\n'
                                                            "[[speakers.r1.peers]]")]),
}


@pytest.mark.parametrize("name", MORE)
def test_what_a_lint_sees_besides_and_does_not_see(name):
    lint_id, said, edits = MORE[name]
    here = edits[:edits.index(BOTH)] if BOTH in edits else edits
    text = changed(*here)
    r2 = text.index("[speakers.r2]")
    text = text[:r2] + changed(*edits[len(here) + 1:], text=text[r2:])
    texts = [one.text for one in found(text, lint_id)]
    assert texts == [] if said is None else any(said in one for one in texts), texts


def test_ends_on_two_sides_of_a_nat():
    """r1 is 10.0.0.1, and 203.0.113.1 to r2. Only with seen-as can the two entries be put together; without it nobody is accused."""
    nat = "+nat = true\nnat-traversal = true"
    text = changed((PEER, nat), text=GOOD[:R2].replace("192.0.2.1", "10.0.0.1")) + changed(
        (PEER, nat), text=GOOD[R2:].replace("192.0.2.1", "203.0.113.1"))
    text = text.replace("198.51.100.0/24", "192.0.0.0/2").replace("remote-port = 500", "remote-port = [500, 4500]").replace(
        "local-port = 500", "local-port = [500, 4500]")
    assert found(text) == [] and [one.needs for one in unchecked(parse(text, "x"))] == ["the other speaker"] * 2
    text = changed(("nat = true", '+seen-as = "203.0.113.1"'), text=text)
    assert found(text) == [] and unchecked(parse(text, "x")) == []
    half = text[:text.index("[speakers.r2]")] + text[text.index("[speakers.r2]"):].replace("nat-traversal = true", "")
    assert "no nat-traversal at r2" in found(half, "nat-traversal")[0].text


def test_ipv6():
    """The good example in the other family: as clean, its ICMP another protocol."""
    text = re.sub(r"192\.0\.2\.(\d)", r"2001:db8::\1", GOOD).replace("/24", "/64").replace("0.0.0.0/0", "::/0")
    text = re.sub(r"198\.51\.100\.(\d+)", r"2001:db8:1::\1", text)
    assert {one.lint.id for one in found(text)} == {"too-big-lost"}
    text = text.replace('protocol = "icmp"\nicmp-type = 3\nicmp-code = 4', 'protocol = "icmpv6"\nicmp-type = 2')
    assert found(text) == []
    plain = found(changed(('action = "protect"', 'action = "bypass"'), text=text), "bgp-bypass")
    assert "tcp [2001:db8::1]:49152 > [2001:db8::2]:179 (out)" in plain[0].text


def test_every_lint_says_where_it_comes_from():
    assert {word for word, severity in SEVERITY.items() if severity == "error"} == {"MUST", "MUST NOT", "implied"}
    assert {word for word, severity in SEVERITY.items() if severity == "warning"} == {"SHOULD", "SHOULD NOT", "should", "threat"}
    assert len({one.id for one in LINTS}) == len(LINTS) and set(BAD) == {one.id for one in LINTS}
    for one in LINTS:
        assert one.keyword in SEVERITY and one.rule.endswith(".") and re.match(r"(silent: )?draft \d", one.source), one.id
        assert one.requirements and all(re.fullmatch(r"W-\d+(\.\d+)?-\d+", each) for each in one.requirements), one.id
        assert set(one.findings) <= set(CANDIDATES), one.id
    rules_of_policy = {name for name, (_, where) in CANDIDATES.items() if where == LINT}
    assert rules_of_policy <= {each for one in LINTS for each in one.findings}


def test_a_finding_as_a_line():
    (one,) = found(changed(('action = "protect"', 'action = "bypass"')), "bgp-bypass")
    assert str(one) == ("x.toml:51: error bgp-bypass: r1 with 192.0.2.2: tcp 192.0.2.1:49152 > 192.0.2.2:179 (out) first matches rule 2 "
                        "(bgp out): bypass; it passes in plaintext (draft 3.2 l.436-439, 2 l.147-149, 3.3 l.530-532; W-3.2-3, W-2-6, "
                        "W-3.3-13; F-33, F-35, F-06)")


def test_what_the_file_leaves_out_is_not_looked_at_and_said():
    text = GOOD[:R2]
    for table in ("implements", "routes"):
        text = re.sub(r"routes = \[.*?\n\]\n" if table == "routes" else r"\[speakers\.r1\.implements\].*?\n\n", "", text, flags=re.S)
    missed = unchecked(parse(text, "x.toml"))
    assert [one.needs for one in missed] == ["implements", "routes", "the other speaker"]
    assert {name for one in missed for name in one.lints} == {one.id for one in LINTS if one.needs is not None}
    assert found(text) == []
    stranger = changed((R2_KNOWS_R1, R2_KNOWS_R1.replace("192.0.2.1", "192.0.2.3")))
    assert [(one.where, one.needs) for one in unchecked(parse(stranger, "x"))] == [("r1 with 192.0.2.2", "the other end"),
                                                                                 ("r2 with 192.0.2.3", "the other speaker")]


def test_what_is_assumed_is_what_the_file_would_say():
    """A key that is left out and one that is written with the assumed value are judged alike; written, it is assumed no more."""
    source = parse(GOOD, "x")
    at = {one.key: one for one in assumed(source)}
    assert at["speakers.r1.filters"].value == '"standing"' and at["suites.aes.anti-replay"].value == "true"
    assert at["speakers.r1.peers.1.hold-time"].line == at["speakers.r1.peers.1.pfs"].line == source.lines["speakers", "r1", "peers", 0]
    assert not {"speakers.r1.clock", "speakers.r1.spd.1.local", "speakers.r1.peers.1.identity"} & set(at)
    said = parse(changed((SPEAKER, '+filters = "standing"'), (PEER, "+hold-time = 90")), "x")
    assert {one.key for one in assumed(said)} == set(at) - {"speakers.r1.filters", "speakers.r1.peers.1.hold-time"}


def test_one_rule_wrong_for_many_neighbours_is_said_once():
    many = "".join(f'[[speakers.r1.peers]]\naddress = "192.0.2.{n}"\nas-number = 1\nsuites = ["aes"]\n\n' for n in range(3, 103))
    seen = found(changed((SPEAKER, '+otherwise = "bypass"'), ("\n[speakers.r2]", "\n" + many + "[speakers.r2]")), "bgp-bypass")
    assert len(seen) == 1 and "the same for 99 more" in seen[0].text


def test_the_drafts_own_limits():
    """2.2 l.224 and l.241, by hand."""
    assert byte_limit("3des-cbc") == 2**35 and byte_limit("aes-cbc") == 2**68
    three = ('encryption = "aes-cbc"', 'encryption = "3des-cbc"')
    assert found(changed(three, (BULK, f"+lifetime-bytes = {2**35}")), "cbc-lifetime") == []
    assert found(changed(three, (BULK, f"+lifetime-bytes = {2**29}")), "3des-lifetime") == []
    assert found(changed(three), "cbc-lifetime")


# Packets and rules -------------------------------------------------------------------------------------------------------------------

SMALL = st.integers(0, 2)
INTERVAL = st.tuples(SMALL, SMALL).map(lambda ends: (min(ends), max(ends)))
WHOLE = (0, 2)
ADDRESS = [f"10.0.0.{n}" for n in range(3)]
SIDES = st.sampled_from(ADDRESS) | INTERVAL.map(lambda ends: f"{ADDRESS[ends[0]]}-{ADDRESS[ends[1]]}")


@st.composite
def rules(draw):
    """A rule over 2 directions, 3 local and 3 remote addresses, tcp and udp with 3 ports each."""
    text = {"name": "r", "action": draw(st.sampled_from(("bypass", "discard", "protect"))), "direction": draw(st.sampled_from(
        ("in", "out", "both"))), "local": draw(SIDES), "remote": draw(st.lists(SIDES, min_size=1, max_size=2)),
        "protocol": draw(st.sampled_from(("tcp", "udp", "any")))}
    if text["protocol"] != "any":
        text |= {"local-port": [f"{low}-{high}" for low, high in draw(st.lists(INTERVAL, min_size=1, max_size=2))],
                 "remote-port": draw(SMALL)}
    return Rule.model_validate(text)


FIRST = number_of(address_of(0)) + 0x0A000000
UNIVERSE = [Box((0, 1), (FIRST, FIRST + 2), (FIRST, FIRST + 2), protocol, WHOLE, WHOLE, (0, 0), (0, 0)) for protocol in ((6, 6), (17, 17))]


def points(boxes):
    """Every packet of boxes, one by one."""
    return [packet for box in boxes for packet in product(*(range(low, high + 1) for low, high in vars(box).values()))]


def selects(rule, packet):
    """The interpreter: is the packet (as Box orders it) one of the rule's?"""
    direction, local, remote, protocol, local_port, remote_port, *_ = packet
    def within(value, ranges):
        return any(low <= value <= high for low, high in ranges)
    return (rule.direction in ("both", ("in", "out")[direction]) and within(local, rule.local) and within(remote, rule.remote)
            and (rule.protocol == "any" or {"tcp": 6, "udp": 17}[rule.protocol] == protocol)
            and within(local_port, rule.local_port) and within(remote_port, rule.remote_port))


def speaker(spd):
    """A speaker with that SPD and nothing else."""
    return Speaker.model_construct(spd=tuple(spd), otherwise="discard")


@settings(max_examples=60, deadline=None)
@given(st.lists(rules(), max_size=5))
def test_first_matches_are_those_of_one_packet_after_the_other(spd):
    by_hand: dict[int | None, list] = {}
    for packet in points(UNIVERSE):
        by_hand.setdefault(next((number for number, rule in enumerate(spd) if selects(rule, packet)), None), []).append(packet)
    computed = {match.number: points(match.boxes) for match in first_matches(speaker(spd), UNIVERSE)}
    assert {number: sorted(packets) for number, packets in computed.items()} == {number: sorted(one) for number, one in by_hand.items()}
    for number in range(len(spd)):
        assert sorted(set(points(first_match(speaker(spd), number, UNIVERSE)))) == sorted(by_hand.get(number, []))


@settings(max_examples=25, deadline=None)
@given(st.lists(rules(), max_size=4))
def test_z3_agrees_that_some_bgp_packet_is_let_through(spd):
    """The same question put to a solver over whole addresses and ports, from the selectors and not from the boxes."""
    remote, port_here, port_there, way = z3.Ints("remote local_port remote_port direction")
    here = FIRST
    def among(value, ranges):
        return z3.Or([z3.And(low <= value, value <= high) for low, high in ranges])
    taken = [z3.And({"in": way == 0, "out": way == 1, "both": z3.BoolVal(True)}[rule.direction], among(z3.IntVal(here), rule.local),
                    among(remote, rule.remote), z3.BoolVal(rule.protocol in ("any", "tcp")), among(port_here, rule.local_port),
                    among(port_there, rule.remote_port)) for rule in spd]
    solver = z3.Solver()
    solver.add(way >= 0, way <= 1, remote >= FIRST, remote <= FIRST + 2, port_here >= 0, port_here <= 65535, port_there == 2)
    solver.add(z3.Or([z3.And(one, *(z3.Not(before) for before in taken[:number])) for number, one in enumerate(taken)
                      if spd[number].action == "bypass"]))
    packets = [Box((0, 1), (here, here), (FIRST, FIRST + 2), (6, 6), (0, 65535), (2, 2))]
    boxes = any(match.action == "bypass" for match in first_matches(speaker(spd), packets))
    assert boxes == (solver.check() == z3.sat)


def test_boxes_without_boxes_have_no_packet_twice():
    left = without([Box()], [Box(protocol=(6, 6), local_port=(179, 179)), Box(direction=(0, 0))])
    assert all(not one.meets(other) for number, one in enumerate(left) for other in left[:number])
    assert not any(box.meets(Box(direction=(0, 0))) for box in left)


def test_a_packet_is_shown_as_people_write_them():
    v6 = number_of(address_of(IPV4_END + 1))
    assert example([Box(local=(v6, v6), remote=(v6, v6), protocol=(6, 6), remote_port=(179, 179))]) == "tcp [::1]:49152 > [::1]:179 (out)"
    too_big = Box((1, 1), (1, 1), (2, 2), (1, 1), icmp_type=(3, 3), icmp_code=(4, 4))
    assert example([too_big]) == "icmp type 3 code 4 0.0.0.1 > 0.0.0.2 (out)"


def test_a_rule_of_two_families_never_matches():
    text = changed(('name = "too big"', '+local = "192.0.2.1"\nremote = "2001:db8::/32"'))
    assert "no packet has addresses of two families" in found(text, "spd-shadowed")[0].text


def test_rules_that_hide_another_only_together():
    """Neither of two rules covers the third alone, and both do; the two families together cover everything."""
    spd = [Rule.model_validate({"name": "r", "action": "discard", **one}) for one in (
        {"protocol": "tcp", "local-port": "0-100"}, {"protocol": "tcp", "local-port": "101-65535"}, {"protocol": "tcp"})]
    assert first_match(speaker(spd), 2, of_rule(spd[2])) == [] and first_match(speaker(spd[1:]), 1, of_rule(spd[2]))
    every = "".join(f'name = "{each}"\naction = "discard"\nlocal = "{each}"\nremote = "{each}"\n\n[[speakers.r1.spd]]\n'
                    for each in ("0.0.0.0/0", "::/0"))
    last = '[[speakers.r1.spd]]\nname = "last"\naction = "discard"\n\n'
    text = changed(('name = "too big"', every + 'name = "too big"'), ("[[speakers.r1.peers]]", last + "[[speakers.r1.peers]]"))
    assert [one.text.partition(";")[2] for one in found(text, "spd-shadowed")] == [
        " what it selects is taken by rule 4 (0.0.0.0/0) and rule 5 (::/0)",
        " what it selects is taken by rule 1 (ike) and rule 2 (bgp out) and rule 3 (bgp in) and rule 4 (0.0.0.0/0) and rule 5 (::/0)"]


@pytest.mark.parametrize(("role", "wrong"), [("active", 0), ("passive", 1), ("both", 1)])
def test_a_session_needs_the_packets_of_its_role_only(role, wrong):
    """The rule for r1 as the one who connects is gone."""
    text = changed((PEER, f'+role = "{role}"'), ("local-port = 179", "local-port = 178"))
    assert len(found(text, "bgp-discard")) == wrong


def test_port_170_leaves_179_in_plaintext():
    """F-33: the rule is there, and for the wrong port."""
    text = changed((SPEAKER, '+otherwise = "bypass"'), ("remote-port = 179", "remote-port = 170"), ("local-port = 179", "local-port = 170"))
    assert "192.0.2.2:179" in found(text, "bgp-bypass")[0].text


def test_bgp_packets_of_both_openers_are_counted_once():
    (one, _) = parse(GOOD, "x").deployment.peerings
    assert sum(box.connections() for box in bgp_packets(one)) == 2 * 65535 - 1


# What comes before a session ----------------------------------------------------------------------------------------------------------

VIA_BGP = ('{ prefix = "198.51.100.0/24", from = "igp" }', '{ prefix = "198.51.100.0/24", from = "bgp" }')


def test_a_circle_is_shown_all_around():
    (one,) = found(changed(VIA_BGP), "bootstrap-cycle")
    assert one.text == ("after a cold start session r1 - r2 needs IKE at r1 with 192.0.2.2 needs crl crl at r1 needs r1's BGP route to "
                        "198.51.100.0/24 needs session r1 - r2")


def test_a_circle_with_a_way_around_it_is_none():
    """The same needs, and a second neighbour that needs nothing of BGP also brings the route."""
    other = ('[[speakers.r1.peers]]\naddress = "192.0.2.9"\nas-number = 64509\nsuites = ["aes"]\nauthentication = "pre-shared-key"\n'
             'psk = "nine"\n\n[speakers.r2]')
    text = changed(VIA_BGP, ("\n[speakers.r2]", "\n" + other), ("[cas.exchange]", '[psks.nine]\nholders = ["r1"]\n\n[cas.exchange]'))
    assert found(text, "bootstrap-cycle") == []
    graph = needs(parse(text, "x").deployment)
    assert not nx.is_directed_acyclic_graph(graph) and len(stuck(graph)) == 0  # components alone would have accused it
    pinned = changed(('from = "bgp" },\n    { prefix = "0', 'from = "bgp", peers = ["192.0.2.2"] },\n    { prefix = "0'), text=text)
    assert found(pinned, "bootstrap-cycle")


def test_a_cached_list_breaks_the_circle_but_not_the_clock():
    assert found(changed(VIA_BGP, ('revocation = "crl"', "+cached = true")), "bootstrap-cycle")[0].text.count("ntp time at r1") == 1
    assert found(changed(VIA_BGP, ('revocation = "crl"', "+cached = true"), (SPEAKER + "\n", "\n")), "bootstrap-cycle") == []


def test_two_circles_are_two_findings():
    """A name server that is found by name, and a route that needs the session: neither is hidden by the other."""
    text = changed(VIA_BGP, ("[services.time]", '[services.names]\nkind = "dns"\naddress = "192.0.2.53"\nhost = "ns.example.net"\n\n'
                             "[services.time]"), (SPEAKER, '+resolver = "names"'), (PEER, '+found-by = "names"'))
    assert [one.text.count(" needs ") for one in found(text, "bootstrap-cycle")] == [2, 4]


@pytest.mark.parametrize("needed", [
    ('address = "198.51.100.10"           #', 'address = "198.51.100.10"\nhost = "crl.example.net" #'),
    ('{ prefix = "192.0.2.0/24", from = "connected" },', ""),
])
def test_what_is_nowhere_is_said(needed):
    assert " and there is none" in found(changed(needed, ('{ prefix = "0.0.0.0/0", from = "bgp" },', "")), "no-way")[0].text


# Files ----------------------------------------------------------------------------------------------------------------------------------

# What is changed, what stands in the line that is named, and what is said.
WRONG = {
    "type": (("as-number = 64500", 'as-number = "64500"'), 'as-number = "', 'as-number "64500": a whole number is needed'),
    "flag": ((PEER, "+nat = 1"), "nat = 1", "nat 1: true or false is needed"),
    "list": ((PEER, 'suites = "aes"'), "suites =", 'suites "aes": a list is needed'),
    "item": ((PEER, "suites = [1]"), "suites =", "suites.1 1: a text is needed"),
    "key": ((SPEAKER, "+bpg-port = 179"), "bpg-port", "bpg-port: there is no such key; did you mean bgp-port?"),
    "inline key": (('identity = { type = "fqdn"', 'identity = { typ = "fqdn"'), "typ =", "typ: there is no such key; did you mean type?"),
    "far key": ((SPEAKER, "+zzz = 1"), "zzz", "zzz: there is no such key; there are address, as-number, bgp-port, "),
    "value": ((PEER, '+exchange = "agressive"'), "exchange", 'exchange "agressive": there is no such value; did you mean aggressive?'),
    "far value": (('revocation = "crl"', 'revocation = "x"'), "revocation", '"x": there is no such value; there are off, crl, ocsp'),
    "missing": (('\nencryption = "aes-cbc"\nauthentication = "hmac-sha1"', '\nencryption = "aes-cbc"'), "[suites.aes]",
                "suites.aes.authentication: is missing; add it"),
    "large": ((SPEAKER, "+bgp-port = 70000"), "bgp-port", "bgp-port 70000: too large; at most 65535"),
    "small": (("lifetime-seconds = 28800", "lifetime-seconds = 0"), "lifetime-seconds", "lifetime-seconds 0: too small; at least 1"),
    "hold time": ((PEER, "+hold-time = 2"), "hold-time", "hold-time 2: RFC 4271 4.2 allows 0, or 3 s and more"),
    "address": (('address = "192.0.2.1"', 'address = "192.0.2.300"'), "192.0.2.300", 'address "192.0.2.300": no IP address'),
    "prefix": (('prefix = "192.0.2.0/24"', 'prefix = "192.0.2.1/24"'), "192.0.2.1/24", "has host bits set"),
    "selector": (('remote = "192.0.2.2"', 'remote = "192.0.2.9-192.0.2.2"'), "remote =", "is empty or mixes IPv4 and IPv6"),
    "two families": (('remote = "192.0.2.2"', 'remote = "192.0.2.2-2001:db8::"'), "remote =", "is empty or mixes IPv4 and IPv6"),
    "port too large": (("local-port = 500", "local-port = 65536"), "local-port", "65536 is no number from 0 to 65535"),
    "port": (("local-port = 500", "local-port = [500, true]"), "local-port", "True is no number from 0 to 65535"),
    "nothing selected": (('remote = "192.0.2.2"', "remote = []"), "remote =", "nothing is selected"),
    "no ports": (('protocol = "udp"', 'protocol = "esp"'), 'protocol = "esp"', '"esp" with ports; only tcp and udp have ports'),
    "no types": (('protocol = "icmp"', 'protocol = "any"'), 'protocol = "any"', "only icmp and icmpv6 have them"),
    "dangling": ((PEER, 'suites = ["aex"]'), "suites =", "there is no [suites.aex]; did you mean aes?"),
    "service kind": (('service = "crl"', 'service = "time"'), 'service = "time"', "service time is of kind ntp; crl is needed"),
    "no service": (('service = "crl"\n', ""), "revocation", '"crl" needs a service'),
    "psk": ((PEER, '+authentication = "pre-shared-key"'), "pre-shared-key", "need each other"),
    "key of nobody": ((PEER, '+psk = "x"'), "psk =", "need each other"),
    "ah": ((BULK, '+protocol = "ah"'), "encryption =", "AH encrypts nothing"),
    "nothing": (('encryption = "aes-cbc"\nauthentication = "hmac-sha1"', 'encryption = "null"\nauthentication = "null"'), "authentication",
                "null, and so is the encryption"),
    "twice": (('[speakers.r2]\naddress = "192.0.2.2"', '[speakers.r2]\naddress = "192.0.2.1"'), "address =", "192.0.2.1 is r1's"),
    "itself": ((R1_KNOWS_R2, R1_KNOWS_R2.replace("192.0.2.2", "192.0.2.1")), "address =", "192.0.2.1 is r1 itself"),
    "families": ((R1_KNOWS_R2, R1_KNOWS_R2.replace("192.0.2.2", "2001:db8::2")), "address =", "two families"),
    "route": (('from = "bgp"', 'from = "bgp", peers = ["192.0.2.7"]'), "192.0.2.7", "r1 has no neighbour 192.0.2.7"),
    "table": (("[suites.aes]", "[suites]\naes = 3\n[suites.more]"), "aes = 3", "aes 3: a table is needed"),
    "not toml": (("as-number = 64500", "as-number = "), "as-number", "not TOML: Invalid value"),
    "twice the key": (("as-number = 64500", "as-number = 64500\nas-number = 1"), "as-number", "not TOML: Cannot overwrite a value"),
    "no end": (('as-number = 64500', 'as-number = """'), "phase1-lifetime", "not TOML: "),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_file_ends_with_one_line(name):
    edit, place, said = WRONG[name]
    text = changed(edit)
    with pytest.raises(UsageError) as error:
        parse(text, "x.toml")
    (line, what), = re.findall(r"^x\.toml:(\d+): (.*)$", str(error.value))
    assert said in what and place in text.splitlines()[int(line) - 1]


def test_the_first_of_several_mistakes_is_named():
    with pytest.raises(UsageError, match="soft-lifetime-seconds"):
        parse(changed((PEER, "+nat = 1"), ("soft-lifetime-seconds = 25200", "soft-lifetime-seconds = 0")), "x.toml")


def test_lines_of_every_kind_of_statement():
    text = ('a = 1\n\n[t]  # x\nb = [\n 1,\n 2]\nc.d = """\nz = 3\n"""\n[[t.l]]\ne = { f = 1 }\n\n[[t.l]]\r\ne = 2\n[t.l.m]\ng = 1\n[u]\n'
            '[[t.l]]\n"q.r" = 1\nm = [[[1],\n[2]], # x\n# x\n[{ n = 3 }]\n, 4\n]')
    assert {".".join(map(str, path)): line for path, line in lines_of(text).items()} == {
        "a": 1, "t": 3, "t.b": 4, "t.b.0": 5, "t.b.1": 6, "t.c": 7, "t.c.d": 7, "t.l": 10, "t.l.0": 10, "t.l.0.e": 11, "t.l.0.e.f": 11,
        "t.l.1": 13, "t.l.1.e": 14, "t.l.1.m": 15, "t.l.1.m.g": 16, "u": 17, "t.l.2": 18, "t.l.2.q.r": 19, "t.l.2.m": 20, "t.l.2.m.0": 20,
        "t.l.2.m.0.0": 20, "t.l.2.m.0.0.0": 20, "t.l.2.m.0.1": 20, "t.l.2.m.0.1.0": 20, "t.l.2.m.1": 23, "t.l.2.m.1.0": 23,
        "t.l.2.m.1.0.n": 23, "t.l.2.m.2": 24}


KEYS = st.sampled_from(["a", "b", "c"])


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(KEYS, st.dictionaries(KEYS, st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=1, max_size=3), min_size=1),
                       min_size=1), st.randoms(use_true_random=False))
def test_every_key_is_on_its_line(document, random):
    """Arrays of tables in any order of headers, each value unique: where the index says, there it stands."""
    left = [(first, second, number, values) for first, inner in document.items() for second, many in inner.items()
            for number, values in enumerate(many)]
    order = list({(first, second) for first, second, *_ in left for _ in range(len(document[first][second]))})
    random.shuffle(order)
    written, serial = [], 0
    for first, second in order:
        for values in document[first][second]:
            written += [f"[[{first}.{second}]]"]
            for position in range(len(values)):
                serial += 1
                written += ["# a comment", f"k{position} = [", f"  {serial},", "]"]
    text = "\n".join(written)
    lines, data = lines_of(text), tomllib.loads(text)
    for first, inner in data.items():
        for second, many in inner.items():
            for number, table in enumerate(many):
                assert written[lines[first, second, number] - 1] == f"[[{first}.{second}]]"
                for key, (value,) in table.items():
                    line = lines[first, second, number, key]
                    assert (written[line - 1], written[line]) == (f"{key} = [", f"  {value},")


# The command ----------------------------------------------------------------------------------------------------------------------------

def test_the_command_on_both_examples(inside):
    good, bad = EXAMPLES / "good.toml", EXAMPLES / "as-drafted.toml"
    done = clean(inside("lint", good))
    assert (done.returncode, done.stderr) == (0, "") and done.stdout == f"1 file, {len(LINTS)} lints: 0 errors, 0 warnings, 0 notes; " \
        f"{len(assumed(parse(GOOD, 'x')))} keys left out and assumed (--assumed)\n"
    done = clean(inside("lint", good, bad))
    assert done.returncode == 1 and done.stdout.startswith(f"{bad}:5: error cbc-lifetime: ") and "not checked: " in done.stderr
    done = clean(inside("lint", "--json", good, bad))
    document = json.loads(done.stdout)
    assert done.returncode == 1 and document["files"] == [str(good), str(bad)]
    assert {"file", "line", "severity", "lint", "text", "keyword", "requirements", "source", "findings"} == set(document["findings"][0])
    assert {one["severity"] for one in document["findings"]} == {"error", "warning", "note"} and document["unchecked"]


def test_warnings_count_where_asked(inside, tmp_path):
    file = tmp_path / "d.toml"
    file.write_text(changed((SPEAKER, "+path-mtu-discovery = false")), encoding="utf-8")
    assert clean(inside("lint", file)).returncode == 0 and clean(inside("lint", "--strict", file)).returncode == 1
    file.write_text(GOOD.replace(PEER, PEER + "\npfs = false"), encoding="utf-8")
    assert clean(inside("lint", "--strict", file)).returncode == 0


def test_help_has_an_example(inside):
    done = clean(inside("lint", "-h"))
    assert done.returncode == 0 and "lockstep lint --list" in re.sub(r"[\s│]+", " ", done.stdout)


def test_the_list(inside):
    done = clean(inside("lint", "--list"))
    assert done.returncode == 0 and [line.split("\t")[0] for line in done.stdout.splitlines()[1:]] == [one.id for one in LINTS]
    assert [one["lint"] for one in json.loads(inside("lint", "--list", "--json").stdout)["lints"]] == [one.id for one in LINTS]


@pytest.mark.parametrize("words", [(), ("--list", "x.toml"), ("gone.toml",), (".",)])
def test_bad_usage(inside, words):
    done = clean(inside("lint", *words))
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1


def test_bytes_that_are_no_text(inside, tmp_path):
    for name, content in (("latin.toml", b"about = \"\xe9\"\n"), ("nested.toml", b"a = " + b"[" * 100_000), ("empty.toml", b""),
                          ("long.toml", b"a = " + b"9" * 5000)):
        (tmp_path / name).write_bytes(content)
        done = clean(inside("lint", name))
        assert done.returncode == 2 and re.fullmatch(rf"lockstep: {name}:\d+: .*\n", done.stderr), done.stderr


TOKENS = ("0", "-1", "70000", "true", '""', '"x"', "[]", "{}", "1.5", "1979-05-27", '"::"', '"0.0.0.0/0"', '"null"', '[["x"]]', "[{}]",
          "nan")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, GOOD.count("\n") - 1), st.sampled_from(("drop", "twice", *TOKENS))), min_size=1, max_size=3))
def test_a_damaged_file_is_judged_or_refused_in_one_line(damage):
    """Lines dropped, written twice, or with another value: never a traceback, and what is found has a line of the file."""
    lines = GOOD.splitlines()
    for number, what in damage:
        key, equals, _ = lines[number].partition(" = ")
        lines[number] = {"drop": "", "twice": f"{lines[number]}\n{lines[number]}"}.get(what, f"{key} = {what}" if equals else what)
    text = "\n".join(lines)
    try:
        source = parse(text, "x.toml")
    except UsageError as error:
        assert re.fullmatch(r"x\.toml:\d+: .+", str(error))
    else:
        assert all(0 < one.line <= text.count("\n") + 1 for one in (*lint(source), *unchecked(source), *assumed(source)))
