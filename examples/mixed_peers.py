"""Two ends that read the draft differently: A follows the repaired rules, B the draft as first read, and the other way round.

The surroundings are quiet (no attacker, nothing lost, nothing replayed), so that each search takes a second or two.
"""

import lockstep
from properties.presets import PRESETS

CLAIMS = ("no-plaintext-out", "sa-outlives-connection", "delete-means-closed")
QUIET = {"attacks": 0, "copies": 0, "losses": 0}


def main() -> None:
    draft, repaired = PRESETS["draft"], PRESETS["repaired"]
    for end in ("A", "B"):
        changed = [f"{end}:{key}={choice.value}" for key, choice in repaired.choices.items() if choice.value != draft.value(key)]
        report = lockstep.verify("teardown", preset="draft", readings=changed, properties=CLAIMS, bounds=QUIET)
        for one in report.results:
            at = f" at step {one.length}" if one.length else ""
            print(f"{end} repaired, the other end as drafted: {one.property} {one.verdict}{at} ({one.states:,} states)")


if __name__ == "__main__":
    main()
