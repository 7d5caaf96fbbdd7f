"""Google's Functions Framework: functions with its decorators, and functions of Flask's request. Where the framework is installed it
does all of it; else a function of a request is served by Flask alone."""

import importlib
import importlib.util
import os
import re
import sys

from eventflow_apps import caller_of, flask_view
from eventflow_load import CannotLoad, describe, explained
from eventflow_request import Request


SIGNATURE = re.compile(r'--signature-type[= ",]+(\w+)')
MAX_BYTES = 1024 * 1024


def prepare(place):
    """What `--signature-type` says where the function is started is a variable of the framework's, too."""
    for name in ("Procfile", "Dockerfile"):
        if os.path.isfile(name) and os.path.getsize(name) <= MAX_BYTES:
            with open(name, encoding="utf-8", errors="replace") as file:
                found = SIGNATURE.search(file.read())
            if found:
                os.environ.setdefault("FUNCTION_SIGNATURE_TYPE", found[1])


def load(place):
    """The framework loads the file itself: what registers must be loaded once."""
    if importlib.util.find_spec("functions_framework") is None:
        return importlib.import_module(place.module_name)
    import functions_framework
    from functions_framework import exceptions

    path = os.path.join(place.folder, *place.module_name.split("."))
    source = path + ".py" if os.path.exists(path + ".py") else os.path.join(path, "__init__.py")
    if not os.path.exists(source):
        raise CannotLoad(f'the handler is "{place.name}", but there is no such file: looked for {os.path.relpath(path + ".py", place.folder)}')
    try:
        place.app = functions_framework.create_app(place.wanted, source)
    except (exceptions.MissingTargetException, exceptions.InvalidTargetTypeException) as error:
        raise CannotLoad(f"{place.module_name}: {error}".replace(source, os.path.relpath(source, place.folder))) from None
    # The framework answers an exception with a page that says nothing: here it is the run's, with its message.
    if hasattr(place.app, "error_handler_spec"):
        place.app.error_handler_spec[None].get(500, {}).clear()
        place.app.config["PROPAGATE_EXCEPTIONS"] = True
    return sys.modules.get(place.module_name)


def adapt(place):
    app = getattr(place, "app", None)
    if app is None:
        function = getattr(place.module, place.wanted, None)
        if not callable(function):
            raise CannotLoad(f'{place.module_name} has no function "{place.wanted}"; what can be called there: {describe(place.module)}')
        with explained(place.module_name):
            app = flask_view(function, place.module_name)
    call = caller_of(app, place.run)
    return lambda event, context, request=None: call(Request(event, request))
