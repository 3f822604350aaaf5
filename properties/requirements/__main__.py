"""What an entry needs of a draft's sentences: ``at``, ``words`` and ``digest``, with the words for the eye.

python -m properties.requirements DRAFT 527-532             each sentence that has a word in these lines
python -m properties.requirements DRAFT 530:6-532:6         from one word to another, both counted from 1
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from properties.requirements import between, digest_of, place_of, words_of

_HEADING = re.compile(r"\s*\d+(\.\d+)*\.? +[A-Z].*")


def sentences(text: str) -> Iterator[list[tuple[int, int, str]]]:
    """A draft's words, as `words_of` has them, cut where a sentence ends and before and after a heading."""
    headings = {number for number, line in enumerate(text.splitlines(), 1) if _HEADING.fullmatch(line)}
    found: list[tuple[int, int, str]] = []
    for one in words_of(text):
        if found and (found[-1][2].endswith((".", ".)", ":", ";")) or (found[-1][0] in headings) != (one[0] in headings)):
            yield found
            found = []
        found.append(one)
    yield found


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    text = Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace")
    for span in sys.argv[2:]:
        if ":" in span:
            places = [span]
        else:
            low, high = map(int, span.split("-"))
            touched = [one for one in sentences(text) if one[0][0] <= high and one[-1][0] >= low]
            places = [f"{one[0][0]}:{one[0][1]}-{one[-1][0]}:{one[-1][1]}" for one in touched]
        for place in places:
            said = between(text, place_of(place))
            print(f'at = "{place}"\nwords = {len(said)}\ndigest = "{digest_of(said)}"\n# {" ".join(said)}\n')


if __name__ == "__main__":
    main()
