"""docs/ledger.md: every sentence of the draft with its verdict and what that rests on, and the questions that it answers by links."""

from __future__ import annotations

from collections.abc import Iterable

from docs.pages import ROOT
from lockstep.ledger import BUILT_IN, CONTRADICTED, Evidence, Verdict, counts, results, verdicts
from properties.registry import PROPERTIES
from properties.requirements import Requirement, ledger

PAGE = ROOT / "docs" / "ledger.md"
PLAINTEXT = ("no-plaintext-out", "no-plaintext-after-open", "no-plaintext-in")
WORDS = {
    "violated": "a run, a solver's model or a number breaks it, as the text is first read, or under readings that are named",
    CONTRADICTED: "another sentence cannot be obeyed together with it",
    "holds": "every reachable state was visited within the bounds, or a solver proved it",
    "undecided": "time, memory or solver gave up",
    "for each deployment to keep": "a rule of configuration: `lockstep lint` looks for it",
    BUILT_IN: "the tables are written so; no run can depart from it, which is no verification",
    "assumption on the environment": "a duty of something outside the model",
    "untestable as written": "it names nothing that could be observed",
}


def text() -> str:
    """The page. Raises UsageError where the results that are kept are of another model."""
    found = verdicts()
    return "\n".join([
        "<!-- made by python -m docs ledger; do not edit -->", "# The ledger", "",
        "Each sentence of draft-ward-bgp-ipsec-00 that states or implies a rule: where it stands, what it says in other words, how it is "
        "read formally, the verdict as the text is first read (preset `draft`), what becomes of it under the repaired rules, and what the "
        "verdict rests on. `lockstep requirements` prints the same; `lockstep requirements --draft FILE` compares a copy of the draft.", "",
        *_counted(), "", "## Questions", "", *_questions(found), "", *_sections(found), "", *_claims(), ""])


def _counted() -> Iterable[str]:
    yield "| verdict | sentences | means |"
    yield "|---|---|---|"
    for word, number in counts().items():
        yield f"| {word} | {number} | {WORDS[word]} |"
    yield f"| all | {len(ledger())} | |"


def _questions(found: dict[str, Verdict]) -> Iterable[str]:
    protecting = [one.id for one in ledger().values() if set(one.claims) & set(PLAINTEXT)]
    yield f"**Which sentences protect the session from plaintext?** {_links(protecting)}: the claims {_claim_links(PLAINTEXT)} test them."
    yield ""
    pairs = [f"{_link(name)} by {_links(one.against)}" for name, one in found.items() if one.word == CONTRADICTED]
    yield f"**Which contradict each other?** {'; '.join(pairs) or 'none'}."


def _sections(found: dict[str, Verdict]) -> Iterable[str]:
    section = ""
    for name, one in ledger().items():
        if one.section != section:
            section = one.section
            yield from ("", f"## Section {section}", "")
            yield "| sentence | lines | keyword | says | verdict | repaired | rests on |"
            yield "|---|---|---|---|---|---|---|"
        judged = found[name]
        first, _, last, _ = one.place
        lines = str(first) if first == last else f"{first}-{last}"
        verdict = f"contradicted by {_links(judged.against)}" if judged.word == CONTRADICTED else judged.text
        yield (f'| <a id="{name.lower()}"></a>{name} | {lines} | {one.keyword} | {_cell(one)} | {verdict} | {judged.repaired} | '
               f"{'<br>'.join(map(_evidence, judged.evidence))} |")


def _cell(one: Requirement) -> str:
    said = f"{one.says}<br>*{one.reads}*" + (f"<br>{one.note}" if one.note else "")
    return said.replace("|", "\\|")


def _evidence(one: Evidence) -> str:
    named = {"finding": f"[{one.name}](findings/{one.name.replace('/', '-')}.md)", "claim": f"[`{one.name}`](#{one.name})",
             "figure": f"[{one.name}](numbers.md)", "lint": f"[{one.name}](lints.md)"}.get(one.kind, "")
    return f"{named} {one.says}".strip().replace("|", "\\|") + (f" ({one.under})" if one.under else "")


def _claims() -> Iterable[str]:
    yield from ("## Claims", "", "| claim | sentence | tests | draft | repaired |", "|---|---|---|---|---|")
    for name, claim in PROPERTIES.items():
        cells = ["; ".join(one.says for one in results()[name] if one.preset == preset) for preset in ("draft", "repaired")]
        yield f'| <a id="{name}"></a>`{name}` | {claim.sentence} | {_links(claim.requirements)} | {cells[0]} | {cells[1]} |'


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _links(names: Iterable[str]) -> str:
    return ", ".join(map(_link, names))


def _claim_links(names: Iterable[str]) -> str:
    return ", ".join(f"[`{name}`](#{name})" for name in names)
