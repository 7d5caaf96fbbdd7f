"""OpenFaaS' templates for Python: `handle(event, context)` of python3-http, and `handle(req)` of python3 and python3-flask."""

import os
import socket
import types

from eventflow_load import CannotLoad, describe
from eventflow_request import Request, answer, parameters_of, with_type


def adapt(place):
    handle = getattr(place.module, place.wanted, None) or getattr(place.module, "handle", None)
    if not callable(handle):
        raise CannotLoad(f'{place.module_name} has no function "handle"; what can be called there: {describe(place.module)}')
    takes_event = len(parameters_of(handle)) > 1

    def called(event, context, request=None):
        asked = Request(event, request)
        if not takes_event:
            raw = os.environ.get("RAW_BODY", "").lower() in ("1", "true", "yes")
            return _plain(handle(asked.body if raw else asked.text()))
        given = types.SimpleNamespace(body=asked.body, headers=asked.headers, method=asked.method, query=asked.parsed_query(), path=asked.path)
        return _whole(handle(given, types.SimpleNamespace(hostname=socket.gethostname())))

    return called


def _plain(result):
    """What is returned is the body; a tuple has a status after it, and headers after that."""
    body, status, headers = (*result, 200, {})[:3] if isinstance(result, tuple) and len(result) == 2 else (result, 200, {})
    if isinstance(result, tuple) and len(result) > 2:
        body, status, headers = result[:3]
    if isinstance(body, (str, bytes)):
        return answer(status, with_type(headers, "text/html; charset=utf-8"), body)
    return answer(status, headers, body)


def _whole(result):
    """`{"statusCode", "headers", "body"}`, or the body alone."""
    if not isinstance(result, dict) or not {"statusCode", "body"} & set(result):
        return _plain(result)
    body = result.get("body", "")
    headers = result.get("headers") or {}
    if isinstance(body, str):
        headers = with_type(headers, "text/html; charset=utf-8")
    return answer(result.get("statusCode", 200), headers, body)
