"""docs/pictures/page-WIDTH-LOOK.png: what the page of a run (`lockstep show --format html`) looks like, wide and narrow, light and dark.

`python -m docs shots` takes them, with a Chromium; they are not compared, since fonts differ from machine to machine.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from docs.finding_pages import replayed
from docs.pages import ROOT, temporary
from lockstep.page.build import html
from lockstep.page.data import page_data
from tests.browser import browser

RUN, STEP = "F-01/plaintext", 4  # the step that puts a FIN on the wire in plaintext
SIZES = {1280: 900, 400: 860}  # pixels
LOOKS = ("light", "dark")
MOST = 150_000  # octets of a picture
COLOURS = 64


def write() -> list[Path]:
    """Take them all; the files. Raises NoBrowser."""
    written = []
    with temporary() as folder, browser() as chromium:
        page = Path(folder) / "run.html"
        page.write_text(html(page_data(replayed()[RUN])), encoding="utf-8")
        for wide, high in SIZES.items():
            for look in LOOKS:
                context = chromium.new_context(offline=True, viewport={"width": wide, "height": high}, color_scheme=look)
                shown = context.new_page()
                shown.goto(page.as_uri())
                for _ in range(STEP):
                    shown.keyboard.press("ArrowRight")
                written.append(ROOT / "docs" / "pictures" / f"page-{wide}-{look}.png")
                written[-1].write_bytes(_small(shown.screenshot()))
                context.close()
    return written


def _small(picture: bytes) -> bytes:
    """The same picture with few colours: text and lines lose nothing by it."""
    kept = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(kept, "PNG", optimize=True)
    return kept.getvalue()
