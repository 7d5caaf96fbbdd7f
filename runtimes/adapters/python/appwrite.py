"""Appwrite: `def main(context)`, which returns `context.res.json(…)`."""

import json
import os
import sys
import types

from eventflow_load import CannotLoad, describe
from eventflow_request import NotThere, Request, answer, resolved


def prepare(place):
    """What functions make their client of. Nothing has this address: what calls it fails by that name."""
    if "APPWRITE_FUNCTION_API_ENDPOINT" not in os.environ:
        os.environ["APPWRITE_FUNCTION_API_ENDPOINT"] = "http://appwrite.invalid/v1"
        print("APPWRITE_FUNCTION_API_ENDPOINT is not set: the function runs, and what it asks of Appwrite fails", file=sys.stderr)
    os.environ.setdefault("APPWRITE_FUNCTION_PROJECT_ID", os.environ.get("EVENTFLOW_NAMESPACE", "default"))


def adapt(place):
    main = getattr(place.module, place.wanted, None) or getattr(place.module, "main", None)
    if not callable(main):
        raise CannotLoad(f'{place.module_name} has no function "main"; what can be called there: {describe(place.module)}')

    def called(event, context, request=None):
        given = types.SimpleNamespace(req=AppwriteRequest(Request(event, request)), res=AppwriteResponse(), log=_log, error=_error)
        result = resolved(place.run, main(given))
        if result is None:
            raise RuntimeError("main returned nothing: end with `return context.res.empty()` when there is nothing to answer")
        return answer(result.get("statusCode", 200), _with_charset(result.get("headers") or {}), result.get("body") or "")

    return called


def _log(*all_of_it):
    print(*[one if isinstance(one, str) else json.dumps(one, default=str) for one in all_of_it])


def _error(*all_of_it):
    print(*[one if isinstance(one, str) else json.dumps(one, default=str) for one in all_of_it], file=sys.stderr)


class AppwriteRequest:
    def __init__(self, asked):
        self._asked = asked
        self.scheme, host = asked.origin
        self.host, _, port = host.partition(":")
        self.port = int(port) if port.isdecimal() else 443 if self.scheme == "https" else 80
        self.headers, self.method, self.path, self.url = asked.headers, asked.method, asked.path, asked.url
        self.query = asked.parsed_query()
        self.query_string = asked.query

    @property
    def body_binary(self):
        return self._asked.body

    @property
    def body_text(self):
        return self._asked.text()

    body_raw = body_text

    @property
    def body_json(self):
        return self._asked.json()

    @property
    def body(self):
        if not (self._asked.content_type or "").lower().startswith("application/json"):
            return self.body_text
        return self.body_json if self._asked.body else {}

    @property
    def variables(self):
        raise NotThere("context.req.variables", "variables are in os.environ")


class AppwriteResponse:
    def send(self, body, statusCode=200, headers=None):
        return {"body": body, "statusCode": statusCode, "headers": headers or {}}

    binary = send

    def text(self, body, statusCode=200, headers=None):
        return self.send(str(body), statusCode, headers)

    def json(self, obj, statusCode=200, headers=None):
        return self.send(json.dumps(obj, separators=(",", ":")), statusCode, {**(headers or {}), "content-type": "application/json"})

    def empty(self):
        return self.send("", 204)

    def redirect(self, url, statusCode=301, headers=None):
        return self.send("", statusCode, {**(headers or {}), "location": url})


def _with_charset(headers):
    """Text is UTF-8, and says so."""
    name, kind = next(((name, value) for name, value in headers.items() if name.lower() == "content-type"), ("content-type", "text/plain"))
    is_said = "charset=" in kind.lower() or kind.lower().startswith("multipart/")
    return {**headers, name: kind if is_said else f"{kind}; charset=utf-8"}
