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
from functools import cache
from importlib.resources import as_file, files
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
from lockstep.page.build import Parts, embedded, html, part, policy
from lockstep.page.data import FIRST, Document
from model.readings import READINGS
from model.slices import SLICES, build
from model.trace import TraceError, from_document
from properties.findings import FINDINGS
from properties.presets import PRESETS
from properties.registry import claims_of
from traces.files import read
from traces.replay import NotARun, Run, replay
from verify.query import Progress

HOST = "127.0.0.1"
PORT = 8179  # where it is free, so that links and bookmarks stay what they are
NAMES = (HOST, "localhost")  # under which a browser may know this server
MOST_BYTES = 1_000_000  # of a request
MOST_SEARCHES = 2  # at a time
EVERY = 0.1  # seconds between two looks at a search
USER_ERRORS = (UsageError, TraceError, NotARun)
GALLERY = files("traces") / "gallery"

Answer = Callable[[Mapping[str, Any]], Document]


# -- what is answered ------------------------------------------------------------------------------------------------------------------


def run(asked: Mapping[str, Any]) -> Document:
    """The page of a link ("query"); of a kept finding ("finding", its name) or of a trace ("trace", the document), which are replayed; or
    of a link with as many as possible of the "steps" that another run took. Raises USER_ERRORS."""
    if "finding" in asked:
        name = _text(asked, "finding")
        if name not in FINDINGS:
            raise UsageError(f"finding {name[:80]!r}: there is no such finding")
        return _opened(read_kept(name))
    if "trace" in asked:
        trace = from_document(asked["trace"])
        if trace.length > path.MOST_STEPS:
            raise UsageError(f"trace: it has {trace.length} steps; at most {path.MOST_STEPS} are shown")
        return _opened(replay(trace))
    place = path.asked_in(_text(asked, "query"))
    if "steps" not in asked:
        return path.document(place)
    wanted = from_document(asked["steps"]).steps
    found, why = path.follow(place, wanted)
    says = f"{len(found.path)} of {len(wanted)} steps can be taken under these readings: {why}" if why else ""
    return path.document(found) | {"says": says}


def _opened(replayed: Run) -> Document:
    trace = replayed.trace
    about = f"{trace.finding}: {FINDINGS[trace.finding].title}" if trace.finding else f"a run by {trace.engine}"
    broken = f"; breaks {trace.property} at {trace.end} in its last step" if trace.property and trace.loop is None else ""
    endless = "" if trace.loop is None else f"; breaks {trace.property} at {trace.end}: what follows step {trace.loop} repeats for ever"
    return path.document(path.opened(replayed)) | {"says": f"{about}{broken}{endless}"}


def read_kept(finding: str) -> Run:
    """The kept witness of a finding, replayed."""
    with as_file(GALLERY / f"{finding.replace('/', '-')}.json") as file:
        return replay(read(file))


def next_steps(asked: Mapping[str, Any]) -> Document:
    """What may happen where a link leads."""
    place = path.asked_in(_text(asked, "query"))
    return {"query": place.query, "next": path.next_steps(path.position(place))}


def slice_facts(asked: Mapping[str, Any]) -> Document:
    """What can be chosen in the slice of a link, under its readings: starts, readings, claims, rows, variables."""
    place = path.asked_in(_text(asked, "query"))
    system = build(place.slice, place.chosen, bounds=dict(place.bounds))
    first, names = system.initial[0], path.reading_names(place.slice)
    starts = []
    for state in system.initial:
        differs = [f"{slot} = {slot.text(code)}" for slot, code, usual in zip(system.slots, state, first, strict=True) if code != usual]
        starts.append(", ".join(differs[:4]) + (", ..." if len(differs) > 4 else ""))
    rows: dict[str, list[str]] = {}
    for one in sorted(system.instances, key=lambda one: FIRST.index(one.table.name) if one.table.name in FIRST else len(FIRST)):
        rows[f"{one.scope} {one.table.name}".strip()] = [row.key for row in one.table.firing]
    slots = sorted((slot for slot in system.slots if slot.sort is not None and slot.var.table not in ("reading", "endpoint")),
                   key=lambda slot: slot.var.name != "state")
    variables = {str(slot): list(slot.sort.values) for slot in slots if slot.sort is not None}
    return {"slice": place.slice, "starts": starts, "rows": rows, "variables": variables,
            "claims": [{"name": one.name, "sentence": one.sentence} for one in claims_of(place.slice)],
            "readings": [{"key": one.key, "values": list(one.values), "of": one.scope, "about": one.about, "source": one.source}
                         for one in READINGS.values() if names & {f"A:{one.key}", f"B:{one.key}", one.key}]}


@cache
def choices() -> Document:
    """What can be chosen whatever the slice is."""
    return {"slices": [{"name": one.name, "about": one.about} for one in SLICES.values()],
            "presets": {one.name: {key: one.value(key) for key in READINGS} for one in PRESETS.values()},
            "findings": [{"name": one.name, "title": one.title, "slice": one.slice, "preset": one.preset} for one in FINDINGS.values()],
            "most": path.MOST_STEPS}


def _text(asked: Mapping[str, Any], key: str) -> str:
    value = asked.get(key)
    if not isinstance(value, str):
        raise UsageError(f"{key}: a text is needed")
    return value


def goal_of(asked: Mapping[str, Any]) -> ways.Goal:
    """What is looked for. Raises UsageError."""
    return ways.Goal(path.asked_in(_text(asked, "query")), _text(asked, "kind"), _text(asked, "what").strip(), bool(asked.get("anew")))


# -- how -------------------------------------------------------------------------------------------------------------------------------


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
