"""The conformance application of the python-flask runtime: see ../../conformance.json. Plain WSGI: Flask is one of many."""

import json
import sys


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/status":
        start_response("418 I'm a teapot", [("X-Kind", "teapot"), ("Content-Type", "text/plain")])
        return [b"short and stout"]
    if path == "/empty":
        start_response("204 No Content", [])
        return []
    if path == "/throw":
        raise RuntimeError("it broke")
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (part for part in [b"first ", b"second ", b"third"])
    if path == "/log":
        print("one\ntwo")
        print("three", end="")
        print("four", file=sys.stderr)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'"logged"']
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/json")])
    answer = {
        "data": json.loads(body) if body and environ.get("CONTENT_TYPE") == "application/json" else body.decode(),
        "http": {"method": environ["REQUEST_METHOD"], "path": path, "query": environ["QUERY_STRING"]},
        "script": environ["SCRIPT_NAME"],
        "hidden": [name for name in environ if name.startswith("HTTP_X_EVENTFLOW")],
        "custom": environ.get("HTTP_X_CUSTOM"),
    }
    return [json.dumps(answer).encode()]
