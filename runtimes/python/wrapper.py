"""Runs a handler: `wrapper.py MODULE.FUNCTION` serves HTTP on $EVENTFLOW_SOCKET (or $PORT),
`wrapper.py MODULE.FUNCTION --job` handles the one event on standard input.

The working directory is the function's folder; what `pip install --target .python` put there is found.
README.md says what a handler sees and may return.
"""

import asyncio
import inspect
import json
import os
import signal
import sys
import threading

# A module of the function's may have any name: ours are loaded before its folder is on the path.
import eventflow_answer
import eventflow_event
import eventflow_failures
import eventflow_http
import eventflow_json
import eventflow_lines
import eventflow_load
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


class OwnLoop(threading.local):
    """The event loop that `asyncio.get_event_loop()` finds in a handler that is no coroutine: elsewhere such handlers run in a
    process's main thread, which has one."""

    loop = None

    def set(self):
        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
        # `asyncio.run` leaves none behind.
        asyncio.set_event_loop(self.loop)


OWN_LOOP = OwnLoop()


def call(loaded, event, context, request=None):
    handler, is_adapted = loaded
    OWN_LOOP.set()
    # What other platforms' handlers expect is made of the request, where there is one.
    result = handler(event, context, request) if is_adapted else handler(event, context)
    return Loop.run(result) if inspect.isawaitable(result) else result


# ---- HTTP ----


def serve(loaded):
    def handle(request, response):
        headers = request.headers
        run = headers.get("x-eventflow-run")
        with eventflow_lines.during(run), eventflow_failures.answered(request, response):
            body = request.body.read()
            context = Context(run, int(headers.get("x-eventflow-attempt", "1")), headers.get("x-eventflow-deadline"), request.caller_gone)
            result = call(loaded, eventflow_event.event_of(request, body, SOURCE), context, request)
            eventflow_answer.answer(response, result, lambda parts: Loop.iterate(parts, request.caller_gone))

    eventflow_http.Server(handle, threads=int(os.environ.get("EVENTFLOW_THREADS", "32"))).serve()


# ---- Jobs ----


def job(loaded):
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
    result = call(loaded, event, context)
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
    try:
        loaded = eventflow_load.load(name, Loop.run)
    except eventflow_load.CannotLoad as error:
        fail(error)
    if is_job:
        job(loaded)
    else:
        serve(loaded)


if __name__ == "__main__":
    eventflow_failures.end_with(main)
