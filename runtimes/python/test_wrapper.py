"""The wrapper by itself, without a sandbox: `python3 -m unittest discover runtimes/python`."""

import http.client
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

    def __init__(self, test, files, *arguments, wrapper=os.path.join(HERE, "wrapper.py"), stdin=b"", env=None):
        self._folder = tempfile.TemporaryDirectory()
        self.folder = self._folder.name
        for name, content in files.items():
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(content)
        self.socket = os.path.join(self.folder, "socket")
        own = {"PATH": os.environ["PATH"], "EVENTFLOW_SOCKET": self.socket, "EVENTFLOW_FUNCTION": "f", "PYTHONDONTWRITEBYTECODE": "1"}
        own["EVENTFLOW_RESULT"] = os.path.join(self.folder, "result")
        self.process = subprocess.Popen(
            [sys.executable, wrapper, *arguments],
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
        while part := os.read(self.process.stdout.fileno(), 65536):
            self.output += part.decode()

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
        self.assertEqual(wrapper.output, f"\x1e{RUN}\x1fin a task\n")

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
        status, text = self.service("def handler(event, context): return {1, 2}").ask()
        self.assertEqual((status, json.loads(text)["error"]["code"]), (500, "function_error"))

    def test_a_job_that_is_asked_to_end(self):
        waits = "def handler(event, context):\n    print('begun')\n    return context.signal.wait(10)"
        for code, expected in [(waits.replace("print('begun')", "context.signal.is_set()\n    print('begun')"), 0), ("import time\ndef handler(e, c):\n    print('begun')\n    time.sleep(10)", 143)]:
            wrapper = Wrapper(self, {"main.py": code}, "main.handler", "--job", stdin=b"{}")
            until(lambda: "begun" in wrapper.output, "the start")
            wrapper.process.send_signal(signal.SIGTERM)
            self.assertEqual(wrapper.wait(), expected)

    def test_the_template_answers(self):
        with open(os.path.join(HERE, "template", "main.py")) as file:
            wrapper = self.service(file.read())
        self.assertEqual(json.loads(wrapper.ask("/?name=Ada")[1]), {"message": "Hello, Ada!"})


if __name__ == "__main__":
    unittest.main()
