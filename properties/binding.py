"""One SA a connection, one connection an SA, and both ends of one mind about it."""

from __future__ import annotations

from model.binding import BOUND, SINGLE, bound_to
from model.expr import BOOL, Expr, Fired, Peer, Post, Sent, Var, conj, disj
from model.ipsec import as_prot
from model.signals import ANY_SA, BGP, BGP_ESTABLISHED, G0, G1, G2, SA_FOR, SA_IN, SA_OUT, TCP_INC, gen, inc, prot, sa_covers, sa_present
from model.system import Monitor
from properties.claim import Claim
from properties.vocabulary import GENERATIONS

_PAIRS = ((G0, G1), (G0, G2), (G1, G2))
_BOTH_OUT = [(SA_OUT[g] != "none") & (SA_OUT[h] != "none") for g, h in _PAIRS]
_SAME_CONNECTION = [out & sa_covers(g, TCP_INC) & sa_covers(h, TCP_INC) for out, (g, h) in zip(_BOTH_OUT, _PAIRS, strict=True)]
TWO_OUT: Expr = disj(*_SAME_CONNECTION)
ONE_OUT: Expr = disj(*((SA_OUT[g] != "none") & sa_covers(g, TCP_INC) for g in GENERATIONS))
INCONGRUENT: Expr = disj(*(two & (SA_FOR[g] != SA_FOR[h]) for two, (g, h) in zip(_SAME_CONNECTION, _PAIRS, strict=True)))

# History: this generation has carried a segment of the first incarnation, since it was installed.
CARRIED = [Var("history", f"{name}-carried-first", BOOL) for name in ("g0", "g1", "g2")]


def _carries(generation: Expr, incarnation: str) -> Sent:
    return Sent("segments", (prot == as_prot(generation)) & (inc == incarnation))


_MONITORS = tuple(Monitor(end, var, _carries(g, "0"), Post((SA_OUT[g] == "none") & (SA_IN[g] == "none")))
                  for end in ("A", "B") for g, var in zip(GENERATIONS, CARRIED, strict=True))
_SECOND = disj(*(_carries(g, "1") for g in GENERATIONS))
_SECOND_ON_SAME = disj(*(conj(var, _carries(g, "1")) for g, var in zip(GENERATIONS, CARRIED, strict=True)))
_WITH_SAS = ("teardown", "opening", "rekey", "phase1", "restart")
UNMARKED = ("b11 ignored", "b11 connection failed", "b11 renegotiate")
_BOTH_UP = (BGP == BGP_ESTABLISHED) & Peer(BGP == BGP_ESTABLISHED)

CLAIMS = (
    Claim("one-sa-strict", "A connection has at most one outbound SA at an end.", "draft 3.1 l.406-411, 3.2 l.483-484",
          Post(TWO_OUT), Post(ONE_OUT), _WITH_SAS),
    Claim("one-sa-congruent", "All outbound SAs of a connection at an end have the same selectors.",
          "draft 3.1 l.406-411 as far as rekey (3.2 l.486-491) leaves it", Post(INCONGRUENT), Post(ONE_OUT), _WITH_SAS),
    Claim("sa-serves-one-connection", "An SA that carried one incarnation of a connection never carries another.",
          "draft 3.1 l.408-411, 3.6 l.634-637", _SECOND_ON_SAME, _SECOND, ("restart",), _MONITORS),
    Claim("binding-agrees", "While both ends are Established, both name the same SA as the connection's.",
          "draft 3.2 l.476-484", Post(_BOTH_UP & disj(*(BOUND.among(g) & ~Peer(BOUND.among(g)) for g in BOUND.sort.values[1:]))),
          Post(_BOTH_UP), ("opening", "phase1")),
    Claim("binding-is-current", "While a session is Established under SAs, the one SA that its binding names is among them.",
          "draft 3.2 l.476-484 against l.486-491",
          Post((BGP == BGP_ESTABLISHED) & SINGLE & ANY_SA & disj(*((bound_to(g) == BOUND) & ~sa_present(g) for g in GENERATIONS))),
          Post((BGP == BGP_ESTABLISHED) & ANY_SA & (BOUND != "none")), ("rekey",)),
    Claim("rekey-keeps-session", "A Delete does not fail the session of a connection that still has an SA to send under.",
          "draft 3.2 l.486-491: BGP plays no role in rekey; 3.4 l.538-546",
          disj(*(Fired("binding", "b11 connection failed", where=gen == g) & disj(*(SA_OUT[h] != "none" for h in GENERATIONS if h is not g))
                 for g in GENERATIONS)), Fired("binding", *UNMARKED), ("rekey",)),
)
