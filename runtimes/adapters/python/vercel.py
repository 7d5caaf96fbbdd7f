"""Vercel: `class handler(BaseHTTPRequestHandler)`, applications of WSGI and ASGI that are called `app` (or `application`), and folders of
such files, each at its path."""

import http.server
import importlib
import importlib.util
import inspect
import os
import re

from eventflow_apps import call_http_server, caller_of
from eventflow_load import CannotLoad, describe, explained
from eventflow_request import Request, answer
from eventflow_routes import matcher_of

NAMES = ("handler", "app", "application")
MAX_FILES = 1000
MAX_DEPTH = 16


def load(place):
    folder = os.path.join(place.folder, *place.module_name.split("."))
    place.folder_of_files = os.path.isdir(folder) and not os.path.exists(os.path.join(folder, "__init__.py"))
    if not place.folder_of_files:
        return importlib.import_module(place.module_name)
    found = sorted(_files(folder, "/" + place.module_name.replace(".", "/"), 0))[:MAX_FILES]
    place.files = [(route, _module(place, file)) for route, file in found]
    return None


def adapt(place):
    if not place.folder_of_files:
        return _caller(place.module, place.module_name, place)
    callers = []
    for route, (module, shown) in place.files:
        # A file without a handler is a module of others'.
        if module is not None and _chosen(module, place) is not None:
            callers.append(((), route, _caller(module, shown, place)))
    if not callers:
        raise CannotLoad(f'there is no function in the folder {place.module_name}: a file needs a "handler" or an "app"')
    match = matcher_of(callers)

    def called(event, context, request=None):
        found = match("GET", Request(event, request).path)
        if found is None:
            return answer(404, {"content-type": "text/plain"}, "The page could not be found\n\nNOT_FOUND\n")
        return found[0](event, context, request)

    return called


def _files(folder, route, depth):
    """Routes and files below a folder: what begins with `_` or `.` is no function."""
    for entry in os.scandir(folder):
        name = entry.name
        if name.startswith(("_", ".")):
            continue
        if entry.is_dir(follow_symlinks=False) and depth < MAX_DEPTH:
            yield from _files(entry.path, f"{route}/{name}", depth + 1)
        elif entry.is_file(follow_symlinks=False) and name.endswith(".py"):
            stem = name[: -len(".py")]
            yield _route(route if stem == "index" else f"{route}/{stem}"), entry.path


def _route(spelled):
    """`/api/users/[id]` as `/api/users/{id}`; `[...all]` takes the rest."""
    return re.sub(r"\[([^\]]+)\]", r"{\1}", re.sub(r"\[\.\.\.([^\]]+)\]", r"{\1+}", spelled))


def _module(place, file):
    """Names with brackets are none of modules: each file is loaded by its path."""
    shown = os.path.relpath(file, place.folder)
    name = re.sub(r"\W", "_", shown[: -len(".py")])
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    with explained(shown):
        spec.loader.exec_module(module)
    return module, shown


def _chosen(module, place):
    found = [getattr(module, name, None) for name in (place.wanted, *NAMES)]
    return next((one for one in found if callable(one)), None)


def _caller(module, shown, place):
    chosen = _chosen(module, place)
    if chosen is None:
        raise CannotLoad(f'{shown} has no "handler" and no "app"; what can be called there: {describe(module)}')
    if inspect.isclass(chosen) and issubclass(chosen, http.server.BaseHTTPRequestHandler):
        return lambda event, context, request=None: call_http_server(chosen, Request(event, request))
    if inspect.isclass(chosen):
        raise CannotLoad(f"{shown}.{chosen.__name__} is a class, and none of http.server.BaseHTTPRequestHandler's")
    call = caller_of(chosen, place.run)
    return lambda event, context, request=None: call(Request(event, request))
