"""Serves a WSGI application over HTTP on $EVENTFLOW_SOCKET (or $PORT): `app` of `app.py`, or what $EVENTFLOW_APPLICATION
names as FILE.NAME, which may also be a function without arguments that makes it.

The working directory is the function's folder; what `pip install --target .python` put there is found.
"""

import importlib
import inspect
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

import eventflow_failures
import eventflow_http
import eventflow_lines
import eventflow_load
from eventflow_wsgi import environ_of


def load():
    """Finds the application; ends the process with a clear message when there is none."""
    folder = os.getcwd()
    sys.path[0] = folder
    sys.path.insert(1, os.path.join(folder, ".python"))
    named = os.environ.get("EVENTFLOW_APPLICATION")
    if named:
        return load_named(folder, named)
    if not os.path.exists("app.py") and not os.path.isdir("app"):
        files = ", ".join(sorted(file for file in os.listdir(folder) if file.endswith(".py"))) or "none"
        fail(f"there is no app.py; the Python files in the folder are: {files}")
    try:
        with eventflow_load.explained("app.py"):
            module = importlib.import_module("app")
    except eventflow_load.CannotLoad as error:
        fail(error)
    app = getattr(module, "app", None)
    if not callable(app):
        fail(f'app.py has no WSGI application "app"; what can be called there: {eventflow_load.describe(module)}')
    if inspect.iscoroutinefunction(getattr(type(app), "__call__", None)):
        kind = eventflow_load.application_of(app) or "an ASGI application"
        command = eventflow_load.ASGI_COMMAND.format("app:app")
        fail(f'"app" of app.py is {kind}, and python-flask serves WSGI: set "runtime": "command" and "command": ["sh", "-c", "{command}"]')
    return app


def load_named(folder, named):
    path, _, name = named.rpartition(".")
    beside = os.path.join(folder, os.path.dirname(path))
    # A file in a folder that is no package finds what stands beside it.
    if beside != os.path.join(folder, "") and not os.path.exists(os.path.join(beside, "__init__.py")):
        sys.path.insert(1, beside)
    try:
        module = importlib.import_module(path.replace("/", "."))
        app = getattr(module, name, None)
        if callable(app) and makes_an_application(app):
            app = app()
    except BaseException:
        fail(f"{path} cannot be loaded: {traceback.format_exc()}")
    if not callable(app):
        found = ", ".join(key for key, value in vars(module).items() if callable(value) and not key.startswith("_")) or "nothing"
        fail(f'{path} has no WSGI application "{name}"; what can be called there: {found}')
    return app


def makes_an_application(function):
    """Whether it can be called without arguments: a WSGI application takes two."""
    if not inspect.isfunction(function):
        return False
    needed = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return not needed


def fail(message):
    print(message, file=sys.stderr, flush=True)
    sys.exit(1)


class Exchange:
    """One call of the application: `start_response`, `write`, and the parts that it returns."""

    def __init__(self, response):
        self._response = response
        self._status = None
        self._headers = []
        self._started = False

    def start_response(self, status, headers, exc_info=None):
        if exc_info and self._response.sent:
            raise exc_info[1].with_traceback(exc_info[2])
        if self._status is not None and not exc_info:
            raise RuntimeError("start_response was called twice")
        self._status = int(status.split(" ", 1)[0])
        self._headers = headers
        self._started = False
        return self.write

    def write(self, data):
        data = _bytes(data)
        self._start(None)
        if data:
            self._response.write(data)

    def _start(self, known_length):
        if self._started:
            return
        if self._status is None:
            raise RuntimeError("the application answered without calling start_response")
        headers, length = [], known_length
        for name, value in self._headers:
            lower = name.lower()
            if lower == "content-length":
                length = int(value)
            elif lower not in ("connection", "transfer-encoding"):
                headers.append((lower, value))
        self._response.start(self._status, headers, length)
        self._started = True

    def send(self, parts):
        # A list of one part has a length that is known.
        known = len(parts[0]) if isinstance(parts, (list, tuple)) and len(parts) == 1 else None
        for part in parts:
            if part:
                data = _bytes(part)
                self._start(known)
                self._response.write(data)
        self._start(0)
        self._response.finish()


def _bytes(part):
    if not isinstance(part, (bytes, bytearray, memoryview)):
        raise TypeError(f"the application answered with a part of the type {type(part).__name__}; WSGI wants bytes")
    return bytes(part)


def serve(app):
    def handle(request, response):
        with eventflow_lines.during(request.headers.get("x-eventflow-run")), eventflow_failures.answered(request, response):
            parts = None
            try:
                exchange = Exchange(response)
                parts = app(environ_of(request), exchange.start_response)
                exchange.send(parts)
            except BaseException:
                # Nobody knows what the application read of the request: the next one gets a connection of its own.
                request.keep_alive = False
                raise
            finally:
                if hasattr(parts, "close"):
                    parts.close()

    eventflow_http.Server(handle, threads=int(os.environ.get("EVENTFLOW_THREADS", "32"))).serve()


def main():
    eventflow_lines.install()
    serve(load())


if __name__ == "__main__":
    eventflow_failures.end_with(main)
