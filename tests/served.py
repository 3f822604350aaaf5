"""A page that is served, and its reader in a browser."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from lockstep.explore.path import Asked, asked_in, next_steps, position


def eventually(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + 60
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


class Served:
    """A server in this process, on a free port. `more`: what its page has besides (`lockstep.explore.server.application`)."""

    def __init__(self, **more: Any) -> None:
        pytest.importorskip("uvicorn", reason="the extra web is not installed: the page is not served")
        pytest.importorskip("starlette", reason="the extra web is not installed: the page is not served")
        from lockstep.explore.server import listen, server_of

        self.listens = listen(0)
        self.port = self.listens.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.server = server_of(self.listens, **more)
        self.thread = threading.Thread(target=self.server.run, args=([self.listens],), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)

    def ask(self, address: str, body: Any = None, method: str = "POST", **headers: str) -> tuple[int, str]:
        """Status and text. `headers`: instead of or beside the usual ones."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            usual = {"Content-Type": "application/json"} | {key.replace("_", "-"): value for key, value in headers.items()}
            connection.request(method, address, None if method == "GET" else content, usual)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def json(self, address: str, body: Any) -> Any:
        status, text = self.ask(address, body)
        assert status == 200, text
        return json.loads(text)


class Reader:
    """A page of the server, in a browser profile of its own. `wrong`: what it complained of, or asked of others."""

    def __init__(self, browser: Any, served: Served, link: str, **look: Any) -> None:
        self.context = browser.new_context(**look)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("request", lambda asked: asked.url.startswith((served.url, "blob:")) or self.wrong.append(f"asks for {asked.url}"))
        self.page.goto(served.url + link)
        self.page.wait_for_selector("body[data-ready]")

    @property
    def asked(self) -> Asked:
        """Where it stands: its link up to the step shown."""
        asked = asked_in(self.page.url)
        return replace(asked, path=asked.path[:int(self.page.evaluate("document.body.dataset.step"))])

    def until(self, true: str) -> None:
        """Wait for a JavaScript expression. (Playwright's own way is an eval in the page, which the page's policy forbids.)"""
        assert eventually(lambda: self.page.evaluate(true)), true

    def listed(self) -> list[int]:
        """The steps that may be taken, once they are those of the state shown."""
        self.until("explore.listed() === explore.query()")
        return [int(one.get_attribute("data-index")) for one in self.page.locator("#groups button").all()]

    def differs(self) -> list[str]:
        """What it says against the interpreter."""
        at = position(self.asked)
        described = at.world.system.describe(at.state)
        shown = self.page.evaluate("""() => Object.fromEntries([...document.querySelectorAll("[data-variable]")].map((one) =>
            [one.dataset.variable, one.children[1].textContent]))""")
        found = [key for key, value in shown.items() if described[key] != value]
        return found + (["steps"] if sorted(self.listed()) != [one["index"] for one in next_steps(at)] else [])

    def take(self, text: str) -> None:
        self.listed()
        before = self.page.url
        self.page.locator("#groups button", has_text=text).first.click()
        self.until(f"location.href !== {json.dumps(before)}")

    def message(self) -> str:
        self.page.wait_for_selector("#message:not([hidden])")
        return str(self.page.inner_text("#message"))


@contextmanager
def reading(browser: Any, served: Served, link: str = "", **look: Any) -> Iterator[Reader]:
    reader = Reader(browser, served, link, **look)
    try:
        yield reader
    finally:
        reader.context.close()
