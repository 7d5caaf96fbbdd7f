"""What becomes of exceptions: each is an answer of the run that raised it, and neither ends a thread nor the process."""

import json
import os
import sys
import traceback

import eventflow_http
import eventflow_lines
from eventflow_body import BadRequest
from eventflow_json import BadResult


def message_of(error):
    """What to tell the caller of an exception, of any kind."""
    try:
        if isinstance(error, SystemExit):
            return f"the handler called sys.exit({'' if error.code is None else repr(error.code)})"
        variable = missing_variable(error)
        if variable is not None:
            return f'the environment variable `{variable}` is not set: set it as a secret or in "env"'
        return str(error) or type(error).__name__
    except Exception:
        return type(error).__name__


def missing_variable(error):
    """The name that `os.environ["NAME"]` did not find; None for any other error."""
    if not isinstance(error, KeyError) or len(error.args) != 1 or not isinstance(error.args[0], str):
        return None
    frames = traceback.extract_tb(error.__traceback__)
    return error.args[0] if frames and frames[-1].filename in (os.__file__, "<frozen os>") else None


def log(error):
    """Writes an exception to the log."""
    if isinstance(error, BadResult):
        # It says where it is; the stack would be that of the wrapper.
        print(error, file=sys.stderr)
        return
    try:
        traceback.print_exception(type(error), error, error.__traceback__)
    except Exception:
        # It may be unable to show itself.
        print(f"{type(error).__name__}, which cannot be shown", file=sys.stderr)


class answered:
    """`with answered(request, response):` makes an answer of whatever is raised inside, unless the caller is gone."""

    def __init__(self, request, response):
        self._request = request
        self._response = response

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if error is None or isinstance(error, (eventflow_http.BadRequest, eventflow_http.CallerGone)):
            return False
        if os.getpid() != eventflow_http.PID:
            # In a child that a handler forked: it ends as a program does.
            end_with(lambda: _raise(error))
        if isinstance(error, BadRequest):
            self._answer(error.status, error.code, str(error))
            return True
        log(error)
        if self._response.sent:
            # The answer has begun: it is broken off.
            self._request.keep_alive = False
            raise ConnectionAbortedError from None
        self._answer(500, "function_error", message_of(error))
        return True

    def _answer(self, status, code, message):
        text = json.dumps({"error": {"code": code, "message": message}}).encode()
        self._response.start(status, [("content-type", "application/json")], len(text))
        self._response.write(text)
        self._response.finish()


def _raise(error):
    raise error


def end_with(main):
    """Runs the program and ends the process with its code. Threads that a handler left behind do not hold up the end."""
    code = 0
    try:
        main()
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else 0 if exit.code is None else 1
        if code and not isinstance(exit.code, int):
            print(exit.code, file=sys.stderr)
    except BaseException as error:
        log(error)
        code = 1
    eventflow_lines.flush_outside()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code & 0xFF)
