"""Runs a handler: `wrapper.py MODULE.FUNCTION` serves HTTP on $EVENTFLOW_SOCKET (or $PORT),
`wrapper.py MODULE.FUNCTION --job` handles the one event on standard input.

The working directory is the function's folder; what `pip install --target .python` put there is found.
README.md says what a handler sees and may return.
"""

import asyncio
import base64
import collections.abc
import importlib
import inspect
import json
import os
import signal
import sys
import threading
import traceback
from datetime import datetime, timezone
from urllib.parse import parse_qsl, unquote

# A module of the function's may have any name: ours are loaded before its folder is on the path.
import eventflow_http
import eventflow_lines

FUNCTION = os.environ.get("EVENTFLOW_FUNCTION", "function")
NAMESPACE = os.environ.get("EVENTFLOW_NAMESPACE", "default")
VERSION = int(os.environ.get("EVENTFLOW_VERSION", "0"))
# How often a waiting signal looks whether the caller is still there.
CALLER_LOOK_S = 0.1

TEXT_TYPES = ("application/x-www-form-urlencoded", "application/xml", "application/javascript", "application/yaml", "application/graphql")


class BadRequest(Exception):
    """A request that the caller got wrong."""


class Signal:
    """Like a threading.Event: set at the deadline, when the caller goes away, or when the process is asked to end."""

    def __init__(self, deadline, gone=None):
        self._deadline = deadline
        self._gone = gone
        self._event = threading.Event()
        self.watched = False

    def set(self):
        self._event.set()

    def is_set(self):
        self.watched = True
        if not self._event.is_set() and (self._time_left() == 0 or (self._gone and self._gone())):
            self._event.set()
        return self._event.is_set()

    aborted = property(is_set)

    def wait(self, timeout=None):
        """Waits until it is set, at most `timeout` seconds; returns whether it is."""
        until = None if timeout is None else _now() + timeout
        while not self.is_set():
            left = CALLER_LOOK_S if until is None else min(CALLER_LOOK_S, until - _now())
            if left <= 0:
                return False
            self._event.wait(left)
        return True

    def _time_left(self):
        return None if self._deadline is None else max(0, self._deadline - _now())


def _now():
    return datetime.now(timezone.utc).timestamp()


class Context:
    """The second argument of a handler."""

    def __init__(self, run, attempt, deadline, gone=None):
        self.function = FUNCTION
        self.namespace = NAMESPACE
        self.version = VERSION
        self.run_id = self.runId = run
        self.attempt = attempt
        self.deadline = deadline
        at = datetime.fromisoformat(deadline.replace("Z", "+00:00")).timestamp() if deadline else None
        self.signal = Signal(at, gone)


# ---- The handler ----


def load(name):
    """Finds and loads the handler; ends the process with a clear message when there is none."""
    module_name, dot, wanted = name.rpartition(".")
    if not dot or not module_name or not wanted:
        fail(f'the handler is "{name}", and must be MODULE.FUNCTION, such as main.handler')
    folder = os.getcwd()
    sys.path[0] = folder  # Instead of the wrapper's own folder.
    sys.path.insert(1, os.path.join(folder, ".python"))
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ModuleNotFoundError as error:
        if error.name and module_name.replace("/", ".").startswith(error.name):
            files = ", ".join(sorted(file for file in os.listdir(folder) if file.endswith(".py"))) or "none"
            fail(f'the handler is "{name}", but there is no module "{error.name}"; the files in the folder are: {files}')
        fail(f"{module_name} cannot be loaded: {traceback.format_exc()}")
    except BaseException:
        fail(f"{module_name} cannot be loaded: {traceback.format_exc()}")
    handler = getattr(module, wanted, None)
    if not callable(handler):
        found = ", ".join(key for key, value in vars(module).items() if callable(value) and not key.startswith("_")) or "nothing"
        fail(f'{module_name} has no function "{wanted}"; what can be called there: {found}')
    return handler


def fail(message):
    print(message, file=sys.stderr, flush=True)
    sys.exit(1)


class Loop:
    """The one event loop of all `async def` handlers, in its own thread, started when first needed."""

    _lock = threading.Lock()
    _loop = None

    @classmethod
    def run(cls, coroutine):
        with cls._lock:
            if cls._loop is None:
                cls._loop = asyncio.new_event_loop()
                threading.Thread(target=cls._loop.run_forever, daemon=True).start()
        return asyncio.run_coroutine_threadsafe(coroutine, cls._loop).result()

    @classmethod
    def iterate(cls, generator):
        """An async generator as an ordinary one."""
        iterator = generator.__aiter__()
        try:
            while True:
                try:
                    yield cls.run(_step(iterator))
                except StopAsyncIteration:
                    return
        finally:
            close = getattr(iterator, "aclose", None)
            if close:
                cls.run(close())


async def _step(iterator):
    return await iterator.__anext__()


def call(handler, event, context):
    result = handler(event, context)
    return Loop.run(_awaited(result)) if inspect.isawaitable(result) else result


async def _awaited(value):
    return await value


# ---- HTTP ----


def parse(text, what):
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadRequest(f"{what} is not valid JSON: {error}") from None


def set_data(event, content_type, body):
    """Puts the body into the event as the type says: `data`, or `data_base64` for bytes."""
    kind = (content_type or "").split(";")[0].strip().lower()
    if not body:
        event["data"] = None
    elif kind == "application/json" or kind.endswith("+json"):
        event["data"] = parse(body, "the body")
    elif kind.startswith("text/") or kind in TEXT_TYPES or kind.endswith("+xml"):
        event["data"] = body.decode("utf-8", "replace")
    else:
        text = _utf8(body) if not kind else None
        if text is None:
            event["data_base64"] = base64.b64encode(body).decode()
        else:
            event["data"] = text


def _utf8(body):
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def event_of(request, body):
    headers = request.headers
    content_type = headers.get("content-type")
    if content_type and content_type.startswith("application/cloudevents+json"):
        event = parse(body, "the CloudEvent")
        if not isinstance(event, dict):
            raise BadRequest("the CloudEvent is not an object")
        return event
    if "ce-specversion" in headers:
        event = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
        if content_type:
            event["datacontenttype"] = content_type
        set_data(event, content_type, body)
        return event
    path, _, query = request.target.partition("?")
    event = {
        "specversion": "1.0",
        "id": headers.get("x-eventflow-run"),
        "source": f"eventflow/function/{FUNCTION}",
        "type": "http.invoke",
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if content_type:
        event["datacontenttype"] = content_type
    set_data(event, content_type, body)
    event["http"] = {
        "method": request.method,
        "path": path,
        "query": query_of(query),
        "headers": {name: value for name, value in headers.items() if not name.startswith("x-eventflow-")},
    }
    return event


def query_of(text):
    """A name that comes more than once has a list of values."""
    values = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        before = values.get(name)
        values[name] = value if name not in values else [*(before if isinstance(before, list) else [before]), value]
    return values


def send_json(response, status, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    response.start(status, [("content-type", "application/json")], len(text))
    response.write(text)
    response.finish()


def answer(response, result):
    """Answers with what the handler returned."""
    status = result.get("statusCode") if isinstance(result, dict) else None
    if not isinstance(status, int) or isinstance(status, bool):
        send_json(response, 200, result)
        return
    if not 200 <= status <= 599:
        raise ValueError(f"the handler returned statusCode {status}, and must return one from 200 to 599")
    headers = list(headers_of(result.get("headers") or {}))
    has_type = any(name == "content-type" for name, _ in headers)
    body = result.get("body")
    if body is None:
        data, kind = b"", None
    elif isinstance(body, str):
        data, kind = body.encode(), "text/plain; charset=utf-8"
    elif isinstance(body, (bytes, bytearray, memoryview)):
        data, kind = bytes(body), "application/octet-stream"
    elif isinstance(body, (dict, list, tuple, int, float)):
        data, kind = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), "application/json"
    else:
        if hasattr(body, "__aiter__"):
            body = Loop.iterate(body)
        elif not isinstance(body, collections.abc.Iterable):
            raise TypeError(f"the handler returned a body of type {type(body).__name__}")
        if not has_type:
            headers.append(("content-type", "application/octet-stream"))
        stream(response, status, headers, body)
        return
    if kind and not has_type:
        headers.append(("content-type", kind))
    response.start(status, headers, len(data))
    response.write(data)
    response.finish()


def headers_of(headers):
    for name, value in headers.items():
        # How the answer is framed is decided here.
        if value is None or name.lower() in ("content-length", "transfer-encoding", "connection"):
            continue
        for one in value if isinstance(value, (list, tuple)) else [value]:
            yield name.lower(), one


def stream(response, status, headers, body):
    """Writes each part as it comes; the generator is closed when the caller is gone."""
    try:
        response.start(status, headers)
        response.send_head()
        for part in body:
            if isinstance(part, str):
                part = part.encode()
            elif not isinstance(part, (bytes, bytearray, memoryview)):
                part = json.dumps(part, ensure_ascii=False).encode()
            if part:
                response.write(bytes(part))
        response.finish()
    finally:
        if hasattr(body, "close"):
            body.close()


def serve(handler):
    def handle(request, response):
        headers = request.headers
        run = headers.get("x-eventflow-run")
        with eventflow_lines.during(run):
            try:
                body = request.body.read()
                context = Context(run, int(headers.get("x-eventflow-attempt", "1")), headers.get("x-eventflow-deadline"), request.caller_gone)
                answer(response, call(handler, event_of(request, body), context))
            except BadRequest as error:
                send_json(response, 400, {"error": {"code": "bad_request", "message": str(error)}})
            except (BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:
                traceback.print_exc()
                if response.started:
                    request.keep_alive = False
                    raise ConnectionAbortedError from None
                message = str(error) or type(error).__name__
                send_json(response, 500, {"error": {"code": "function_error", "message": message}})

    eventflow_http.Server(handle, threads=int(os.environ.get("EVENTFLOW_THREADS", "32"))).serve()


# ---- Jobs ----


def job(handler):
    try:
        event = json.loads(sys.stdin.buffer.read() or b"null")
    except ValueError as error:
        fail(f"the event on standard input is not valid JSON: {error}")
    env = os.environ
    context = Context(env.get("EVENTFLOW_RUN_ID"), int(env.get("EVENTFLOW_ATTEMPT", "1")), env.get("EVENTFLOW_DEADLINE"))

    def asked_to_end(*_):
        # A handler that watches its signal is trusted to end; any other is ended.
        context.signal.set()
        if not context.signal.watched:
            sys.exit(143)

    signal.signal(signal.SIGTERM, asked_to_end)
    result = call(handler, event, context)
    path = env.get("EVENTFLOW_RESULT")
    if path and result is not None:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(result, file, ensure_ascii=False)


def main():
    if len(sys.argv) < 2:
        fail("usage: wrapper.py MODULE.FUNCTION [--job]")
    name, is_job = sys.argv[1], sys.argv[2:3] == ["--job"]
    if not is_job:
        eventflow_lines.install()
    else:
        # Lines appear when they are written, not when a buffer is full.
        sys.stdout.reconfigure(line_buffering=True)
    handler = load(name)
    if is_job:
        job(handler)
    else:
        serve(handler)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that a handler left behind do not hold up the end.
    os._exit(0)
