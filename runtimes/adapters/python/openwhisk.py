"""OpenWhisk and DigitalOcean Functions: `main(args)`, whose arguments are the query and the body, as a web action gets them."""

import os
import re

from eventflow_load import CannotLoad, describe
from eventflow_request import NotThere, Request, answer, is_from_http, parameters_of, resolved, seconds_left

BYTES = re.compile(r"(image/(?!svg)|audio/|video/|font/|application/(octet-stream|pdf|zip|gzip))", re.IGNORECASE)


def adapt(place):
    main = getattr(place.module, place.wanted, None)
    if not callable(main):
        raise CannotLoad(f'{place.module_name} has no function "{place.wanted}"; what can be called there: {describe(place.module)}')
    with_context = len(parameters_of(main)) > 1
    takes_none = len(parameters_of(main)) == 0
    is_raw = os.environ.get("OPENWHISK_RAW_HTTP") == "true"

    def called(event, context, request=None):
        is_http = is_from_http(event)
        arguments = _arguments(Request(event, request), is_raw) if is_http else _data(event)
        given = () if takes_none else (arguments, ActionContext(context)) if with_context else (arguments,)
        result = resolved(place.run, main(*given))
        return _answer(result) if is_http else result

    return called


class ActionContext:
    """The second argument of a function on DigitalOcean."""

    def __init__(self, context):
        self._context = context
        self.activation_id = self.request_id = context.run_id
        self.function_name = context.function
        self.function_version = str(context.version)
        self.namespace = context.namespace
        self.deadline = context.deadline

    def get_remaining_time_in_millis(self):
        return int(seconds_left(self._context) * 1000)

    @property
    def api_host(self):
        raise NotThere("context.api_host", "there is no API of OpenWhisk")

    @property
    def api_key(self):
        raise NotThere("context.api_key", "there is no API of OpenWhisk")


def _data(event):
    data = event.get("data") if isinstance(event, dict) else event
    return data if isinstance(data, dict) else {"value": data}


def _arguments(asked, is_raw):
    text, is_base64 = asked.as_text()
    http = {"method": asked.method, "headers": asked.headers, "path": asked.path, "queryString": asked.query, "body": text, "isBase64Encoded": is_base64}
    own = {"__ow_method": asked.method.lower(), "__ow_headers": asked.headers, "__ow_path": "" if asked.path == "/" else asked.path, "http": http}
    if is_raw:
        return {**own, "__ow_query": asked.query, "__ow_body": text, "__ow_isBase64Encoded": is_base64}
    return {**asked.parsed_query(), **_members(asked, text, is_base64), **own}


def _members(asked, text, is_base64):
    """The members of an object or of a form; any other body as `__ow_body`."""
    import eventflow_event

    if not asked.body:
        return {}
    if asked.is_form():
        return eventflow_event.query_of(text)
    if asked.is_json():
        value = asked.json()
        if isinstance(value, dict):
            return value
    return {"__ow_body": text, "__ow_isBase64Encoded": is_base64}


def _answer(result):
    if not isinstance(result, dict):
        return result
    error = result.get("error")
    if error is not None and not {"body", "statusCode"} & set(result):
        return _whole(error, 500) if isinstance(error, dict) and {"body", "statusCode"} & set(error) else answer(500, {}, {"error": error})
    return _whole(result, 200) if {"body", "statusCode", "headers"} & set(result) else result


def _whole(result, usual):
    headers, body = dict(result.get("headers") or {}), result.get("body")
    small = {name.lower(): value for name, value in headers.items()}
    status = result.get("statusCode")
    if status is None:
        status = usual if body not in (None, "") else 302 if "location" in small else 204
    kind = str(small.get("content-type", ""))
    if isinstance(body, str) and body and not kind:
        headers["content-type"] = "text/html; charset=utf-8"
    made = answer(int(status), headers, body)
    return {**made, "isBase64Encoded": True} if isinstance(body, str) and BYTES.match(kind) else made
