"""A request as the environment of a WSGI application."""

import sys
from urllib.parse import unquote_to_bytes

from eventflow_signal import Signal


def authority_of(text):
    """Host and port of `name:port` or `[address]:port`; a port that is not there is empty."""
    host, bracket, rest = text.rpartition("]")
    name, _, port = rest.partition(":")
    return host + bracket + name, port


def environ_of(request):
    path, _, query = request.target.partition("?")
    headers = request.headers
    scheme = headers.get("x-forwarded-proto", "http")
    host, port = authority_of(headers.get("host", "localhost"))
    environ = {
        "REQUEST_METHOD": request.method,
        # Where the application lives. WSGI wants bytes, written as latin-1.
        "SCRIPT_NAME": unquote_to_bytes(headers.get("x-forwarded-prefix", "")).decode("latin-1"),
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": host,
        "SERVER_PORT": port or ("443" if scheme == "https" else "80"),
        "SERVER_PROTOCOL": request.version,
        "REMOTE_ADDR": headers.get("x-forwarded-for", "127.0.0.1").split(",")[0].strip(),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": request.body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if "content-type" in headers:
        environ["CONTENT_TYPE"] = headers["content-type"]
    if "content-length" in headers:
        environ["CONTENT_LENGTH"] = headers["content-length"]
    for name, value in headers.items():
        # A name with an underscore could pass for another header.
        if name in ("content-type", "content-length") or name.startswith("x-eventflow-") or "_" in name:
            continue
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    environ["eventflow.run_id"] = headers.get("x-eventflow-run")
    environ["eventflow.attempt"] = headers.get("x-eventflow-attempt")
    environ["eventflow.deadline"] = headers.get("x-eventflow-deadline")
    environ["eventflow.signal"] = Signal(headers.get("x-eventflow-deadline"), request.caller_gone)
    return environ
