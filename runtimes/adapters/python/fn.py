"""Fn: `handler(ctx, data)` of the package fdk, called as fdk calls it."""

import io
import os

from eventflow_load import CannotLoad, describe, explained
from eventflow_request import Request, answer, resolved

PREFIX = "fn-http-h-"


def prepare(place):
    env = {"FN_FORMAT": "http-stream", "FN_TYPE": "sync"}
    for name in ("FN_FN_NAME", "FN_FN_ID", "FN_NAME", "FN_ID"):
        env[name] = os.environ.get("EVENTFLOW_FUNCTION", "function")
    for name in ("FN_APP_NAME", "FN_APP_ID"):
        env[name] = os.environ.get("EVENTFLOW_NAMESPACE", "default")
    for name, value in env.items():
        os.environ.setdefault(name, value)


def adapt(place):
    handler = getattr(place.module, place.wanted, None)
    if not callable(handler):
        raise CannotLoad(f'{place.module_name} has no function "{place.wanted}"; what can be called there: {describe(place.module)}')
    with explained(place.module_name):
        from fdk import constants, context as contexts

    def called(event, context, request=None):
        asked = Request(event, request)
        headers = {
            "content-type": asked.content_type or "application/json",
            "fn-call-id": context.run_id,
            "fn-intent": "httprequest",
            "fn-http-method": asked.method,
            "fn-http-request-url": asked.url,
            **({"fn-deadline": context.deadline} if context.deadline else {}),
            **{PREFIX + name: value for name, value in asked.headers.items()},
        }
        given, data = contexts.context_from_format(constants.HTTPSTREAM, headers=headers, data=io.BytesIO(asked.body))
        return _answer(resolved(place.run, handler(given, data=data)), given)

    return called


def _answer(result, given):
    """A Response of fdk, whose headers are in its context; or the body alone."""
    is_response = hasattr(result, "body_bytes") and hasattr(result, "context")
    said = (result.context() if is_response else given).GetResponseHeaders()
    headers, status = {}, result.status() if is_response else 200
    for name, value in said.items():
        name = name.lower()
        if name == "fn-http-status":
            status = int(value)
        elif name.startswith(PREFIX):
            headers[name[len(PREFIX):]] = value
        elif not name.startswith("fn-"):
            headers.setdefault(name, value)
    if is_response:
        return answer(status, headers, bytes(result.body_bytes()))
    return answer(status, headers, "" if result is None else result if isinstance(result, (str, bytes)) else str(result))
