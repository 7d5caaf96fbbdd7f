"""Finds and loads the module that a handler is in, and says in one sentence what is wrong when there is none."""

import importlib
import importlib.util
import inspect
import os
import re
import sys
import traceback
import types

from eventflow_failures import missing_variable

ADAPTERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "adapters", "python")
ADAPTER = re.compile(r"[a-z]+(-[a-z]+)*")
MAX_SHOWN = 10
# Packages that are imported by another name than they are installed by; the rest is called the same.
DISTRIBUTIONS = {
    "PIL": "Pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "fdk": "fdk",
    "flask_cors": "Flask-Cors",
    "functions_framework": "functions-framework",
    "google.cloud": "the google-cloud package of that service",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "magic": "python-magic",
    "multipart": "python-multipart",
    "nacl": "PyNaCl",
    "parliament": "parliament-functions",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "slack_bolt": "slack-bolt",
    "telegram": "python-telegram-bot",
    "yaml": "PyYAML",
}


WSGI_APPLICATIONS = ("a Flask application", "a Bottle application", "a Falcon application", "a Django application")
WSGI_COMMAND = "gunicorn --bind 0.0.0.0:$PORT {}"
ASGI_COMMAND = "uvicorn --host 0.0.0.0 --port $PORT {}"


class CannotLoad(Exception):
    """Something about the function's files that its author has to change. Its message is all that there is to say."""


class Place(types.SimpleNamespace):
    """Where a handler is: `name` as it was given, `module_name`, `wanted`, the `module` itself once it is loaded."""


def load(name, run):
    """The handler that `name` (MODULE.FUNCTION) stands for, and whether it takes the request as its third argument. `run` is
    what gives the result of an awaitable."""
    module_name, dot, wanted = name.rpartition(".")
    if not dot or not module_name or not wanted:
        raise CannotLoad(f'the handler is "{name}", and must be MODULE.FUNCTION, such as main.handler')
    # Ours are loaded before the function's folder is on the path: a module of the function's may have any name.
    adapter = _adapter(os.environ.get("EVENTFLOW_ADAPTER"))
    folder = os.getcwd()
    sys.path[0] = folder  # Instead of the wrapper's own folder.
    sys.path.insert(1, os.path.join(folder, ".python"))
    place = Place(name=name, module_name=module_name.replace("/", "."), wanted=wanted, folder=folder, run=run, module=None)
    if adapter is not None:
        return _adapted(adapter, place), True
    place.module = _import(place)
    handler = getattr(place.module, wanted, None)
    if not callable(handler):
        raise CannotLoad(f'{module_name} has no function "{wanted}"; what can be called there: {describe(place.module)}{suggestion(place)}')
    return handler, False


def _adapter(name):
    if not name:
        return None
    path = os.path.join(ADAPTERS, f"{name}.py")
    if not ADAPTER.fullmatch(name) or not os.path.exists(path):
        raise CannotLoad(f'the adapter "{name}" is not one of the runtime python')
    sys.path.insert(0, ADAPTERS)
    try:
        spec = importlib.util.spec_from_file_location("eventflow_adapter_" + name.replace("-", "_"), path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(ADAPTERS)


def _adapted(adapter, place):
    if hasattr(adapter, "prepare"):
        adapter.prepare(place)
    with explained(place.module_name):
        place.module = adapter.load(place) if hasattr(adapter, "load") else _import(place)
    return adapter.adapt(place)


def _import(place):
    with explained(place.module_name):
        try:
            return importlib.import_module(place.module_name)
        except ModuleNotFoundError as error:
            if not error.name or not place.module_name.startswith(error.name) or _is_file(place):
                raise
            files = ", ".join(sorted(file for file in os.listdir(place.folder) if file.endswith(".py"))) or "none"
            raise CannotLoad(f'the handler is "{place.name}", but there is no module "{error.name}"; the files in the folder are: {files}') from None


def _is_file(place):
    path = os.path.join(place.folder, *place.module_name.split("."))
    return os.path.exists(path + ".py") or os.path.isdir(path)


class explained:
    """`with explained(what):` whatever is raised inside becomes a CannotLoad whose last line says what to do."""

    def __init__(self, what):
        self._what = what

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if error is None or isinstance(error, CannotLoad):
            return False
        hint = _hint(error)
        lines = "".join(traceback.format_exception(kind, error, _own(error.__traceback__))).rstrip("\n")
        raise CannotLoad(f"{self._what} cannot be loaded: {lines}" + (f"\n{self._what} {hint}" if hint else "")) from None


def _own(trace):
    """The trace from the function's first frame on: what is above is ours."""
    folder, own = os.getcwd(), trace
    while own is not None and not own.tb_frame.f_code.co_filename.startswith(folder):
        own = own.tb_next
    return own or trace


def _hint(error):
    """What to do about an error while a module is loaded, where that is plain."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        if os.path.exists(f"{top}.py") or os.path.isdir(top):
            return f'needs the module "{error.name}", and there is no such file'
        if top != error.name and _is_installed(top):
            return f'needs the module "{error.name}", which the version of {top} that is installed does not have'
        package = DISTRIBUTIONS.get(top, top.replace("_", "-") if top != "google" else DISTRIBUTIONS["google.cloud"])
        return f'needs the module "{error.name}", which is not installed: add {package} to requirements.txt'
    variable = missing_variable(error)
    if variable is not None:
        return f"reads an environment variable that is not set, `{variable}`: set it as a secret or in \"env\""
    return None


def _is_installed(name):
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def describe(module):
    """What a module has that could be meant: `hello (function), app (a Flask application)`."""
    found = []
    for name, value in vars(module).items():
        if name.startswith("_") or inspect.ismodule(value):
            continue
        kind = application_of(value)
        # What was imported from elsewhere is nobody's handler.
        own = getattr(value, "__module__", None) == module.__name__
        if kind:
            found.append(f"{name} ({kind})")
        elif callable(value) and own:
            found.append(name)
    more = [f"{len(found) - MAX_SHOWN} more"] if len(found) > MAX_SHOWN else []
    return ", ".join(found[:MAX_SHOWN] + more) or "nothing"


def application_of(value):
    """Web frameworks, by the names of their classes: `a FastAPI application`."""
    known = {
        ("flask", "Flask"): "a Flask application",
        ("fastapi", "FastAPI"): "a FastAPI application",
        ("starlette", "Starlette"): "a Starlette application",
        ("quart", "Quart"): "a Quart application",
        ("sanic", "Sanic"): "a Sanic application",
        ("bottle", "Bottle"): "a Bottle application",
        ("falcon", "App"): "a Falcon application",
        ("litestar", "Litestar"): "a Litestar application",
        ("aiohttp", "Application"): "an aiohttp application",
        ("django", "WSGIHandler"): "a Django application",
        ("django", "ASGIHandler"): "a Django application",
        ("azure", "FunctionApp"): "an app of Azure Functions",
    }
    for kind in type(value).__mro__[:-1]:
        found = known.get((kind.__module__.partition(".")[0], kind.__name__))
        if found:
            return found
    return None


def suggestion(place):
    """What to do about it, as the rest of the sentence; empty when nothing is plain."""
    for name, value in vars(place.module).items():
        kind = application_of(value)
        if kind is None:
            continue
        if "Azure" in kind:
            return f': serve it with "adapter": "azure-functions" and "handler": "{place.module_name}.{name}"'
        if kind in WSGI_APPLICATIONS and place.module_name == name == "app":
            return ': serve it with "runtime": "python-flask"'
        command = WSGI_COMMAND if kind in WSGI_APPLICATIONS else ASGI_COMMAND
        program = command.format(f"{place.module_name}:{name}")
        return f': start it as a program that listens on $PORT, with "runtime": "command" and "command": ["sh", "-c", "{program}"]'
    functions = [name for name, value in vars(place.module).items() if inspect.isfunction(value) and value.__module__ == place.module.__name__ and not name.startswith("_")]
    return f': if that is the handler, say "handler": "{place.module_name}.{functions[0]}"' if len(functions) == 1 else ""
