"""A request, or the JSON that a job gets, as the event that a handler gets."""

import base64
import json
import json.decoder
from datetime import datetime, timezone
from urllib.parse import parse_qsl, unquote

import eventflow_body
from eventflow_body import BadRequest

# What the platform sends of what came over HTTP; nobody else can send events of these types.
FROM_HTTP = ("http.invoke", "webhook.received")


class Http(dict):
    """The member `http` of an event. `http["rawBody"]` has the bytes as they were sent. It is no part of the event's JSON
    form: who writes the event down, or answers with it, does not repeat the body."""

    RAW = "rawBody"

    def __init__(self, members, raw_body):
        super().__init__(members)
        self._raw_body = raw_body
        # The query as it was sent, for adapters: what was parsed does not give it back.
        self.raw_query = None

    def __missing__(self, name):
        if name != self.RAW:
            raise KeyError(name)
        if callable(self._raw_body):
            self._raw_body = self._raw_body()
        return self._raw_body

    def __contains__(self, name):
        return name == self.RAW or super().__contains__(name)

    def get(self, name, default=None):
        return self[name] if name in self else default

    def __reduce__(self):
        return Http, (dict(self), self[self.RAW])


def event_of(request, body, source):
    """The event that a request stands for."""
    headers = request.headers
    content_type = headers.get("content-type")
    if (content_type or "").split(";")[0].strip(" \t").lower() == "application/cloudevents+json":
        # What a caller sends as an event has been looked at as it came: it is not compressed.
        event = eventflow_body.parse_event(body)
        if not isinstance(event, dict):
            raise BadRequest("the CloudEvent is not an object")
        complete_event(event, body)
        return event
    coding = headers.get("content-encoding")
    if "ce-specversion" in headers:
        event = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
        if content_type:
            event["datacontenttype"] = content_type
        eventflow_body.put_data(event, content_type, coding, body)
        return event
    path, _, query = request.target.partition("?")
    event = {
        "specversion": "1.0",
        "id": headers.get("x-eventflow-run"),
        "source": source,
        "type": "http.invoke",
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if content_type:
        event["datacontenttype"] = content_type
    eventflow_body.put_data(event, content_type, coding, body)
    members = {
        "method": request.method,
        "path": path,
        "query": query_of(query),
        "headers": {name: value for name, value in headers.items() if not name.startswith("x-eventflow-")},
    }
    event["http"] = Http(members, body)
    event["http"].raw_query = query
    return event


def query_of(text):
    """A name that comes more than once has a list of values."""
    values = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        before = values.get(name)
        values[name] = value if name not in values else [*(before if isinstance(before, list) else [before]), value]
    return values


def complete_event(event, text):
    """An event in the JSON form in which the platform delivers what came over HTTP: gives it its `rawBody`, and its data
    as a call of a service has it. `text` is the event's JSON, as bytes."""
    http = event.get("http")
    if event.get("type") not in FROM_HTTP or not isinstance(http, dict):
        return
    sent = _bytes(http.pop("rawBody", None))
    encoded = _bytes(event.get("data_base64"))
    content_type = event.get("datacontenttype")
    content_type = content_type if isinstance(content_type, str) else None
    data = event.get("data")

    def raw_body():
        if sent is not None:
            return sent
        if encoded is not None:
            return encoded
        if isinstance(data, str) and content_type is not None and "json" not in content_type:
            return data.encode()
        return (member_text(text.decode("utf-8-sig"), "data") or "").encode()

    event["http"] = Http(http, raw_body)
    # The platform knows UTF-8 alone: it keeps anything else as bytes, or has taken it for UTF-8. By charset and coding it may
    # be other text or JSON.
    is_bytes = encoded is not None and "data" not in event
    if not is_bytes and ("data" not in event or eventflow_body.charset_of(b"", content_type) == "utf-8"):
        return
    headers = http.get("headers")
    coding = headers.get("content-encoding") if isinstance(headers, dict) else None
    try:
        put = {}
        eventflow_body.put_data(put, content_type, coding if isinstance(coding, str) else None, event["http"]["rawBody"])
    except BadRequest:
        return
    if "data" in put:
        event.pop("data_base64", None)
        event["data"] = put["data"]


def _bytes(text):
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except ValueError:
        return None


def member_text(text, name):
    """The text of a member's value, as it stands in the JSON text of an object. The text has been parsed before."""
    decoder = json.JSONDecoder()
    spaces = json.decoder.WHITESPACE
    found = None
    at = spaces.match(text, text.index("{") + 1).end()
    while text[at] == '"':
        key, at = json.decoder.scanstring(text, at + 1, False)
        begin = spaces.match(text, spaces.match(text, at).end() + 1).end()
        _, end = decoder.raw_decode(text, begin)
        # Of a name that comes twice the last one counts, as it does when it is parsed.
        if key == name:
            found = text[begin:end]
        at = spaces.match(text, spaces.match(text, end).end() + 1).end()
        if at >= len(text):
            break
    return found
