"""Nuclio: `handler(context, event)`, and `init_context(context)` before the first call."""

import importlib.util
import json
import sys
import types
from datetime import datetime, timezone

from eventflow_json import dumps
from eventflow_load import CannotLoad, describe
from eventflow_request import Missing, Request, answer, resolved, with_type


class Response:
    """`context.Response(…)`."""

    def __init__(self, headers=None, body=None, content_type=None, status_code=200, event_id=None):
        self.headers = headers or {}
        self.body = body
        self.status_code = status_code
        self.content_type = content_type or "text/plain"
        self.event_id = event_id


class Event:
    """What came, in Nuclio's words."""

    def __init__(self, asked, event, context):
        event = event if isinstance(event, dict) else {}
        self.id = event.get("id") or context.run_id
        self.body = asked.json() if asked.is_json() and asked.body else asked.body
        self.content_type = asked.content_type or ""
        self.headers = asked.headers
        self.fields = asked.parsed_query()
        self.method = asked.method
        self.path = asked.path
        self.url = asked.url
        self.size = len(asked.body)
        self.timestamp = _time(event.get("time"))
        self.trigger = types.SimpleNamespace(kind="http" if asked.is_http else "eventflow", name="default")
        self.type = event.get("type", "")
        self.type_version = event.get("specversion", "")
        self.version = str(context.version)
        self.shard_id = self.num_shards = -1
        self.offset = 0
        self.topic = None
        self.last_in_batch = False

    def get_header(self, name):
        return self.headers.get(name.lower())

    def to_json(self):
        return json.dumps({name: value if isinstance(value, (str, int, dict, list)) else str(value) for name, value in vars(self).items()})

    __repr__ = to_json


class Logger:
    """`context.logger`: `info("…")`, `info_with("…", name=value)`."""

    def _write(self, stream, message, args, values):
        text = str(message) % args if args else str(message)
        print(text + (f" {json.dumps(values, default=str)}" if values else ""), file=stream)

    def info(self, message, *args, **values):
        self._write(sys.stdout, message, args, values)

    def error(self, message, *args, **values):
        self._write(sys.stderr, message, args, values)

    debug = debug_with = info_with = info
    warn = warn_with = warning = warning_with = error_with = exception = error

    def set_level(self, _):
        pass

    def get_child(self, _):
        return self

    def bind(self, **_):
        return self


# What all calls share, as they do on a worker of Nuclio: `init_context` puts clients and the like on `user_data`, or here.
CONTEXT = types.SimpleNamespace(
    logger=Logger(),
    user_data=types.SimpleNamespace(),
    worker_id=0,
    trigger_name="default-http",
    trigger=types.SimpleNamespace(kind="http", name="default-http"),
    Response=Response,
    platform=Missing("context.platform", "there is no other function of Nuclio to call"),
)


def prepare(place):
    """On Nuclio its own package is always there: for types and for its Response, most of the time."""
    sys.path.insert(0, f"{place.folder}/.python")
    is_installed = importlib.util.find_spec("nuclio_sdk") is not None
    sys.path.pop(0)
    if not is_installed:
        stub = types.ModuleType("nuclio_sdk")
        stub.Response, stub.Event, stub.Context, stub.Logger = Response, Event, types.SimpleNamespace, Logger
        sys.modules["nuclio_sdk"] = stub


def adapt(place):
    handler = getattr(place.module, place.wanted, None)
    if not callable(handler):
        raise CannotLoad(f'{place.module_name} has no function "{place.wanted}"; what can be called there: {describe(place.module)}')
    init = getattr(place.module, "init_context", None)
    if callable(init):
        resolved(place.run, init(CONTEXT))

    def called(event, context, request=None):
        asked = Request(event, request)
        return _answer(resolved(place.run, handler(CONTEXT, Event(asked, event, context))))

    return called


def _time(text):
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return datetime.now(timezone.utc)


def _answer(result):
    # The Response may be of the package that the function brings.
    if all(hasattr(result, name) for name in ("status_code", "headers", "body", "content_type")):
        if isinstance(result.body, (dict, list)):
            return answer(result.status_code, {**with_type({}, "application/json"), **result.headers}, dumps(result.body))
        return answer(result.status_code, with_type(result.headers, result.content_type), result.body)
    status, body = result if isinstance(result, tuple) and len(result) == 2 else (200, result)
    if isinstance(body, (str, bytes)):
        return answer(status, {"content-type": "text/plain"}, body)
    if body is None:
        return answer(status, {}, b"")
    return answer(status, {}, body)
