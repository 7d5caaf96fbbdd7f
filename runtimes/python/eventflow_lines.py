"""Output that knows which run wrote it.

Each line that is written during a run starts with a mark, which EventFlow takes off again.
"""

import codecs
import contextvars
import io
import os
import sys
import threading

RUN_START = "\x1e"
RUN_END = "\x1f"
# A part of a line that is longer than this is written without waiting for its end.
MAX_PARTIAL_LINE = 64 * 1024


class Owner:
    """The run, or what is outside of any, and its lines that have no end yet."""

    def __init__(self, run=None):
        self.mark = f"{RUN_START}{run}{RUN_END}" if run else ""
        self.partial = {}
        # By stream, from the first bytes on: they keep the first half of a character until the second comes.
        self.decoders = {}
        # Whoever writes may be interrupted by a signal's handler, or a finaliser, that writes as well.
        self.lock = threading.RLock()

    def flush(self):
        """Writes what has no line end yet."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, Lines):
                stream.finish(self)


_outside = Owner()
_current = contextvars.ContextVar("eventflow_run", default=_outside)


class Lines(io.TextIOBase):
    """Replaces sys.stdout or sys.stderr: writes whole lines, each with its run's mark."""

    def __init__(self, descriptor, name):
        self._descriptor = descriptor
        self._name = name
        self._write_lock = threading.RLock()

    encoding = "utf-8"
    errors = "replace"
    line_buffering = True
    write_through = False

    def reconfigure(self, **_):
        """Programs set an encoding, or buffering, of what they write to; neither is theirs to set here."""

    @property
    def name(self):
        return self._name

    @property
    def buffer(self):
        return _Bytes(self)

    def writable(self):
        return True

    def fileno(self):
        return self._descriptor

    def isatty(self):
        return False

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        owner = _current.get()
        with owner.lock:
            decoder = owner.decoders.get(self._descriptor)
            self._take(owner, decoder.decode(b"", True) + text if decoder else text)
        return len(text)

    def write_bytes(self, data):
        """Bytes may end within a character: its first half waits for the next write of the same run."""
        owner = _current.get()
        with owner.lock:
            decoder = owner.decoders.get(self._descriptor)
            if decoder is None:
                decoder = owner.decoders[self._descriptor] = codecs.getincrementaldecoder("utf-8")("replace")
            self._take(owner, decoder.decode(data))

    def _take(self, owner, text):
        """Writes the lines that are whole now. The owner's lock is held."""
        whole = owner.partial.get(self._descriptor, "") + text
        end = whole.rfind("\n") + 1
        rest = whole[end:]
        if len(rest) >= MAX_PARTIAL_LINE:
            end, rest, whole = len(whole) + 1, "", whole + "\n"
        owner.partial[self._descriptor] = rest
        if end:
            self._write_lines(owner, whole[:end])

    def flush(self):
        # Whole lines are written at once; a part of one waits for its end.
        pass

    def finish(self, owner):
        with owner.lock:
            decoder = owner.decoders.pop(self._descriptor, None)
            rest = owner.partial.pop(self._descriptor, "") + (decoder.decode(b"", True) if decoder else "")
            if rest:
                self._write_lines(owner, rest + "\n")

    def _write_lines(self, owner, lines):
        if owner.mark:
            lines = owner.mark + lines[:-1].replace("\n", "\n" + owner.mark) + "\n"
        data = memoryview(lines.encode("utf-8", "replace"))
        with self._write_lock:
            while data:
                data = data[os.write(self._descriptor, data):]


class _Bytes(io.RawIOBase):
    """sys.stdout.buffer, for programs that write bytes."""

    def __init__(self, lines):
        self._lines = lines

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        self._lines.write_bytes(data)
        return len(data)


def install():
    """Puts marked output in the place of sys.stdout and sys.stderr."""
    sys.stdout.flush()
    sys.stderr.flush()
    sys.stdout = Lines(1, "<stdout>")
    sys.stderr = Lines(2, "<stderr>")
    import atexit

    atexit.register(flush_outside)


def flush_outside():
    """Writes what has no line end yet and belongs to no run."""
    _outside.flush()


class during:
    """`with during(run):` everything written inside belongs to the run, in this thread and in tasks made here."""

    def __init__(self, run):
        self.owner = Owner(run)

    def __enter__(self):
        self._token = _current.set(self.owner)
        return self.owner

    def __exit__(self, *_):
        self.owner.flush()
        _current.reset(self._token)
