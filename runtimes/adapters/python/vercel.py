"""Vercel: `class handler(BaseHTTPRequestHandler)`, and applications of WSGI and ASGI that are called `app` (or `application`)."""

import http.server
import inspect

from eventflow_apps import call_http_server, caller_of
from eventflow_load import CannotLoad, describe
from eventflow_request import Request

NAMES = ("handler", "app", "application")


def adapt(place):
    found = [getattr(place.module, name, None) for name in (place.wanted, *NAMES)]
    chosen = next((one for one in found if callable(one)), None)
    if chosen is None:
        raise CannotLoad(f'{place.module_name} has no "handler" and no "app"; what can be called there: {describe(place.module)}')
    if inspect.isclass(chosen) and issubclass(chosen, http.server.BaseHTTPRequestHandler):
        return lambda event, context, request=None: call_http_server(chosen, Request(event, request))
    if inspect.isclass(chosen):
        raise CannotLoad(f"{place.module_name}.{chosen.__name__} is a class, and none of http.server.BaseHTTPRequestHandler's")
    call = caller_of(chosen, place.run)
    return lambda event, context, request=None: call(Request(event, request))
