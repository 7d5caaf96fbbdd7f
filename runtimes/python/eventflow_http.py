"""A small HTTP/1.1 server for a Unix socket (or a port): keep-alive, a bounded number of threads, streaming.

Idle connections cost no thread: a selector waits for them, and a thread takes one only when it has something to
say. It knows HTTP; what is answered is the business of the `handle` function that it is given.
"""

import os
import queue
import re
import select
import selectors
import signal
import socket
import sys
import threading
import traceback
from http import HTTPStatus

MAX_LINE = 64 * 1024
MAX_HEADERS = 200
BACKLOG = 4096
READ = 64 * 1024
# How long a thread waits on a connection that it just answered, before it gives it back to the selector.
LINGER_S = 0.005
# How long a connection may stay silent in the middle of a request.
SILENT_S = 300

PID = os.getpid()
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
NO_HEADER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
REASONS = {status.value: status.phrase for status in HTTPStatus}


class BadRequest(Exception):
    """What came is not HTTP that we understand. Carries the status to answer."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


class CallerGone(ConnectionError):
    """The other side has closed the connection. Nobody but this server raises it: what fails in a handler is its own."""


class Request:
    """One request: method, target, headers (names in small letters, repeated ones joined), and the body as a file."""

    def __init__(self, connection, method, target, version, headers):
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self._connection = connection
        encoding = headers.get("transfer-encoding", "").lower()
        length = headers.get("content-length")
        if encoding and encoding != "chunked":
            raise BadRequest(f"the transfer encoding {encoding!r} is not known", 501)
        if encoding:
            self.body = ChunkedBody(connection.file)
        else:
            if length is not None and not length.isdecimal():
                raise BadRequest("the content-length is not a number")
            self.body = SizedBody(connection.file, int(length or 0))
        self.keep_alive = self._keeps_alive()
        self.expects_continue = headers.get("expect", "").lower() == "100-continue"

    def _keeps_alive(self):
        wish = self.headers.get("connection", "").lower()
        return wish == "keep-alive" if self.version == "HTTP/1.0" else wish != "close"

    def caller_gone(self):
        """Whether the other side has closed the connection."""
        try:
            ready, _, _ = select.select([self._connection.socket], [], [], 0)
            return bool(ready) and self._connection.socket.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            return True


class _Body:
    """The file-like part that WSGI asks for, over `_next(limit)`, which returns b"" at the end."""

    def __init__(self):
        self._kept = b""

    def read(self, size=-1):
        if size is None or size < 0:
            parts = [self._kept]
            self._kept = b""
            while part := self._next(READ):
                parts.append(part)
            return b"".join(parts)
        while len(self._kept) < size and (part := self._next(size - len(self._kept))):
            self._kept += part
        part, self._kept = self._kept[:size], self._kept[size:]
        return part

    def readline(self, size=-1):
        limit = None if size is None or size < 0 else size
        while b"\n" not in self._kept and (limit is None or len(self._kept) < limit):
            part = self._next(READ)
            if not part:
                break
            self._kept += part
        end = self._kept.find(b"\n") + 1 or len(self._kept)
        end = end if limit is None else min(end, limit)
        line, self._kept = self._kept[:end], self._kept[end:]
        return line

    def readlines(self, hint=-1):
        return list(self)

    def __iter__(self):
        while line := self.readline():
            yield line


class SizedBody(_Body):
    def __init__(self, file, length):
        super().__init__()
        self._file = file
        self._left = length

    def _next(self, limit):
        if self._left == 0:
            return b""
        part = self._file.read1(min(limit, self._left))
        if not part:
            raise CallerGone("the connection ended in the middle of the body")
        self._left -= len(part)
        return part


class ChunkedBody(_Body):
    def __init__(self, file):
        super().__init__()
        self._file = file
        self._left = 0
        self._over = False

    def _next(self, limit):
        if self._over:
            return b""
        if self._left == 0:
            self._left = self._chunk_size()
            if self._left == 0:
                self._over = True
                while _line(self._file) not in (b"\r\n", b"\n", b""):
                    pass
                return b""
        part = self._file.read1(min(limit, self._left))
        if not part:
            raise CallerGone("the connection ended in the middle of the body")
        self._left -= len(part)
        if self._left == 0:
            _line(self._file)
        return part

    def _chunk_size(self):
        text = _line(self._file).split(b";")[0].strip()
        try:
            return int(text, 16)
        except ValueError:
            raise BadRequest("a chunk's size is not a number") from None


class Response:
    """Writes one answer. `start` first, then `write` as often as there is something, then `finish`."""

    def __init__(self, connection, request):
        self._connection = connection
        self._request = request
        self._chunked = False
        # Bytes of the body that are still to come, where that is known.
        self._left = None
        self.has_body = True
        # Something of it is on its way: no other answer can take its place.
        self.sent = False

    def start(self, status, headers, length=None):
        """Headers are (name, value) pairs. Without a length the body is sent in chunks."""
        request = self._request
        has_length = status not in (204, 304) and status >= 200
        self.has_body = has_length and request.method != "HEAD"
        self._chunked = False
        self._left = length
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
        lines += [_header(name, value) for name, value in headers]
        if length is not None:
            if has_length:
                lines.append(f"content-length: {length}")
        elif self.has_body:
            if request.version == "HTTP/1.0":
                request.keep_alive = False
            else:
                self._chunked = True
                lines.append("transfer-encoding: chunked")
        if self._connection.server.stopping:
            request.keep_alive = False
        if not request.keep_alive:
            lines.append("connection: close")
        elif request.version == "HTTP/1.0":
            lines.append("connection: keep-alive")
        self._head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def write(self, data):
        if not self.has_body:
            return
        if self._left is not None:
            if len(data) > self._left:
                # The rest would be taken for the next answer.
                self._request.keep_alive = False
                raise ValueError("the body is longer than its content-length")
            self._left -= len(data)
        if self._chunked:
            data = b"%x\r\n%s\r\n" % (len(data), data) if data else b""
        self._send(data)

    def send_head(self):
        """Sends the headers before there is any body."""
        self._send(b"")

    def finish(self):
        self._send(b"0\r\n\r\n" if self._chunked and self.has_body else b"")
        if self.has_body and self._left:
            self._request.keep_alive = False
            raise ValueError(f"the body is {self._left} bytes shorter than its content-length")

    def _send(self, data):
        if os.getpid() != PID:
            # A child that a handler forked returned from it: the answer is its parent's to give.
            os._exit(0)
        head, self._head = self._head, b""
        if head or data:
            self.sent = True
            try:
                self._connection.socket.sendall(head + data)
            except OSError as error:
                raise CallerGone(str(error)) from None


def _header(name, value):
    """One line of the head; says what is wrong with it, because a caller would get something else."""
    if not TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a header")
    line = f"{name}: {value}"
    wrong = NO_HEADER.search(line)
    if wrong is None:
        return line
    character = wrong[0]
    if character in "\r\n":
        raise ValueError(f'the header "{name}" has a line break in it')
    code = f"U+{ord(character):04X}"
    if ord(character) < 256:
        raise ValueError(f'the header "{name}" has the control character {code} in it')
    message = f'the header "{name}" has the character "{character}" ({code}) in it, which is outside of Latin-1'
    raise ValueError(f"{message}: encode it, for example with urllib.parse.quote")


class _Connection:
    def __init__(self, server, accepted):
        self.server = server
        self.socket = accepted
        self.file = accepted.makefile("rb", READ)

    def close(self):
        for thing in (self.file, self.socket):
            try:
                thing.close()
            except OSError:
                pass

    def readable(self, within):
        """Waits for bytes, or the end, at most `within` seconds."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(within * 1000))

    def buffered(self):
        """Whether the beginning of the next request is already read."""
        self.socket.setblocking(False)
        try:
            return bool(self.file.peek(1))
        except (BlockingIOError, ValueError):
            return False
        finally:
            self.socket.settimeout(SILENT_S)


def _line(file):
    line = file.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise BadRequest("a line is too long", 431)
    return line


class Server:
    """`handle(request, response)` is called in one of at most `threads` threads."""

    def __init__(self, handle, threads=32):
        self._handle = handle
        self._limit = threads
        self._threads = 0
        self._idle = 0
        self._busy = 0
        self._lock = threading.Lock()
        self._ready = queue.SimpleQueue()
        self._returned = queue.SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = os.pipe()
        os.set_blocking(self._wake_in, False)
        os.set_blocking(self._wake_out, False)
        self.stopping = False

    def serve(self):
        """Listens on $EVENTFLOW_SOCKET, or on $PORT, until SIGTERM; then finishes the requests under way."""
        listener = _listen()
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, "listener")
        self._selector.register(self._wake_in, selectors.EVENT_READ, "wake")
        # A handler can raise SIGINT here as well: it must not end the others' requests.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop())
        while not (self.stopping and self._busy == 0):
            for key, _ in self._selector.select():
                if key.data == "listener":
                    self._accept(listener)
                elif key.data == "wake":
                    self._take_back()
                else:
                    self._selector.unregister(key.fileobj)
                    self._dispatch(key.data)
            if self.stopping and listener.fileno() != -1:
                self._selector.unregister(listener)
                listener.close()

    def _stop(self):
        self.stopping = True
        self._wake()

    def _wake(self):
        try:
            os.write(self._wake_out, b"x")
        except BlockingIOError:
            pass  # It is awake, or will be.

    def _accept(self, listener):
        while True:
            try:
                accepted, _ = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                # Out of descriptors, for example: the connection waits in the backlog.
                print(f"cannot accept a connection: {error}", file=sys.stderr)
                return
            accepted.settimeout(SILENT_S)
            if accepted.family == socket.AF_INET:
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(accepted, selectors.EVENT_READ, _Connection(self, accepted))

    def _take_back(self):
        try:
            os.read(self._wake_in, 4096)
        except BlockingIOError:
            pass
        while True:
            try:
                connection = self._returned.get_nowait()
            except queue.Empty:
                return
            if self.stopping:
                connection.close()
            else:
                self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def _dispatch(self, connection):
        with self._lock:
            self._busy += 1
            if self._idle < self._ready.qsize() + 1 and self._threads < self._limit:
                self._add_thread()
        self._ready.put(connection)

    def _add_thread(self):
        try:
            threading.Thread(target=self._work, daemon=True).start()
            self._threads += 1
        except RuntimeError as error:
            # Out of processes, for example: those that are there do the work.
            print(f"cannot start a thread for a request: {error}", file=sys.stderr)
            if self._threads == 0:
                raise

    def _work(self):
        while True:
            with self._lock:
                self._idle += 1
            connection = self._ready.get()
            with self._lock:
                self._idle -= 1
            keep = False
            try:
                keep = self._converse(connection)
            except OSError:
                pass  # The caller has gone away.
            except BaseException:
                # Whatever it is, this thread goes on: others wait for it.
                traceback.print_exc()
            if keep and not self.stopping:
                self._returned.put(connection)
            else:
                connection.close()
            with self._lock:
                self._busy -= 1
            self._wake()

    def _converse(self, connection):
        """Answers requests as long as more come at once. True when the connection is to be kept."""
        while True:
            if not self._one(connection):
                return False
            if self.stopping:
                return False
            if connection.buffered():
                continue
            # Others wait for a thread, or nothing comes: the selector keeps the connection.
            if not self._ready.empty() or not connection.readable(LINGER_S):
                return True

    def _one(self, connection):
        request = None
        try:
            request = _read_request(connection)
            if request is None:
                return False
            if request.expects_continue:
                connection.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            response = Response(connection, request)
            if "x-eventflow-probe" in request.headers:
                # Nobody's call: the platform asks whether there is a thread that still answers.
                response.start(204, [])
                response.finish()
            else:
                self._handle(request, response)
            if not request.keep_alive:
                return False
            # What the handler did not read of the body stands before the next request.
            while request.body.read(READ):
                pass
            return True
        except BadRequest as error:
            text = f"{error}\n".encode()
            head = f"HTTP/1.1 {error.status} {REASONS.get(error.status, '')}\r\ncontent-type: text/plain\r\n"
            head += f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
            connection.socket.sendall(head.encode() + text)
            return False


def _read_request(connection):
    line = _line(connection.file)
    if not line:
        return None
    parts = line.decode("latin-1").rstrip("\r\n").split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest("the first line is not a request")
    method, target, version = parts
    headers = {}
    for _ in range(MAX_HEADERS):
        line = _line(connection.file)
        if line in (b"\r\n", b"\n", b""):
            return Request(connection, method, target, version, headers)
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest("a header is malformed")
        # Nothing else is white space to the platform: what it did not take for an event must not become one here.
        name, value = name.lower(), value.strip(" \t\r\n")
        glue = "; " if name == "cookie" else ", "
        headers[name] = value if name not in headers else f"{headers[name]}{glue}{value}"
    raise BadRequest("there are too many headers", 431)


def _listen():
    path = os.environ.get("EVENTFLOW_SOCKET")
    if path:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
    else:
        listener = socket.socket(socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        host = os.environ.get("EVENTFLOW_HOST") or os.environ.get("HOST", "127.0.0.1")
        listener.bind((host, int(os.environ.get("PORT", "8080"))))
    listener.listen(BACKLOG)
    return listener
