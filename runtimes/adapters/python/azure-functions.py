"""Azure Functions, programming model v2: `app = func.FunctionApp()` with its decorators, of the package azure-functions."""

import inspect
import json
import os
import threading
import types
from urllib.parse import parse_qsl

from eventflow_load import CannotLoad, describe
from eventflow_request import Missing, NotThere, Request, answer, is_from_http, resolved, with_type
from eventflow_routes import matcher_of

HTTP, TIMER = "httptrigger", "timertrigger"


def adapt(place):
    app = getattr(place.module, place.wanted, None)
    if not hasattr(app, "get_functions"):
        app = next((one for one in vars(place.module).values() if hasattr(one, "get_functions") and not inspect.isclass(one)), None)
    if app is None:
        raise CannotLoad(f'{place.module_name} has no FunctionApp "{place.wanted}"; what can be called there: {describe(place.module)}')
    functions = [Function(function) for function in app.get_functions()]
    if not functions:
        raise CannotLoad(f"{place.module_name}: the app has no functions; @app.route(…) makes one of a function")
    prefix = _route_prefix()
    web = [function for function in functions if function.kind == HTTP]
    match = matcher_of([(function.methods, f"/{prefix}/{function.route}", function) for function in web])

    def called(event, context, request=None):
        if not is_from_http(event):
            return _elsewise(functions, event, context, place.run)
        asked = Request(event, request)
        found = match(asked.method, asked.path)
        if found is None and len(web) == 1 and (not web[0].methods or asked.method in web[0].methods):
            found = web[0], {}
        if found is None:
            return answer(404, {}, "")
        function, parameters = found
        return _answer(function.call(_http_request(asked, parameters), context, place.run))

    return called


class Function:
    """One function of the app: its trigger, its other bindings, and what it is called with."""

    def __init__(self, function):
        self._function = function
        self.trigger = function.get_trigger()
        self.kind = (self.trigger.type if isinstance(self.trigger.type, str) else self.trigger.get_binding_name()).lower()
        self.name = function.get_function_name()
        self.methods = [str(getattr(method, "value", method)).upper() for method in getattr(self.trigger, "methods", None) or ()]
        self.route = (getattr(self.trigger, "route", None) or self.name).strip("/")
        self.bindings = {binding.name: binding for binding in function.get_bindings() if binding is not self.trigger and binding.name != "$return"}

    def call(self, given, context, run):
        user = self._function.get_user_function()
        arguments = {self.trigger.name: given}
        for name, binding in self.bindings.items():
            arguments[name] = Missing(f'the binding "{name}"', f"{binding.get_binding_name()} is a service of Azure")
        if "context" in inspect.signature(user).parameters:
            arguments["context"] = _context(self.name, context)
        return resolved(run, user(**arguments))


def _context(name, context):
    trace = types.SimpleNamespace(trace_parent="", Traceparent="", trace_state="", Tracestate="", attributes={}, Attributes={})
    return types.SimpleNamespace(
        invocation_id=context.run_id,
        function_name=name,
        function_directory=os.getcwd(),
        trace_context=trace,
        retry_context=Missing("context.retry_context", "EventFlow's retries are said by the attempt of a run"),
        thread_local_storage=threading.local(),
    )


def _route_prefix():
    """`extensions.http.routePrefix` of host.json; `api` when it is not said."""
    try:
        with open("host.json", encoding="utf-8-sig") as file:
            return str(json.load(file).get("extensions", {}).get("http", {}).get("routePrefix", "api")).strip("/")
    except (OSError, ValueError, AttributeError):
        return "api"


def _http_request(asked, parameters):
    import azure.functions

    query = dict(parse_qsl(asked.query, keep_blank_values=True))
    return azure.functions.HttpRequest(method=asked.method, url=asked.url, headers=asked.headers, params=query, route_params=parameters, body=asked.body)


def _elsewise(functions, event, context, run):
    """The clock's events reach a timer's function; others have triggers that EventFlow has no events for."""
    timers = [function for function in functions if function.kind == TIMER]
    cron = (event.get("data") or {}).get("cron") if isinstance(event, dict) and isinstance(event.get("data"), dict) else None
    if isinstance(event, dict) and event.get("type") == "schedule.triggered" and timers:
        chosen = timers if len(timers) == 1 else [one for one in timers if one.trigger.schedule == cron]
        if not chosen:
            raise ValueError(f'several functions have a timer, and none of them the schedule "{cron}"')
        given = types.SimpleNamespace(past_due=False, schedule={"AdjustForDST": True}, schedule_status={"Last": event.get("time")})
        return chosen[0].call(given, context, run)
    kinds = ", ".join(sorted({function.kind for function in functions}))
    said = event.get("type") if isinstance(event, dict) else None
    raise NotThere(f'a trigger for events of the type "{said}"', f"the functions here are started by {kinds}")


def _answer(result):
    if result is None:
        return answer(204, {}, "")
    if isinstance(result, (str, bytes)):
        return answer(200, {"content-type": "text/plain; charset=utf-8"}, result)
    if not hasattr(result, "get_body"):
        raise TypeError(f"an HTTP function must return an HttpResponse or a string, and it returned a value of the type {type(result).__name__}")
    pairs = list(result.headers.items())
    if not any(name.lower() == "content-type" for name, _ in pairs):
        kind = result.mimetype or "text/plain"
        pairs += with_type({}, f"{kind}; charset={result.charset}" if result.charset and kind.startswith("text/") else kind).items()
    return answer(result.status_code, pairs, result.get_body() or b"")
