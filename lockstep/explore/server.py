"""The server of the page: it keeps nothing, and answers only the machine it runs on.

Each request says where its reader stands (`lockstep.explore.path`) and is answered from that alone. `GET /` is the page; what its script
asks are POSTs of JSON, which a page of another origin cannot send: a Host or an Origin that is not this server's is refused. A search
runs in a process of its own and is killed when the answer is no longer awaited.
"""

from __future__ import annotations

import json
import socket
import webbrowser
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lockstep.choice import UsageError
from lockstep.explore import path, ways
from lockstep.explore.answers import USER_ERRORS, choices, goal_of, next_steps, run, slice_facts
from lockstep.page.build import Parts, embedded, html, part, policy
from lockstep.page.data import Document
from verify.query import Progress

HOST = "127.0.0.1"
PORT = 8179  # where it is free, so that links and bookmarks stay what they are
NAMES = (HOST, "localhost")  # under which a browser may know this server
MOST_BYTES = 1_000_000  # of a request
MOST_SEARCHES = 2  # at a time
EVERY = 0.1  # seconds between two looks at a search

Answer = Callable[[Mapping[str, Any]], Document]


# -- how it is asked ------------------------------------------------------------------------------------------------------------------


def answering(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that answers a POST of JSON with JSON; what the reader did wrong in one line, with status 400."""
    async def endpoint(request: Request) -> Response:
        try:
            asked = await document_in(request)
            return JSONResponse(await run_in_threadpool(answer, asked))
        except USER_ERRORS as error:
            return JSONResponse({"error": str(error)}, 400)
    return endpoint


async def document_in(request: Request) -> Mapping[str, Any]:
    """The JSON object that a request carries. Raises UsageError, HTTPException."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "send JSON")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"at most {MOST_BYTES} bytes are read")
    try:
        found = json.loads(bytes(body))
    except (ValueError, RecursionError):
        raise UsageError("what was sent is not JSON") from None
    if not isinstance(found, dict):
        raise UsageError("what was sent is not a JSON object")
    return found


class Searches:
    """The endpoint that looks for ways, a few at a time. `stopped`: is the server about to end?"""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self.running, self.stopped = 0, stopped

    async def endpoint(self, request: Request) -> Response:
        try:
            goal = goal_of(await document_in(request))
            await run_in_threadpool(ways.check, goal)
        except USER_ERRORS as error:
            return JSONResponse({"error": str(error)}, 400)
        if self.running >= MOST_SEARCHES:
            return JSONResponse({"error": f"{self.running} searches are running already; wait, or cancel one"}, 429)
        self.running += 1
        return Searching(goal, self)


class Searching(Response):
    """A search, told in lines of JSON: now and then how far it has come, at last what was found. It is killed when nobody listens."""

    media_type = "application/x-ndjson"

    def __init__(self, goal: ways.Goal, searches: Searches) -> None:
        super().__init__()
        del self.headers["content-length"]
        self.goal, self.searches = goal, searches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        looking = None
        try:
            looking = await run_in_threadpool(ways.Looking, self.goal)  # a first process takes a second to start
            async with anyio.create_task_group() as both:
                both.start_soon(self._until_gone, receive, both.cancel_scope)
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                while not looking.answered and not self.searches.stopped():
                    await anyio.sleep(EVERY)
                    for one in looking.poll()[-1:]:
                        line = json.dumps(await run_in_threadpool(_said, one)) + "\n"
                        await send({"type": "http.response.body", "body": line.encode(), "more_body": True})
                await send({"type": "http.response.body", "body": b""})
                both.cancel_scope.cancel()
        finally:
            if looking is not None:
                looking.end()
            self.searches.running -= 1

    @staticmethod
    async def _until_gone(receive: Receive, both: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        both.cancel()


def _said(one: Progress | ways.Found | Exception) -> Document:
    if isinstance(one, Progress):
        return {"progress": f"{one.states:,} states, level {one.level}, {one.seconds:.1f} s"}
    if isinstance(one, ways.Found):
        return {"found": None if one.asked is None else path.document(one.asked), "says": one.says}
    return {"error": str(one) if isinstance(one, UsageError) else f"internal error, please report it: {one}"}


# -- who is answered -------------------------------------------------------------------------------------------------------------------


class Local:
    """Refuses whoever does not speak to this server by its own name, and every page that is not its own."""

    def __init__(self, app: ASGIApp, port: int, headers: Mapping[str, str]) -> None:
        self.app, self.headers = app, [(key.lower().encode(), value.encode()) for key, value in headers.items()]
        self.hosts = {f"{name}:{port}" for name in NAMES}
        self.origins = {f"http://{host}" for host in self.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given: dict[str, list[str]] = {}
        for key, value in scope["headers"]:
            given.setdefault(key.decode("latin-1"), []).append(value.decode("latin-1"))

        async def send_all(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *self.headers]}
            await send(message)

        why = self._refused(scope["method"], given)
        if why:
            await PlainTextResponse(f"{why}\n", 403)(scope, receive, send_all)
        else:
            await self.app(scope, receive, send_all)

    def _refused(self, method: str, given: Mapping[str, Sequence[str]]) -> str:
        host, origin, site = (given.get(key, []) for key in ("host", "origin", "sec-fetch-site"))
        if len(host) != 1 or host[0].lower() not in self.hosts:
            return f"this server answers to {' and '.join(sorted(self.hosts))} only"
        if len(origin) > 1 or (origin and origin[0].lower() not in self.origins):
            return "this server answers its own page only"
        if method not in ("GET", "HEAD") and site and site[0] != "same-origin":
            return "this server answers its own page only"
        return ""


def internal(request: Request, error: Exception) -> Response:
    """What is nobody's mistake but this program's: one line to the reader. Starlette raises it again, so the terminal has it in full."""
    return JSONResponse({"error": f"internal error, please report it: {type(error).__name__}: {' '.join(str(error).split())[:300]}"}, 500)


def refused(request: Request, error: Exception) -> Response:
    """A wrong address, method or size."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code)


def parts(more: Parts | None = None) -> Parts:
    """What the page has besides the drawing. `more`: what another page has besides that (its `aside` is the panel beside it all)."""
    here, more = __package__, more or Parts()
    above = part(here, "above.html").replace("{choices}", embedded(choices()))
    return Parts(part(here, "explore.css") + more.style, part(here, "explore.js") + more.script, above + more.above,
                 part(here, "between.html") + more.between, more.aside, connects=True)


def application(port: int, *, routes: Sequence[BaseRoute] = (), more: Parts | None = None, title: str = "Lockstep explore",
                stopped: Callable[[], bool] = lambda: False) -> ASGIApp:
    """The server for this port. `routes`, `more`: what another page, made from this one, answers and shows besides; `stopped`: is it about
    to end?"""
    shown = parts(more)
    page = html(None, shown, title)

    async def index(request: Request) -> Response:
        return HTMLResponse(page)

    app = Starlette(routes=[Route("/", index), *(Route(f"/{name}", answering(answer), methods=["POST"]) for name, answer in (
        ("run", run), ("next", next_steps), ("slice", slice_facts))), Route("/way", Searches(stopped).endpoint, methods=["POST"]), *routes],
        exception_handlers={HTTPException: refused, Exception: internal})
    return Local(app, port, {
        "Content-Security-Policy": f"{policy(shown)}; frame-ancestors 'none'", "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store"})


# -- serving ---------------------------------------------------------------------------------------------------------------------------


def listen(port: int | None) -> socket.socket:
    """A socket of this machine's alone: this port, or any free one for 0; PORT, or any free one, for None. Raises UsageError."""
    if port is None:
        try:
            return socket.create_server((HOST, PORT))
        except OSError:
            return socket.create_server((HOST, 0))
    if port not in range(65536):
        raise UsageError(f"port {port}: give a number from 0 to 65535")
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise UsageError(f"port {port}: {error.strerror}; give another one, or none") from None


def server_of(listens: socket.socket, **more: Any) -> uvicorn.Server:
    """The server of a socket, to be run. `more`: for `application`."""
    app = application(listens.getsockname()[1], stopped=lambda: server.should_exit, **more)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False,
                                           timeout_graceful_shutdown=2))
    return server


def serve(listens: socket.socket, query: str, *, browser: bool = False, as_json: bool = False, **more: Any) -> None:
    """Print the address of the page, its link's query included, and serve it until Ctrl-C. `browser`: also open it there; `as_json`: print
    the address as a document."""
    address = f"http://{HOST}:{listens.getsockname()[1]}/?{query}"
    print(json.dumps({"address": address}) if as_json else f"{address}\nserving this page until Ctrl-C", flush=True)
    if browser:
        webbrowser.open(address)
    with suppress(KeyboardInterrupt), listens:
        server_of(listens, **more).run(sockets=[listens])
