"""What adapters share: an event of EventFlow's as the HTTP request that other platforms' handlers expect, and their answers."""

import base64
import inspect
import io
import json
import re
import time
from datetime import datetime
from urllib.parse import quote, unquote, urlencode

import eventflow_body
import eventflow_event

# The longest that Lambda knows, where there is no deadline.
WITHOUT_DEADLINE_S = 900
TEXT = re.compile(r"\s*(text/|application/(json|javascript|xml|x-www-form-urlencoded|yaml|graphql)\b|[^;]+\+(json|xml)\b)", re.IGNORECASE)


class NotThere(Exception):
    """A part of a platform that EventFlow has not."""

    def __init__(self, what, why):
        super().__init__(f"{what} is not there on EventFlow: {why}")


class Missing:
    """Stands for a part that is not there: whoever uses it learns its name."""

    def __init__(self, what, why):
        object.__setattr__(self, "_said", (what, why))

    def _raise(self, *_, **__):
        raise NotThere(*object.__getattribute__(self, "_said"))

    def __getattr__(self, name):
        # Others look for what an object can do before they use it.
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        self._raise()

    __call__ = __getitem__ = __iter__ = __setattr__ = _raise


class Request:
    """`method`, `path` and `query` as they were sent, `headers` by small names, `body` as bytes. An event that did not come
    over HTTP is the POST that the HTTP binding of CloudEvents makes of it."""

    version = "HTTP/1.1"

    def __init__(self, event, request=None):
        self.event = event
        self.caller_gone = request.caller_gone if request is not None else lambda: False
        self.is_http = is_from_http(event)
        if self.is_http:
            http = event["http"]
            self.method = http["method"]
            self.path = http.get("path") or "/"
            query = getattr(http, "raw_query", None)
            self.query = urlencode(http.get("query") or {}, doseq=True) if query is None else query
            self.headers = dict(http.get("headers") or {})
            self.body = http["rawBody"] or b""
        else:
            self.method, self.path, self.query = "POST", "/", ""
            self.headers, self.body = _binary(event if isinstance(event, dict) else {"data": event})
        # A body that came in chunks has a length now.
        if self.headers.pop("transfer-encoding", None) is not None:
            self.headers["content-length"] = str(len(self.body))

    @property
    def target(self):
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def content_type(self):
        return self.headers.get("content-type")

    @property
    def origin(self):
        host = (self.headers.get("x-forwarded-host") or self.headers.get("host") or "localhost").split(",")[0].strip()
        scheme = "https" if self.headers.get("x-forwarded-proto", "").split(",")[0].strip() == "https" else "http"
        return scheme, host

    @property
    def url(self):
        scheme, host = self.origin
        return f"{scheme}://{host}{self.target}"

    @property
    def caller(self):
        return self.headers.get("x-forwarded-for", "").split(",")[0].strip() or "127.0.0.1"

    def parsed_query(self):
        """Names with one value, or the list of all of them where there are several."""
        return eventflow_event.query_of(self.query)

    def is_text(self):
        """Whether the body can be handed on as text without losing any of it."""
        if self.headers.get("content-encoding", "identity") != "identity":
            return False
        if self.content_type is not None and not TEXT.match(self.content_type):
            return False
        try:
            self.body.decode()
            return True
        except UnicodeDecodeError:
            return False

    def text(self):
        return self.body.decode("utf-8", "replace")

    def as_text(self):
        """The body as text, in base64 where it is none, and whether it is."""
        return (self.body.decode(), False) if self.is_text() else (base64.b64encode(self.body).decode(), True)

    def json(self):
        return eventflow_body.parse_json(self.body, self.content_type, "the body")

    def is_json(self):
        kind = (self.content_type or "").split(";")[0].strip().lower()
        return kind in ("application/json", "text/json") or kind.endswith("+json")

    def is_form(self):
        return (self.content_type or "").split(";")[0].strip().lower() == "application/x-www-form-urlencoded"

    def for_wsgi(self):
        """The same as what makes a WSGI environment expects it: with the body as a file."""
        return _WsgiRequest(self)


class _WsgiRequest:
    version = "HTTP/1.1"

    def __init__(self, request):
        self.method = request.method
        self.target = request.target
        self.headers = {**request.headers, "content-length": str(len(request.body))}
        self.body = io.BytesIO(request.body)
        self.caller_gone = request.caller_gone


def is_from_http(event):
    """Whether an event is a call, or a webhook's delivery."""
    return isinstance(event, dict) and isinstance(event.get("http"), dict) and isinstance(event["http"].get("method"), str)


def _binary(event):
    headers = {}
    for name, value in event.items():
        if name not in ("data", "data_base64", "datacontenttype") and isinstance(value, (str, int, float)):
            headers[f"ce-{name}"] = quote(str(value), safe="!#$&'()*+,-./:;<=>?@[\\]^_`{|}~ ")
    kind, data = event.get("datacontenttype"), event.get("data")
    if isinstance(event.get("data_base64"), str):
        body = base64.b64decode(event["data_base64"])
    elif "data" not in event:
        body = b""
    elif isinstance(data, str) and isinstance(kind, str) and "json" not in kind:
        body = data.encode()
    else:
        body = json.dumps(data).encode()
    if body:
        headers["content-type"] = kind if isinstance(kind, str) else "application/json"
    return {**headers, "host": "localhost", "content-length": str(len(body))}, body


def seconds_left(context):
    """The time that is left before the deadline."""
    if not context.deadline:
        return WITHOUT_DEADLINE_S
    return max(0.0, datetime.fromisoformat(context.deadline.replace("Z", "+00:00")).timestamp() - time.time())


def answer(status, headers=(), body=b""):
    """An answer as EventFlow has it; headers are a dict, or pairs of which several may have the same name."""
    named = {}
    for name, value in headers.items() if hasattr(headers, "items") else headers or ():
        named.setdefault(str(name), []).append(value)
    values = {}
    for name, all_of_it in named.items():
        flat = [one for value in all_of_it for one in (value if isinstance(value, (list, tuple)) else [value])]
        values[name] = flat if len(flat) > 1 else flat[0] if flat else None
    return {"statusCode": int(status), "headers": values, "body": body}


def with_type(headers, kind):
    """The headers, with a type unless they have one."""
    headers = dict(headers or {})
    return headers if any(name.lower() == "content-type" for name in headers) else {**headers, "content-type": kind}


def parameters_of(function):
    """The names of the arguments that can be given by position."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def resolved(run, value):
    """The value itself, or what it results in when it has to be awaited."""
    return run(value) if inspect.isawaitable(value) else value


def decoded(text):
    return unquote(text)
