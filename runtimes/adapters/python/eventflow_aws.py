"""What template.yaml (SAM) and serverless.yml say of a function, and a request as API Gateway hands it over."""

import os
import posixpath
import time
from datetime import datetime, timezone

from eventflow_yaml import read_yaml

SERVERLESS = ("serverless.yml", "serverless.yaml")
TEMPLATES = ("template.yaml", "template.yml", "sam.yaml", "sam.yml")
MAX_BYTES = 1024 * 1024


def events_of(handler):
    """The version of the payload (None when nothing says it) and the routes (methods, path, (method, path)) of a function."""
    found = _from_files(SERVERLESS, _serverless) + _from_files(TEMPLATES, _template)
    # The same file may be named from the folder that the template names.
    own = [events for declared, events in found if _is_same(declared, handler)]
    chosen = own or ([found[0][1]] if len(found) == 1 else [])
    events = [event for one in chosen for event in one]
    versions = {version for version, *_ in events or [event for _, all_of_it in found for event in all_of_it]}
    routes = [([] if method == "*" else [method], path, (method, path)) for _, method, path in events if path]
    return versions.pop() if len(versions) == 1 else None, routes


def _is_same(declared, handler):
    normal = posixpath.normpath(declared) if declared else ""
    # A module may be written with points or as a path.
    names = {handler, "/".join(handler.rsplit(".", 1)[0].split(".")) + "." + handler.rsplit(".", 1)[1]}
    return any(normal == name or normal.endswith("/" + name) or name.endswith("/" + normal) for name in names) if normal else False


def _from_files(names, read):
    for name in names:
        if os.path.isfile(name) and os.path.getsize(name) <= MAX_BYTES:
            with open(name, encoding="utf-8", errors="replace") as file:
                return read(read_yaml(file.read()))
    return []


def _table(value):
    return value if isinstance(value, dict) else {}


def _text(value):
    return value if isinstance(value, str) and value else None


def _serverless(file):
    functions = [one for one in _table(file.get("functions")).values() if isinstance(one, dict)]
    return [(_text(one.get("handler")), _serverless_events(one.get("events"))) for one in functions]


def _serverless_events(events):
    """`http: GET users/{id}`, or `http:` with `method` and `path`; `httpApi` likewise, which may also be `*`."""
    found = []
    for event in events if isinstance(events, list) else []:
        for kind, version in (("http", "1.0"), ("httpApi", "2.0")):
            said = event.get(kind) if isinstance(event, dict) else None
            if isinstance(said, str):
                method, _, path = said.strip().partition(" ")
                found.append(_event(version, method, path.strip()))
            elif isinstance(said, dict):
                found.append(_event(version, _text(said.get("method")), _text(said.get("path"))))
    return found


def _template(file):
    functions = [one.get("Properties") for one in _table(file.get("Resources")).values() if isinstance(one, dict) and one.get("Type") == "AWS::Serverless::Function"]
    found = []
    for properties in map(_table, functions):
        handler, code = _text(properties.get("Handler")), _text(properties.get("CodeUri"))
        events = []
        for event in _table(properties.get("Events")).values():
            version = {"Api": "1.0", "HttpApi": "2.0"}.get(event.get("Type")) if isinstance(event, dict) else None
            if version:
                said = _table(event.get("Properties"))
                events.append(_event(version, _text(said.get("Method")), _text(said.get("Path"))))
        if "FunctionUrlConfig" in properties and not events:
            events.append(("2.0", "*", None))
        found.append((posixpath.join(code, handler) if handler and code else handler, events))
    return found


def _event(version, method, path):
    if not path or path in ("*", "$default"):
        return version, "*", None
    method = (method or "*").upper()
    return version, "*" if method == "ANY" else method, path if path.startswith("/") else "/" + path


class AnyCase(dict):
    """Headers as callers write them, `Content-Type` most of the time; they come in small letters here, and are found in both."""

    def __missing__(self, name):
        titled = title(name) if isinstance(name, str) else name
        if titled == name or not super().__contains__(titled):
            raise KeyError(name)
        return self[titled]

    def __contains__(self, name):
        return super().__contains__(name) or isinstance(name, str) and super().__contains__(title(name))

    def get(self, name, default=None):
        return self[name] if name in self else default


def title(name):
    return "-".join(part.capitalize() for part in name.split("-"))


def gateway_event(request, version, match, run_id):
    """The event of either version; `match` is ((method, path), parameters) when a declared route fits."""
    return (_first if version == "1.0" else _second)(request, match, run_id)


def _common(request, run_id):
    _, host = request.origin
    now = time.time()
    text, is_base64 = request.as_text()
    return host, now, datetime.fromtimestamp(now, timezone.utc).strftime("%d/%b/%Y:%H:%M:%S +0000"), text, is_base64


def _second(request, match, run_id):
    host, now, shown, text, is_base64 = _common(request, run_id)
    headers = dict(request.headers)
    cookie = headers.pop("cookie", None)
    route = "$default" if match is None else f"{'ANY' if match[0][0] == '*' else match[0][0]} {match[0][1]}"
    event = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": "eventflow",
            "apiId": "eventflow",
            "domainName": host,
            "domainPrefix": host.split(".")[0],
            "http": {"method": request.method, "path": request.path, "protocol": "HTTP/1.1", "sourceIp": request.caller, "userAgent": headers.get("user-agent", "")},
            "requestId": run_id,
            "routeKey": route,
            "stage": "$default",
            "time": shown,
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": bool(request.body) and is_base64,
    }
    if cookie is not None:
        event["cookies"] = [one.strip() for one in cookie.split(";")]
    if request.query:
        event["queryStringParameters"] = {name: ",".join(value) if isinstance(value, list) else value for name, value in request.parsed_query().items()}
    if match and match[1]:
        event["pathParameters"] = match[1]
    if request.body:
        event["body"] = text
    return event


def _first(request, match, run_id):
    host, now, shown, text, is_base64 = _common(request, run_id)
    query = {name: value if isinstance(value, list) else [value] for name, value in request.parsed_query().items()}
    resource = match[0][1] if match else "/{proxy+}"
    parameters = match[1] if match else {"proxy": request.path[1:]}
    headers = request.headers.items()
    return {
        "version": "1.0",
        "resource": resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": AnyCase((title(name), value) for name, value in headers),
        "multiValueHeaders": AnyCase((title(name), [value]) for name, value in headers),
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "eventflow",
            "apiId": "eventflow",
            "domainName": host,
            "domainPrefix": host.split(".")[0],
            "extendedRequestId": run_id,
            "httpMethod": request.method,
            "identity": {"sourceIp": request.caller, "userAgent": request.headers.get("user-agent"), "user": None, "userArn": None, "apiKey": None},
            "path": request.path,
            "protocol": "HTTP/1.1",
            "requestId": run_id,
            "requestTime": shown,
            "requestTimeEpoch": int(now * 1000),
            "resourceId": resource,
            "resourcePath": resource,
            "stage": "$default",
        },
        "body": text if request.body else None,
        "isBase64Encoded": bool(request.body) and is_base64,
    }
