"""The conformance application of the python-flask runtime: see ../../conformance.json. Plain WSGI: Flask is one of many."""

import asyncio
import base64
import json
import os
import sys

EXCEPTIONS = {
    "SystemExit": SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "GeneratorExit": GeneratorExit(),
    "CancelledError": asyncio.CancelledError(),
    "BaseException": BaseException("of its own kind"),
    "BrokenPipeError": BrokenPipeError("not the caller's"),
}
HEADERS = {
    "/header/unicode": ("x-title", "and so on …"),
    "/header/line-break": ("x-title", "a\r\nset-cookie: admin=1"),
    "/header/control": ("x-title", "a\0b"),
    "/header/name": ("x title", "a"),
}


def broken():
    raise RuntimeError("no first part")
    yield


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
    if path.startswith("/raise/"):
        raise EXCEPTIONS[path.removeprefix("/raise/")]
    if path in HEADERS:
        start_response("200 OK", [HEADERS[path]])
        return [b"never sent"]
    if path == "/header/list":
        start_response("200 OK", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Number", "7")])
        return [b"whole"]
    if path == "/result/text":
        start_response("200 OK", [])
        return ["text"]
    if path == "/result/bytes":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return [bytes([0, 255, 254])]
    if path == "/result/broken-generator":
        start_response("200 OK", [])
        return broken()
    if path == "/raw":
        raw = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"raw": base64.b64encode(raw).decode(), "coding": environ.get("HTTP_CONTENT_ENCODING")}).encode()]
    if path == "/log/bytes":
        for byte in "ä€😀 is whole\nand ü too".encode():
            sys.stdout.buffer.write(bytes([byte]))
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'"logged"']
    if path == "/end":
        print("last words", flush=True)
        os._exit(3)
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
