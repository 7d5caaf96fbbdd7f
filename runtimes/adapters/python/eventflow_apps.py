"""Calls applications of WSGI and ASGI, and handlers of `http.server`, with a request; what they answer is a result of EventFlow's."""

import asyncio
import http.client
import inspect
import io
import threading
from urllib.parse import unquote_to_bytes

from eventflow_load import CannotLoad
from eventflow_signal import CALLER_LOOK_S
from eventflow_wsgi import environ_of
from eventflow_request import answer

# Parts of an answer that may wait for its caller to take them.
MAX_WAITING_PARTS = 16
STARTS_WITHIN_S = 60


def is_asgi(app):
    """Whether an application is called with `scope, receive, send`."""
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(type(app), "__call__", None))


def caller_of(app, run):
    """A function that calls an application of either kind with a Request."""
    if is_asgi(app):
        return Asgi(app, run)
    return lambda request: call_wsgi(app, request)


# ---- WSGI ----


def call_wsgi(app, request):
    head, written = [], []

    def start_response(status, headers, exc_info=None):
        if exc_info and head and head[0] is None:
            raise exc_info[1].with_traceback(exc_info[2])
        head[:] = [(int(status.split(" ", 1)[0]), headers)]
        return written.append

    parts = app(environ_of(request.for_wsgi()), start_response)
    iterator = iter(parts)
    # It may say what it answers only when its first part is asked for.
    first = b""
    for first in iterator:
        if first:
            break
    if not head:
        raise RuntimeError("the application answered without calling start_response")
    status, headers = head[0]
    kept = [(name, value) for name, value in headers if name.lower() not in ("content-length", "transfer-encoding", "connection")]
    whole = b"".join(written) + first
    if isinstance(parts, (list, tuple)):
        whole += b"".join(iterator)
        _close(parts)
        return answer(status, kept, whole)
    return answer(status, kept, _stream(whole, iterator, parts))


def _stream(first, iterator, parts):
    try:
        if first:
            yield first
        for part in iterator:
            if part:
                yield part
    finally:
        _close(parts)


def _close(parts):
    if hasattr(parts, "close"):
        parts.close()


# ---- ASGI ----


class Asgi:
    """An application of ASGI, with its lifespan: it is told that it starts before its first request."""

    def __init__(self, app, run):
        self._app = app
        self._run = run
        self._state = {}
        self._lock = threading.Lock()
        self._is_started = False

    def __call__(self, request, **more):
        with self._lock:
            if not self._is_started:
                self._run(self._start())
                self._is_started = True
        return self._run(self._respond(request, more))

    async def _start(self):
        said = asyncio.Queue()
        done = asyncio.get_running_loop().create_future()

        async def send(message):
            if not done.done():
                done.set_result(message)

        await said.put({"type": "lifespan.startup"})
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        # Kept, so that it is not collected while it waits for the end.
        self._lifespan = asyncio.ensure_future(self._app(scope, said.get, send))
        await asyncio.wait([self._lifespan, done], timeout=STARTS_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if done.done() and done.result()["type"] == "lifespan.startup.failed":
            raise RuntimeError(f"the application did not start: {done.result().get('message', '')}")
        if self._lifespan.done():
            # An application without a lifespan says so by an exception.
            self._lifespan.exception()

    async def _respond(self, request, more):
        messages = asyncio.Queue(MAX_WAITING_PARTS)
        over = asyncio.Event()
        received = []

        async def receive():
            if not received:
                received.append(True)
                return {"type": "http.request", "body": request.body, "more_body": False}
            while not over.is_set() and not request.caller_gone():
                try:
                    await asyncio.wait_for(over.wait(), CALLER_LOOK_S)
                except asyncio.TimeoutError:
                    pass
            return {"type": "http.disconnect"}

        task = asyncio.ensure_future(self._app({**self._scope(request), **more}, receive, messages.put))
        start = await _next(messages, task)
        while start is not None and start["type"] != "http.response.start":
            start = await _next(messages, task)
        if start is None:
            raise RuntimeError("the application answered nothing")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start.get("headers", ())]
        kept = [(name, value) for name, value in headers if name.lower() not in ("content-length", "transfer-encoding", "connection")]
        first = await _next(messages, task)
        if first is None or not first.get("more_body"):
            over.set()
            # What it does after its answer goes on; what goes wrong with it is in the log.
            task.add_done_callback(lambda done: None if done.cancelled() else done.exception())
            return answer(start["status"], kept, (first or {}).get("body", b""))
        return answer(start["status"], kept, _parts(first, messages, task, over))

    def _scope(self, request):
        scheme, host = request.origin
        # What is in front of the path belongs to it, and is what the application takes off again.
        prefix = request.headers.get("x-forwarded-prefix", "").rstrip("/")
        name, _, port = host.rpartition(":") if ":" in host and not host.endswith("]") else (host, "", "")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": scheme,
            "path": unquote_to_bytes(prefix + request.path).decode("utf-8", "replace"),
            "raw_path": (prefix + request.path).encode("latin-1", "replace"),
            "query_string": request.query.encode("latin-1", "replace"),
            "root_path": prefix,
            "headers": [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in request.headers.items()],
            "client": (request.caller, 0),
            "server": (name, int(port) if port.isdecimal() else 443 if scheme == "https" else 80),
            "state": dict(self._state),
        }


async def _next(messages, task):
    """The next message, or None when the application has ended; raises what it raised."""
    message = asyncio.ensure_future(messages.get())
    await asyncio.wait([message, task], return_when=asyncio.FIRST_COMPLETED)
    if message.done():
        return message.result()
    message.cancel()
    if not messages.empty():
        return messages.get_nowait()
    task.result()
    return None


async def _parts(first, messages, task, over):
    try:
        message = first
        while message is not None:
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                return
            message = await _next(messages, task)
    finally:
        over.set()
        if not task.done():
            task.cancel()


# ---- http.server ----


class _Connection:
    """What a handler of `http.server` takes for its socket."""

    def __init__(self, sent):
        self._sent = sent
        self.answered = io.BytesIO()

    def makefile(self, mode, *_):
        return io.BytesIO(self._sent)

    def sendall(self, data):
        self.answered.write(data)

    def settimeout(self, _):
        pass

    setsockopt = shutdown = close = settimeout


class _Server:
    def __init__(self, request):
        scheme, host = request.origin
        self.server_name, _, port = host.partition(":")
        self.server_port = int(port) if port.isdecimal() else 443 if scheme == "https" else 80
        self.server_address = (self.server_name, self.server_port)


class _Answered(io.BytesIO):
    def makefile(self, *_):
        return self


def call_http_server(handler, request):
    """A subclass of `BaseHTTPRequestHandler`, for one request."""
    headers = {**request.headers, "content-length": str(len(request.body)), "connection": "close"}
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    connection = _Connection("\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + request.body)
    handler(connection, (request.caller, 0), _Server(request))
    raw = connection.answered.getvalue()
    if raw.startswith(b"HTTP/0.9") or not raw.startswith(b"HTTP/"):
        raise RuntimeError("the handler answered nothing: it must call send_response and end_headers")
    response = http.client.HTTPResponse(_Answered(raw), method=request.method)
    response.begin()
    body = response.read()
    kept = [(name, value) for name, value in response.getheaders() if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server")]
    return answer(response.status, kept, body)


# ---- Flask ----


def flask_view(view, what):
    """A WSGI application in which Flask calls `view(request)` for each request."""
    try:
        import flask
    except ModuleNotFoundError:
        raise CannotLoad(f"{what} expects a request of Flask's, and flask is not installed: add flask to requirements.txt") from None
    app = flask.Flask(what)
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    called = lambda **_: view(flask.request)  # noqa: E731
    app.add_url_rule("/", "view", called, methods=methods, defaults={"path": ""}, provide_automatic_options=False)
    app.add_url_rule("/<path:path>", "view", called, methods=methods, provide_automatic_options=False)
    # An exception is the run's, with its message.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app
