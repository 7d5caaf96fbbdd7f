"""Runs a handler: `wrapper.py MODULE.FUNCTION` serves HTTP on $EVENTFLOW_SOCKET (or $PORT),
`wrapper.py MODULE.FUNCTION --job` handles the one event on standard input.

The working directory is the function's folder; what `pip install --target .python` put there is found.
README.md says what a handler sees and may return.
"""

import asyncio
import importlib
import inspect
import json
import os
import signal
import sys
import threading
import traceback

# A module of the function's may have any name: ours are loaded before its folder is on the path.
import eventflow_answer
import eventflow_event
import eventflow_failures
import eventflow_http
import eventflow_json
import eventflow_lines
from eventflow_signal import CALLER_LOOK_S, Signal

FUNCTION = os.environ.get("EVENTFLOW_FUNCTION", "function")
NAMESPACE = os.environ.get("EVENTFLOW_NAMESPACE", "default")
VERSION = int(os.environ.get("EVENTFLOW_VERSION", "0"))
SOURCE = f"eventflow/function/{FUNCTION}"


class Context:
    """The second argument of a handler."""

    def __init__(self, run, attempt, deadline, gone=None):
        self.function = FUNCTION
        self.namespace = NAMESPACE
        self.version = VERSION
        self.run_id = self.runId = run
        self.attempt = attempt
        self.deadline = deadline
        self.signal = Signal(deadline, gone)


# ---- The handler ----


def load(name):
    """Finds and loads the handler; ends the process with a clear message when there is none."""
    module_name, dot, wanted = name.rpartition(".")
    if not dot or not module_name or not wanted:
        fail(f'the handler is "{name}", and must be MODULE.FUNCTION, such as main.handler')
    folder = os.getcwd()
    sys.path[0] = folder  # Instead of the wrapper's own folder.
    sys.path.insert(1, os.path.join(folder, ".python"))
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ModuleNotFoundError as error:
        if error.name and module_name.replace("/", ".").startswith(error.name):
            files = ", ".join(sorted(file for file in os.listdir(folder) if file.endswith(".py"))) or "none"
            fail(f'the handler is "{name}", but there is no module "{error.name}"; the files in the folder are: {files}')
        fail(f"{module_name} cannot be loaded: {traceback.format_exc()}")
    except BaseException:
        fail(f"{module_name} cannot be loaded: {traceback.format_exc()}")
    handler = getattr(module, wanted, None)
    if not callable(handler):
        found = ", ".join(key for key, value in vars(module).items() if callable(value) and not key.startswith("_")) or "nothing"
        fail(f'{module_name} has no function "{wanted}"; what can be called there: {found}')
    return handler


def fail(message):
    print(message, file=sys.stderr, flush=True)
    sys.exit(1)


class Escaped(Exception):
    """Carries what would end the event loop, if it were raised in it: SystemExit, KeyboardInterrupt."""


class Loop:
    """The one event loop of all `async def` handlers, in its own thread, started when first needed."""

    _lock = threading.Lock()
    _loop = None

    @classmethod
    def run(cls, awaitable):
        """What an awaitable results in, whatever that is."""
        try:
            return asyncio.run_coroutine_threadsafe(cls._contained(awaitable), cls._started()).result()
        except Escaped as escaped:
            raise escaped.__cause__ from None

    @classmethod
    def _started(cls):
        with cls._lock:
            if cls._loop is None or cls._loop.is_closed():
                cls._loop = asyncio.new_event_loop()
                # From Python 3.12 on a handler of one's own is called as the task was: its lines know their run.
                cls._loop.set_exception_handler(lambda loop, about: loop.default_exception_handler(about))
                threading.Thread(target=cls._forever, args=(cls._loop,), daemon=True).start()
            return cls._loop

    @staticmethod
    def _forever(loop):
        """Others work on this loop, too: neither stopping it nor raising SystemExit in a task of one's own ends it."""
        while not loop.is_closed():
            try:
                loop.run_forever()
            except BaseException as error:
                eventflow_failures.log(error)

    @staticmethod
    async def _contained(awaitable):
        try:
            return await awaitable
        except Exception:
            raise
        except BaseException as error:
            raise Escaped from error

    @classmethod
    def iterate(cls, generator, gone):
        """An async generator as an ordinary one. It is cancelled when nobody waits for its next part any more."""
        iterator = generator.__aiter__()
        try:
            while True:
                try:
                    part = cls.run(cls._next(iterator, gone))
                except StopAsyncIteration:
                    return
                yield part
        finally:
            close = getattr(iterator, "aclose", None)
            if close:
                cls.run(close())

    @staticmethod
    async def _next(iterator, gone):
        part = asyncio.ensure_future(iterator.__anext__())
        while not (await asyncio.wait([part], timeout=CALLER_LOOK_S))[0]:
            if gone():
                part.cancel()
                await asyncio.wait([part])
                raise eventflow_http.CallerGone
        return part.result()


def call(handler, event, context):
    result = handler(event, context)
    return Loop.run(result) if inspect.isawaitable(result) else result


# ---- HTTP ----


def serve(handler):
    def handle(request, response):
        headers = request.headers
        run = headers.get("x-eventflow-run")
        with eventflow_lines.during(run), eventflow_failures.answered(request, response):
            body = request.body.read()
            context = Context(run, int(headers.get("x-eventflow-attempt", "1")), headers.get("x-eventflow-deadline"), request.caller_gone)
            result = call(handler, eventflow_event.event_of(request, body, SOURCE), context)
            eventflow_answer.answer(response, result, lambda parts: Loop.iterate(parts, request.caller_gone))

    eventflow_http.Server(handle, threads=int(os.environ.get("EVENTFLOW_THREADS", "32"))).serve()


# ---- Jobs ----


def job(handler):
    text = sys.stdin.buffer.read()
    try:
        event = json.loads(text or b"null")
    except ValueError as error:
        fail(f"the event on standard input is not valid JSON: {error}")
    if isinstance(event, dict):
        eventflow_event.complete_event(event, text)
    env = os.environ
    context = Context(env.get("EVENTFLOW_RUN_ID"), int(env.get("EVENTFLOW_ATTEMPT", "1")), env.get("EVENTFLOW_DEADLINE"))

    def asked_to_end(*_):
        # A handler that watches its signal is trusted to end; any other is ended.
        context.signal.set()
        if not context.signal.watched:
            sys.exit(143)

    signal.signal(signal.SIGTERM, asked_to_end)
    result = call(handler, event, context)
    path = env.get("EVENTFLOW_RESULT")
    if path and result is not None:
        data = eventflow_json.dumps(result)
        with open(path, "wb") as file:
            file.write(data)


def main():
    if len(sys.argv) < 2:
        fail("usage: wrapper.py MODULE.FUNCTION [--job]")
    name, is_job = sys.argv[1], sys.argv[2:3] == ["--job"]
    if not is_job:
        eventflow_lines.install()
    else:
        # Lines appear when they are written, not when a buffer is full.
        sys.stdout.reconfigure(line_buffering=True)
    handler = load(name)
    if is_job:
        job(handler)
    else:
        serve(handler)


if __name__ == "__main__":
    eventflow_failures.end_with(main)
