"""The wrapper by itself, without a sandbox: `python3 -m unittest discover runtimes/python`."""

import codecs
import gzip
import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
RUN = "01890000-0000-7000-8000-000000000001"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self._path)


class Wrapper:
    """The wrapper in a folder with these files; `output` is all that it wrote."""

    def __init__(self, test, files, *arguments, wrapper=os.path.join(HERE, "wrapper.py"), program=None, stdin=b"", env=None):
        self._folder = tempfile.TemporaryDirectory()
        self.folder = self._folder.name
        for name, content in files.items():
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        self.socket = os.path.join(self.folder, "socket")
        own = {"PATH": os.environ["PATH"], "EVENTFLOW_SOCKET": self.socket, "EVENTFLOW_FUNCTION": "f", "PYTHONDONTWRITEBYTECODE": "1"}
        own["EVENTFLOW_RESULT"] = os.path.join(self.folder, "result")
        self.process = subprocess.Popen(
            [*(program or [sys.executable, wrapper]), *arguments],
            cwd=self.folder,
            env={**own, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.process.stdin.write(stdin)
        self.process.stdin.close()
        self.output = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        test.addCleanup(self._end)

    def _read(self):
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        while part := os.read(self.process.stdout.fileno(), 65536):
            self.output += decoder.decode(part)

    def _end(self):
        self.process.kill()
        self.wait()
        self.process.stdout.close()
        self._folder.cleanup()

    def wait(self):
        code = self.process.wait(10)
        self._reader.join(10)
        return code

    def listening(self):
        until(lambda: self._accepts() or self.process.poll() is not None, "it listens")
        if self.process.poll() is not None:
            self._reader.join(10)
            raise AssertionError(f"it ended: {self.output}")
        return self

    def _accepts(self):
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(self.socket)
            return True
        except OSError:
            return False

    def ask(self, path="/", method="GET", body=None, headers=None):
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


def until(condition, what):
    end = time.monotonic() + 10
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"it did not happen in time: {what}")
        time.sleep(0.002)


class Handlers(unittest.TestCase):
    def service(self, code, **more):
        return Wrapper(self, {"main.py": code}, "main.handler", **more).listening()

    def test_an_async_handler_and_an_async_stream(self):
        code = """
import asyncio
async def parts():
    for part in "abc":
        await asyncio.sleep(0)
        yield part
async def handler(event, context):
    await asyncio.sleep(0)
    print("in a task")
    return {"statusCode": 200, "body": parts()}
"""
        wrapper = self.service(code)
        self.assertEqual(wrapper.ask(headers={"x-eventflow-run": RUN}), (200, "abc"))
        until(lambda: wrapper.output.endswith("\n"), "the line")
        self.assertEqual(wrapper.output, f"\x1e{RUN}\x1fin a task\n")

    def test_a_handler_that_is_no_coroutine_has_an_event_loop_of_its_own(self):
        code = """
import asyncio
async def value(of):
    await asyncio.sleep(0)
    return of
def handler(event, context):
    loop = asyncio.get_event_loop()
    first = loop.run_until_complete(value(1))
    second = asyncio.run(value(2))
    if event["http"]["path"] == "/close":
        loop.close()
    return [first, second]
"""
        wrapper = self.service(code, env={"EVENTFLOW_THREADS": "1"})
        for path in ("/", "/close", "/"):
            self.assertEqual(wrapper.ask(path), (200, "[1,2]"))

    def test_what_a_module_has_is_named_with_what_to_do_about_it(self):
        cases = [
            ("import json\nfrom os.path import join\nLIMIT = 3\ndef run(e, c): pass\n", r'main has no function "handler"; what can be called there: run: if that is the handler, say "handler": "main.run"\n$'),
            ("def a(): pass\ndef b(): pass\n", r"what can be called there: a, b\n$"),
            ("", r"what can be called there: nothing\n$"),
            ("import nowhere.at_all\n", r'\nmain needs the module "nowhere", which is not installed: add nowhere to requirements.txt\n$'),
            ("import yaml_is_not_here as yaml\n", r"add yaml-is-not-here to requirements.txt\n$"),
            ("import os\nkey = os.environ['STRIPE_SECRET_KEY']\n", r'\nmain reads an environment variable that is not set, `STRIPE_SECRET_KEY`: set it as a secret or in "env"\n$'),
            ("{}['STRIPE_SECRET_KEY']\n", r"KeyError: 'STRIPE_SECRET_KEY'\n$"),
            ("class Flask:\n    pass\nFlask.__module__ = 'flask.app'\nweb = Flask()\n", r'web \(a Flask application\): start it as a program that listens on \$PORT, with "runtime": "command" and "command": \["sh", "-c", "gunicorn --bind 0\.0\.0\.0:\$PORT main:web"\]\n$'),
        ]
        for code, message in cases:
            wrapper = Wrapper(self, {"main.py": code}, "main.handler")
            self.assertEqual(wrapper.wait(), 1)
            self.assertRegex(wrapper.output, message)

    def test_a_variable_that_a_call_does_not_find_is_named(self):
        code = "import os\ndef handler(event, context):\n    return os.environ['KEY'] if event['http']['path'] == '/' else {}['KEY']\n"
        wrapper = self.service(code)
        self.assertIn('the environment variable `KEY` is not set: set it as a secret or in \\"env\\"', wrapper.ask("/")[1])
        self.assertIn("\"'KEY'\"", wrapper.ask("/other")[1])

    def test_a_probe_is_answered_as_long_as_a_thread_is_free(self):
        code = "import time\ndef handler(event, context):\n    time.sleep(1000)\n"
        wrapper = self.service(code, env={"EVENTFLOW_THREADS": "2"})
        probe = {"x-eventflow-probe": "1"}
        self.assertEqual(wrapper.ask("*", "OPTIONS", headers=probe), (204, ""))
        hung = [UnixConnection(wrapper.socket) for _ in range(2)]
        for connection in hung:
            connection.request("GET", "/")
        late = UnixConnection(wrapper.socket)
        late.request("OPTIONS", "*", headers=probe)
        late.sock.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            late.getresponse()
        for connection in (*hung, late):
            connection.close()

    def test_lines_of_runs_that_overlap_are_told_apart(self):
        code = """
import time
def handler(event, context):
    name = event["http"]["query"]["name"]
    print(name, "begins", end="")
    time.sleep(0.05)
    print(", and")
    print(name, "ends")
"""
        wrapper = self.service(code)
        runs = [("a", RUN[:-1] + "2"), ("b", RUN[:-1] + "3")]
        threads = [threading.Thread(target=wrapper.ask, args=(f"/?name={name}",), kwargs={"headers": {"x-eventflow-run": run}}) for name, run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: wrapper.output.count("\n") == 4, "four lines")
        expected = [f"\x1e{run}\x1f{name} {words}" for name, run in runs for words in ("begins, and", "ends")]
        self.assertEqual(sorted(wrapper.output.rstrip("\n").split("\n")), sorted(expected))

    def test_more_connections_than_threads_are_all_answered(self):
        wrapper = self.service("def handler(event, context): return 1", env={"EVENTFLOW_THREADS": "2"})
        connections = [UnixConnection(wrapper.socket) for _ in range(20)]
        for _ in range(3):
            for connection in connections:
                connection.request("GET", "/")
            for connection in connections:
                self.assertEqual(connection.getresponse().read(), b"1")
        for connection in connections:
            connection.close()

    def test_requests_that_come_at_once_on_one_connection_are_answered_in_order(self):
        wrapper = self.service("def handler(event, context): return event['http']['path']")
        with socket.socket(socket.AF_UNIX) as plain:
            plain.settimeout(10)
            plain.connect(wrapper.socket)
            plain.sendall(b"".join(b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n" % number for number in range(5)))
            text = b""
            while text.count(b'"/') < 5:
                text += plain.recv(65536)
        self.assertLess(text.index(b'"/0"'), text.index(b'"/4"'))

    def test_json_that_is_nested_without_end_is_the_callers_fault(self):
        wrapper = self.service("def handler(event, context): return 1")
        for kind in ("application/json", "application/cloudevents+json"):
            status, text = wrapper.ask("/", "POST", b"[" * 100_000 + b"]" * 100_000, {"content-type": kind})
            self.assertEqual((status, json.loads(text)["error"]["code"]), (400, "bad_request"))

    def test_what_the_platform_does_not_take_for_an_event_of_its_own_is_none_here(self):
        wrapper = self.service("def handler(event, context): return event['type']")
        event = b'{"specversion":"1.0","id":"1","source":"/","type":"webhook.received"}'
        for space in ("\xa0", "\x85", "\x1f", "\x0b"):
            for headers in [{"content-type": f"{space}application/cloudevents+json"}, {"content-type": f"application/cloudevents+json{space}"}]:
                self.assertEqual(wrapper.ask("/", "POST", event, headers), (200, '"http.invoke"'), headers)
            status, text = wrapper.ask("/", "POST", b"", {"ce-specversion": "1.0", "ce-type": f"{space}webhook.received"})
            self.assertNotEqual(json.loads(text), "webhook.received")

    def test_a_header_in_latin_1_is_sent_as_it_is(self):
        wrapper = self.service("def handler(event, context): return {'statusCode': 200, 'headers': {'x-name': 'café'}}")
        connection = UnixConnection(wrapper.socket)
        connection.request("GET", "/")
        self.assertEqual(connection.getresponse().headers["x-name"], "café")
        connection.close()

    def test_a_chunked_body_is_read(self):
        wrapper = self.service("def handler(event, context): return event['data']")
        status, text = wrapper.ask(method="POST", body=iter([b'{"a":', b"1}"]), headers={"content-type": "application/json"})
        self.assertEqual((status, json.loads(text)), (200, {"a": 1}))

    def test_what_is_no_http_is_refused_and_the_next_caller_served(self):
        wrapper = self.service("def handler(event, context): return 1")
        with socket.socket(socket.AF_UNIX) as plain:
            plain.settimeout(10)
            plain.connect(wrapper.socket)
            plain.sendall(b"nonsense\r\n\r\n")
            self.assertIn(b"400 Bad Request", plain.recv(1000))
        self.assertEqual(wrapper.ask(), (200, "1"))

    def test_the_signal_is_set_at_the_deadline_and_when_the_caller_goes(self):
        wrapper = self.service("def handler(event, context):\n    print(context.signal.wait(5))\n    return context.signal.is_set()")
        self.assertEqual(wrapper.ask(headers={"x-eventflow-deadline": "2020-01-01T00:00:00.000Z"}), (200, "true"))
        with socket.socket(socket.AF_UNIX) as plain:
            plain.connect(wrapper.socket)
            plain.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        until(lambda: wrapper.output.count("True") == 2, "the second is told")

    def test_sigterm_lets_the_request_under_way_finish(self):
        wrapper = self.service("import time\ndef handler(event, context):\n    print('begun')\n    time.sleep(0.2)\n    return 'whole'")
        answers = []
        thread = threading.Thread(target=lambda: answers.append(wrapper.ask()))
        thread.start()
        until(lambda: "begun" in wrapper.output, "the request")
        wrapper.process.send_signal(signal.SIGTERM)
        thread.join()
        self.assertEqual((answers, wrapper.wait()), ([(200, '"whole"')], 0))

    def test_packages_of_the_function_are_found(self):
        files = {"main.py": "import lib\ndef handler(event, context): return lib.VALUE", ".python/lib.py": "VALUE = 7"}
        self.assertEqual(Wrapper(self, files, "main.handler").listening().ask(), (200, "7"))

    def test_a_handler_that_cannot_be_loaded_says_what_was_found(self):
        cases = [
            ({"main.py": "def other(): pass"}, "main.handler", 'main has no function "handler"; what can be called there: other'),
            ({"app.py": ""}, "main.handler", 'there is no module "main"; the files in the folder are: app.py'),
            ({"main.py": "import missing_package"}, "main.handler", "No module named 'missing_package'"),
            ({}, "handler", "must be MODULE.FUNCTION"),
        ]
        for files, handler, message in cases:
            wrapper = Wrapper(self, files, handler)
            self.assertEqual(wrapper.wait(), 1)
            self.assertIn(message, wrapper.output)

    def test_a_result_that_is_no_json_is_a_fault_of_the_function(self):
        status, text = self.service("def handler(event, context): return object()").ask()
        self.assertEqual((status, json.loads(text)["error"]["code"]), (500, "function_error"))

    def test_a_job_that_is_asked_to_end(self):
        waits = "def handler(event, context):\n    print('begun')\n    return context.signal.wait(10)"
        for code, expected in [(waits.replace("print('begun')", "context.signal.is_set()\n    print('begun')"), 0), ("import time\ndef handler(e, c):\n    print('begun')\n    time.sleep(10)", 143)]:
            wrapper = Wrapper(self, {"main.py": code}, "main.handler", "--job", stdin=b"{}")
            until(lambda: "begun" in wrapper.output, "the start")
            wrapper.process.send_signal(signal.SIGTERM)
            self.assertEqual(wrapper.wait(), expected)

    def test_no_exception_costs_a_thread_or_the_event_loop(self):
        code = """
import asyncio, sys, threading
loops = []
async def later(path):
    loops.append(asyncio.get_running_loop())
    if path == "/stop":
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0.01)
    if path == "/task":
        asyncio.create_task(leave())
        await asyncio.sleep(0.01)
    if path == "/exit":
        sys.exit(1)
    return len(set(loops))
async def leave():
    sys.exit(2)
def handler(event, context):
    path = event["http"]["path"]
    if path == "/sync":
        sys.exit("with words")
    return later(path)
"""
        wrapper = self.service(code, env={"EVENTFLOW_THREADS": "1"})
        for _ in range(3):
            self.assertEqual(json.loads(wrapper.ask("/sync")[1])["error"]["message"], "the handler called sys.exit('with words')")
            self.assertEqual(wrapper.ask("/exit")[0], 500)
            self.assertEqual(wrapper.ask("/stop"), (200, "1"))
            self.assertEqual(wrapper.ask("/task"), (200, "1"))
        self.assertEqual(wrapper.ask("/"), (200, "1"))

    def test_a_child_that_a_handler_forks_gives_no_answer_of_its_own(self):
        code = """
import os, sys
def handler(event, context):
    child = os.fork()
    if child == 0:
        path = event["http"]["path"]
        if path == "/exit": sys.exit(3)
        if path == "/raise": raise RuntimeError("in the child")
        return "the child's"
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
        wrapper = self.service(code)
        connection = UnixConnection(wrapper.socket)
        for path, code in [("/exit", b"3"), ("/raise", b"1"), ("/return", b"0")] * 2:
            connection.request("GET", path)
            self.assertEqual(connection.getresponse().read(), code, path)
        connection.close()

    def test_code_that_begins_with_a_byte_order_mark_or_ends_while_it_is_loaded(self):
        self.assertEqual(self.service("\ufeffdef handler(event, context): return 'ä'").ask(), (200, '"ä"'))
        for code in ["import sys\nsys.exit(0)", "raise KeyboardInterrupt"]:
            wrapper = Wrapper(self, {"main.py": code}, "main.handler")
            self.assertEqual(wrapper.wait(), 1)
            self.assertIn("main cannot be loaded", wrapper.output)

    def test_the_process_goes_on_when_a_handler_interrupts_it(self):
        code = """
import _thread, sys, threading, time
def handler(event, context):
    if event["http"]["path"] == "/thread":
        threading.Thread(target=sys.exit).start()
    if event["http"]["path"] == "/main":
        _thread.interrupt_main()
    print("begun")
    time.sleep(0.1)
    return "whole"
"""
        wrapper = self.service(code)
        self.assertEqual(wrapper.ask("/thread"), (200, '"whole"'))
        answers = []
        thread = threading.Thread(target=lambda: answers.append(wrapper.ask("/")))
        thread.start()
        until(lambda: wrapper.output.count("begun") == 2, "the request")
        # It ends in good order then: who was under way gets an answer.
        self.assertEqual(wrapper.ask("/main"), (200, '"whole"'))
        thread.join()
        self.assertEqual((answers, wrapper.wait()), ([(200, '"whole"')], 0))

    def test_a_body_that_is_too_large_when_it_is_decompressed_is_refused(self):
        wrapper = self.service("def handler(event, context): return len(event['data'])")
        headers = {"content-encoding": "gzip", "content-type": "text/plain"}
        for size, status in [(7, 413), (6, 200)]:
            body = gzip.compress(b"a" * (size << 20), 1)
            self.assertEqual(wrapper.ask("/", "POST", body, headers)[0], status)
            half = len(body) // 2
            members = gzip.compress(b"a" * (size << 19), 1) * 2
            self.assertEqual(wrapper.ask("/", "POST", members, headers)[0], status, half)

    def test_codings_of_modules_that_are_there_are_undone(self):
        # Here and not at the top: other suites use this file, without what requirements-test.txt names.
        import brotli
        import zstandard

        wrapper = self.service("def handler(event, context): return [len(event.get('data', '')), event.get('data_base64')]")
        codings = {"br": lambda body: brotli.compress(body, quality=1), "zstd": zstandard.ZstdCompressor().compress}
        for coding, compress in codings.items():
            headers = {"content-encoding": coding, "content-type": "text/plain"}
            for size, status in [(5, 200), (6 << 20, 200), ((6 << 20) + 1, 413), (200 << 20, 413)]:
                answer = wrapper.ask("/", "POST", compress(b"a" * size), headers)
                self.assertEqual(answer[0], status, (coding, size))
                if status == 200:
                    self.assertEqual(json.loads(answer[1]), [size, None])
            whole = compress(b"text" * 1000)
            for broken in [whole[:-1], b"xx" + whole, b"{}"]:
                status, answer = wrapper.ask("/", "POST", broken, headers)
                self.assertEqual(status, 400, (coding, broken))
                self.assertIn(f"not valid {coding}", answer)

    def test_a_module_that_cannot_limit_what_it_makes_is_not_used(self):
        code = "def handler(event, context): return event['data_base64']"
        old = "class Decompressor:\n    def is_finished(self): return False\n    def process(self, data): return b'x' * (1 << 40)\n"
        files = {"main.py": code, "brotli.py": old, "brotlicffi.py": old}
        wrapper = Wrapper(self, files, "main.handler").listening()
        headers = {"content-encoding": "br", "content-type": "text/plain"}
        self.assertEqual(wrapper.ask("/", "POST", b"abc", headers), (200, '"YWJj"'))

    def test_halves_of_characters_of_runs_that_overlap_are_put_together(self):
        code = """
import sys, time
def handler(event, context):
    for byte in (event["http"]["query"]["name"] + " writes € and 😀\\n").encode():
        sys.stdout.buffer.write(bytes([byte]))
        sys.stdout.buffer.flush()
        time.sleep(0.001)
    sys.stdout.buffer.write("half €".encode()[:-1])
    print(" and text", end="")
"""
        wrapper = self.service(code)
        runs = [("a", RUN[:-1] + "2"), ("b", RUN[:-1] + "3")]
        threads = [threading.Thread(target=wrapper.ask, args=(f"/?name={name}",), kwargs={"headers": {"x-eventflow-run": run}}) for name, run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: wrapper.output.count("\n") == 4, "four lines")
        expected = [f"\x1e{run}\x1f{line}" for name, run in runs for line in (f"{name} writes € and 😀", "half \ufffd and text")]
        self.assertEqual(sorted(wrapper.output.rstrip("\n").split("\n")), sorted(expected))

    def test_outputs_can_be_configured_as_programs_do(self):
        code = """
import logging, sys
sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
logging.basicConfig(level="INFO")
def handler(event, context):
    logging.getLogger().info("logged")
    sys.stdout.writelines(["a\\n", "b\\n"])
"""
        wrapper = self.service(code)
        wrapper.ask(headers={"x-eventflow-run": RUN})
        until(lambda: wrapper.output.count("\n") == 3, "three lines")
        self.assertEqual(sorted(wrapper.output.split("\n")[:3]), [f"\x1e{RUN}\x1f{line}" for line in ("INFO:root:logged", "a", "b")])

    def test_an_async_handler_waits_for_the_signal_and_an_async_stream_is_closed_when_the_caller_goes(self):
        code = """
import asyncio
async def parts():
    try:
        while True:
            yield "x" * 65536
            await asyncio.sleep(0)
    finally:
        print("closed")
async def silent():
    try:
        yield "begun"
        await asyncio.sleep(100)
    finally:
        await asyncio.sleep(0)
        print("silenced")
async def handler(event, context):
    if event["http"]["path"] == "/stream":
        return parts()
    if event["http"]["path"] == "/silent":
        return silent()
    print("waiting")
    print(await context.signal.wait_async(20))
"""
        wrapper = self.service(code)
        for path, begun, ended in [("/stream", None, "closed"), ("/silent", None, "silenced"), ("/wait", "waiting", "True")]:
            with socket.socket(socket.AF_UNIX) as plain:
                plain.settimeout(10)
                plain.connect(wrapper.socket)
                plain.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
                if begun:
                    until(lambda: begun in wrapper.output, "the wait")
                else:
                    plain.recv(100)
            until(lambda: ended in wrapper.output, ended)

    @unittest.skipUnless(sys.version_info >= (3, 12), "only Python 3.12 says whose exception it is")
    def test_an_exception_of_a_task_that_nobody_asks_for_is_in_the_log_of_its_run(self):
        code = """
import asyncio, gc
async def fail():
    raise RuntimeError("nobody asked")
async def handler(event, context):
    asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    gc.collect()
"""
        wrapper = self.service(code)
        wrapper.ask(headers={"x-eventflow-run": RUN})
        until(lambda: "RuntimeError: nobody asked" in wrapper.output, "the log")
        self.assertIn(f"\x1e{RUN}\x1fTask exception was never retrieved", wrapper.output)

    def test_a_connection_that_fails_inside_a_handler_is_not_the_callers(self):
        status, text = self.service("def handler(event, context): raise ConnectionResetError('the database is away')").ask()
        self.assertEqual((status, json.loads(text)["error"]["message"]), (500, "the database is away"))

    @unittest.skipUnless(importlib.util.find_spec("pydantic"), "pydantic is not installed")
    def test_pydantic_models_are_objects(self):
        code = """
import datetime, decimal, pydantic
class Inner(pydantic.BaseModel):
    price: decimal.Decimal
class Order(pydantic.BaseModel):
    at: datetime.date
    items: list[Inner]
    ratio: float = 1.0
def handler(event, context):
    order = Order(at="2026-01-31", items=[Inner(price="1.10")])
    match event["http"]["path"]:
        case "/nan": return {"order": Order(at="2026-01-31", items=[], ratio=float("nan"))}
        case "/body": return {"statusCode": 201, "body": order}
        case "/inside": return [order]
    return order
"""
        wrapper = self.service(code)
        order = {"at": "2026-01-31", "items": [{"price": "1.10"}], "ratio": 1.0}
        for path, status, expected in [("/", 200, order), ("/body", 201, order), ("/inside", 200, [order])]:
            answer = wrapper.ask(path)
            self.assertEqual((answer[0], json.loads(answer[1])), (status, expected))
        self.assertIn('result[\\"order\\"][\\"ratio\\"] is NaN', wrapper.ask("/nan")[1])

    def test_the_template_answers(self):
        with open(os.path.join(HERE, "template", "main.py")) as file:
            wrapper = self.service(file.read())
        self.assertEqual(json.loads(wrapper.ask("/?name=Ada")[1]), {"message": "Hello, Ada!"})


if __name__ == "__main__":
    unittest.main()
