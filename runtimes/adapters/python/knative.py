"""Knative functions (`func`): `new()` that makes a Function, or an ASGI `handle(scope, receive, send)`; and the older form,
`main(context)` or `handle(context)` with Flask's request."""

import inspect
import json
import os
import types
from datetime import datetime

from eventflow_apps import Asgi, caller_of, flask_view
from eventflow_load import CannotLoad, describe
from eventflow_request import Request, is_from_http, parameters_of

NAMES = ("new", "handle", "main", "Function")


def adapt(place):
    found = next((one for one in (getattr(place.module, name, None) for name in (place.wanted, *NAMES)) if callable(one)), None)
    if found is None:
        raise CannotLoad(f'{place.module_name} has neither "new" nor "handle" nor "main"; what can be called there: {describe(place.module)}')
    if inspect.isclass(found) or not parameters_of(found):
        return _function(found(), place)
    if len(parameters_of(found)) >= 3:
        return _asgi(found, place.run)
    app = flask_view(lambda request: found(_context(request)), place.module_name)
    call = caller_of(app, place.run)
    return lambda event, context, request=None: call(Request(event, request))


def _function(function, place):
    """An instance with `handle`, and `start` where it has something to begin with."""
    handle = getattr(function, "handle", None)
    if not callable(handle):
        raise CannotLoad(f"{place.module_name}: what new() makes has no method handle")
    if callable(getattr(function, "start", None)):
        function.start(dict(os.environ))
    return _asgi(handle, place.run)


def _asgi(handle, run):
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} is not for a function")
        await handle(scope, receive, EventSender(send) if "event" in scope else send)

    call = Asgi(app, run)

    def called(event, context, request=None):
        asked = Request(event, request)
        return call(asked) if is_from_http(event) else call(asked, event=_cloud_event(event))

    return called


class EventSender:
    """`send` of a function for CloudEvents: an event may be sent, as it is or in either form of the HTTP binding."""

    def __init__(self, send):
        self._send = send

    async def __call__(self, message):
        await (self._send(message) if isinstance(message, dict) else self.structured(message))

    async def structured(self, event):
        attributes, data = _parts(event)
        await self._answer([(b"content-type", b"application/cloudevents+json")], json.dumps({**attributes, "data": data}).encode())

    async def binary(self, event):
        attributes, data = _parts(event)
        kind = attributes.pop("datacontenttype", "application/json")
        headers = [(b"content-type", kind.encode()), *((f"ce-{name}".encode(), value.encode()) for name, value in attributes.items())]
        await self._answer(headers, data if isinstance(data, bytes) else data.encode() if isinstance(data, str) else json.dumps(data).encode())

    async def _answer(self, headers, body):
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _parts(event):
    """The attributes of an event as text, and its data: of the package cloudevents in either of its versions."""
    if hasattr(event, "get_attributes"):
        attributes, data = dict(event.get_attributes()), event.get_data()
    else:
        attributes, data = {name: event[name] for name in event}, event.data
    said = {name: value.isoformat() if hasattr(value, "isoformat") else str(value) for name, value in attributes.items() if value is not None}
    return said, data


def _context(request):
    context = types.SimpleNamespace(request=request, cloud_event=None)
    if "ce-specversion" in request.headers:
        attributes = {name[3:].lower(): value for name, value in request.headers.items() if name.lower().startswith("ce-")}
        data = request.get_json(silent=True) if request.is_json else request.get_data()
        context.cloud_event = _cloud_event({**attributes, "data": data})
    return context


def _cloud_event(event):
    """Of the package cloudevents where it is installed; else the event as it is."""
    attributes = {name: value for name, value in event.items() if name not in ("data", "data_base64") and isinstance(value, str)}
    try:
        from cloudevents.core.v1.event import CloudEvent
    except ImportError:
        try:
            from cloudevents.http import CloudEvent
        except ImportError:
            return event
        return CloudEvent(attributes, event.get("data"))
    if "time" in attributes:
        attributes["time"] = datetime.fromisoformat(attributes["time"].replace("Z", "+00:00"))
    return CloudEvent(attributes, event.get("data"))
