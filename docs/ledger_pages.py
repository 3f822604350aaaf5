"""docs/ledger.md: every sentence of the draft with its verdict and what that rests on, and the questions that it answers by links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from docs import mutant_pages
from docs.pages import ROOT
from lockstep.ledger import (
    ASSUMED,
    BUILT_IN,
    COMPUTED,
    CONTRADICTED,
    DEPLOYMENT,
    UNTESTABLE,
    Evidence,
    Verdict,
    counts,
    results,
    verdicts,
)
from lockstep.mutation import matrix
from properties.registry import HOLDS, PROPERTIES, UNDECIDED, VIOLATED
from properties.requirements import Requirement, ledger, titles

PAGE = ROOT / "docs" / "ledger.md"
PLAINTEXT = ("no-plaintext-out", "no-plaintext-after-open", "no-plaintext-in")
MUSTS = ("MUST", "MUST NOT")
FEW = 4  # figures of a topic without a verdict that are listed one by one
WORDS = {
    VIOLATED: "a run, a solver's model or a number breaks it, as the text is first read, or under readings that are named",
    CONTRADICTED: "another sentence cannot be obeyed together with it",
    HOLDS: "every reachable state was visited within the bounds, a solver proved it, or a run shows what it says is possible",
    UNDECIDED: "time, memory or solver gave up",
    DEPLOYMENT: "a rule of configuration: `lockstep lint` looks for it",
    COMPUTED: "it speaks of an amount and gives none; z3 proved the one that stands beside it",
    BUILT_IN: "the tables are written so; no run can depart from it, which is no verification",
    ASSUMED: "a duty of something outside the model",
    UNTESTABLE: "it names nothing that a run or a number could depart from",
}


def text() -> str:
    """The page. Raises UsageError where the results that are kept are of another model."""
    found = verdicts()
    return "\n".join([
        "<!-- made by python -m docs ledger; do not edit -->", "# The ledger", "",
        "Each sentence of draft-ward-bgp-ipsec-00 that states or implies a rule: where it stands, what it says in other words, how it is "
        "read formally, the verdict as the text is first read (preset `draft`), what becomes of its claims under the repaired rules, and "
        "what the verdict rests on. `lockstep requirements W-3.3-12` prints a sentence; `lockstep requirements --draft FILE` compares a "
        "copy of the draft.", "",
        *counted(), "", *_by_section(found), "", "## Questions", "", *_questions(found), "", *_sections(found), "", *_claims(), ""])


def counted() -> list[str]:
    """How many sentences have each verdict, and what it means."""
    rows = [f"| {word} | {number} | {WORDS[word]} |" for word, number in counts().items()]
    return ["| verdict | sentences | means |", "|---|---|---|", *rows, f"| all | {len(ledger())} | |"]


def _by_section(found: Mapping[str, Verdict]) -> Iterator[str]:
    words = list(counts())
    yield "| section | " + " | ".join(words) + " |"
    yield "|---" * (len(words) + 1) + "|"
    for section, title in titles().items():
        number = Counter(found[one.id].word for one in _of(section))
        yield f"| [{_heading(section, title)}](#section-{section.lower()}) | " + " | ".join(str(number[one] or "") for one in words) + " |"


# -- questions -------------------------------------------------------------------------------------------------------------------------


def _questions(found: Mapping[str, Verdict]) -> Iterator[str]:
    yield from ("### Which sentences protect the session from plaintext?", "",
                f"Those that the claims {_claim_links(PLAINTEXT)} put to the test.", "")
    yield from _listed([one for one in ledger().values() if set(one.claims) & set(PLAINTEXT)], found)
    yield from ("", "### Which contradict each other?", "", "| sentence | says | sentence | says |", "|---|---|---|---|")
    for one in ledger().values():
        for other in (ledger()[name] for name in one.against):
            if one.place < other.place:
                yield f"| {_link(one.id)} | {_plain(one.says)} | {_link(other.id)} | {_plain(other.says)} |"
    yield from ("", "### Which MUSTs are broken as the text is first read, and which of them do the repaired rules keep?", "")
    yield from _listed([one for one in ledger().values() if one.keyword in MUSTS and found[one.id].word == VIOLATED], found)
    yield from ("", "### Which may be dropped without any claim noticing?", "", *_droppable(), "")
    yield from ("### What is left to others?", "")
    for word in (DEPLOYMENT, ASSUMED, UNTESTABLE):
        yield f"- {word}: {_links(name for name, one in found.items() if one.word == word)}."


def _droppable() -> Iterator[str]:
    if matrix.KEPT.exists():
        yield from mutant_pages.question(_links)
    else:
        yield "Not known: `python -m docs mutants` leaves them out of the model one by one."


def _listed(those: Iterable[Requirement], found: Mapping[str, Verdict]) -> Iterator[str]:
    yield "| sentence | keyword | says | draft | repaired |"
    yield "|---|---|---|---|---|"
    for one in those:
        yield f"| {_link(one.id)} | {one.keyword} | {_plain(one.says)} | {_word(found[one.id])} | {found[one.id].repaired} |"


# -- sentences and claims --------------------------------------------------------------------------------------------------------------


def _sections(found: Mapping[str, Verdict]) -> Iterator[str]:
    for section, title in titles().items():
        yield from (f'<a id="section-{section.lower()}"></a>', f"## {_heading(section, title)}", "")
        yield from _listed(_of(section), found)
        for one in _of(section):
            yield from ("", *_block(one, found[one.id]))
        yield ""


def _block(one: Requirement, judged: Verdict) -> Iterator[str]:
    first, _, last, _ = one.place
    lines = f"l.{first}" if first == last else f"l.{first}-{last}"
    repaired = f"; under the repaired rules: {judged.repaired}" if judged.repaired else ""
    yield f'<a id="{one.id.lower()}"></a>**{one.id}**, {lines}, {one.keyword} ({one.subject}): **{_word(judged)}**{repaired}'
    yield ""
    yield f"- read as: {_plain(one.reads)}"
    yield from (f"- {line}" for line in _evidence(judged.evidence))
    if one.note:
        yield f"- note: {_plain(one.note)}"


def _evidence(those: Iterable[Evidence]) -> Iterator[str]:
    """A line for each piece; figures of one topic that the draft does not state are counted where they are many."""
    unstated: dict[str, list[Evidence]] = {}
    for one in those:
        if one.word == COMPUTED:
            unstated.setdefault(one.under, []).append(one)
        else:
            yield _piece(one)
    for topic, figures in unstated.items():
        if len(figures) <= FEW:
            yield from map(_piece, figures)
        else:
            yield f"figures: {len(figures)} of topic [{topic}](numbers.md) that the draft does not state, all proved"


def _piece(one: Evidence) -> str:
    named = {"finding": f"finding [{one.name}](findings/{one.name.replace('/', '-')}.md)", "claim": f"claim [`{one.name}`](#{one.name})",
             "figure": f"figure [{one.name}](numbers.md)", "lint": f"lint [{one.name}](lints.md)",
             "scenario": f"scenario `{one.name}`", "reason": one.name}[one.kind]
    return f"{named}: {one.says}" + (f" ({one.under})" if one.under else "")


def _claims() -> Iterator[str]:
    yield from ("## Claims", "", "| claim | sentence | tests | draft | repaired |", "|---|---|---|---|---|")
    for name, claim in PROPERTIES.items():
        cells = ["; ".join(one.says for one in results()[name] if one.preset == preset) for preset in ("draft", "repaired")]
        yield f'| <a id="{name}"></a>`{name}` | {claim.sentence} | {_links(claim.requirements)} | {cells[0]} | {cells[1]} |'


# -- small parts -----------------------------------------------------------------------------------------------------------------------


def _of(section: str) -> list[Requirement]:
    return [one for one in ledger().values() if one.section == section]


def _heading(section: str, title: str) -> str:
    return f"{section} {title}" if section[0].isdigit() else title


def _word(judged: Verdict) -> str:
    return f"{CONTRADICTED} by {_links(judged.against)}" if judged.word == CONTRADICTED else judged.word


def _plain(said: str) -> str:
    return said.replace("|", "\\|").replace("*", "\\*")


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _links(names: Iterable[str]) -> str:
    return ", ".join(map(_link, names))


def _claim_links(names: Iterable[str]) -> str:
    return ", ".join(f"[`{name}`](#{name})" for name in names)
