"""Take one known finding, search for its shortest witness, replay it, and look at the states it passes through."""

from lockstep.engines import run
from lockstep.jobs import Job
from properties.findings import FINDINGS
from traces.ladder import ladder
from traces.replay import replay


def main() -> None:
    finding = FINDINGS["F-02/plaintext"]
    outcome = run(Job(finding.slice, finding.preset, finding.readings, findings=(finding.name,), bounds=finding.bounds))
    witness = replay(outcome.traces[finding.name])
    print(ladder(witness))
    for number, step in enumerate(witness.outcomes, 1):
        after = witness.system.describe(step.after)
        print(f"after step {number}: A {after['A.tcp.state']} {after['A.spd.state']}, B {after['B.tcp.state']} {after['B.spd.state']}")


if __name__ == "__main__":
    main()
