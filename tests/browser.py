"""The browser that tests and screenshots use: a Chromium of the system, which asks nobody for anything; and what tests measure there.

The fixture `browser` is in conftest.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]

# What has the focus, and how it is outlined.
FOCUS = """() => { const one = document.activeElement, look = getComputedStyle(one);
    return [one.id || one.tagName, look.outlineStyle, parseFloat(look.outlineWidth)]; }"""

# The longest time that anything takes to move, in seconds.
LONGEST_MOTION = """() => Math.max(...[...document.querySelectorAll("*")].flatMap((one) => {
    const style = getComputedStyle(one);
    return `${style.transitionDuration},${style.animationDuration}`.split(",").map(parseFloat); }))"""

# Contrast by WCAG 2.2, 1.4.3, of every text that can be seen, against what is behind it; of a picture's text, against its box.
CONTRAST = """() => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => { const [r, g, b] = parts(colour).slice(0, 3).map((one) => { const part = one / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const solid = (colour) => colour !== "none" && (parts(colour)[3] ?? 1) > 0;
    const behind = (one) => { for (let at = one; at; at = at.parentElement) {
        if (at.tagName === "g") { const box = at.querySelector("rect"); if (box) return getComputedStyle(box).fill; }
        const colour = getComputedStyle(at).backgroundColor; if (solid(colour)) return colour; } return "rgb(255, 255, 255)"; };
    document.querySelectorAll("details").forEach((one) => { one.open = true; });
    const low = []; let seen = 0;
    for (const one of document.querySelectorAll("body *")) {
        const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!own || !one.getClientRects().length || ["SCRIPT", "NOSCRIPT"].includes(one.tagName)) continue;
        seen += 1;
        const style = getComputedStyle(one), ink = one.tagName === "text" ? style.fill : style.color;
        const [a, b] = [light(ink), light(behind(one))].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 4.5) low.push(`${one.tagName}.${one.className}: ${one.textContent.slice(0, 30)}`);
    }
    return [seen, low];
}"""


class NoBrowser(Exception):
    """What is missing, in a line."""


@contextmanager
def browser() -> Iterator[Any]:
    """A running Chromium, as playwright gives it. Raises NoBrowser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowser("playwright is not installed") from None
    if CHROMIUM is None:
        raise NoBrowser("no chromium on the path")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield found
        finally:
            found.close()
