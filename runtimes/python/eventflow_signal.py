"""How a handler learns that nobody waits for its answer any more."""

import asyncio
import threading
from datetime import datetime, timezone

# How often a waiting signal looks whether the caller is still there.
CALLER_LOOK_S = 0.1


class Signal:
    """Like a threading.Event: set at the deadline, when the caller goes away, or when the process is asked to end."""

    def __init__(self, deadline, gone=None):
        self._deadline = datetime.fromisoformat(deadline.replace("Z", "+00:00")).timestamp() if deadline else None
        self._gone = gone
        self._event = threading.Event()
        self.watched = False

    def set(self):
        self._event.set()

    def is_set(self):
        self.watched = True
        if not self._event.is_set() and (self._time_left() == 0 or (self._gone and self._gone())):
            self._event.set()
        return self._event.is_set()

    aborted = property(is_set)

    def wait(self, timeout=None):
        """Waits until it is set, at most `timeout` seconds; returns whether it is."""
        until = None if timeout is None else _now() + timeout
        while not self.is_set():
            left = CALLER_LOOK_S if until is None else min(CALLER_LOOK_S, until - _now())
            if left <= 0:
                return False
            self._event.wait(left)
        return True

    async def wait_async(self, timeout=None):
        """What `wait` is for `async def` handlers: it does not hold up others on the same loop."""
        until = None if timeout is None else _now() + timeout
        while not self.is_set():
            left = CALLER_LOOK_S if until is None else min(CALLER_LOOK_S, until - _now())
            if left <= 0:
                return False
            await asyncio.sleep(left)
        return True

    def _time_left(self):
        return None if self._deadline is None else max(0, self._deadline - _now())


def _now():
    return datetime.now(timezone.utc).timestamp()
