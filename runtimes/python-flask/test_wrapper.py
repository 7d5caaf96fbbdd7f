"""The wrapper by itself, without a sandbox: `python3 -m unittest discover runtimes/python-flask`."""

import http.client
import importlib.util
import os
import signal
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
_spec = importlib.util.spec_from_file_location("python_test_wrapper", os.path.join(HERE, "..", "python", "test_wrapper.py"))
shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shared)


class Applications(unittest.TestCase):
    def start(self, files, application=None):
        env = {"EVENTFLOW_APPLICATION": application} if application else None
        return shared.Wrapper(self, files, wrapper=os.path.join(HERE, "wrapper.py"), env=env)

    def test_the_application_is_the_one_that_is_named_or_what_a_function_makes(self):
        code = """
from helper import answer
def create_app(config=None):
    return answer
application = answer
"""
        helper = "def answer(e, s):\n    s('200 OK', [])\n    return [b'named']"
        for application, files in [
            ("main.application", {"main.py": code, "helper.py": helper}),
            ("main.create_app", {"main.py": code, "helper.py": helper}),
            ("src/main.application", {"src/main.py": code, "src/helper.py": helper}),
            ("shop.create_app", {"shop/__init__.py": code, "helper.py": helper}),
        ]:
            self.assertEqual(self.start(files, application).listening().ask(), (200, "named"), application)

    def test_an_application_that_is_not_there_is_told(self):
        wrapper = self.start({"main.py": "def other():\n    pass"}, "main.app")
        self.assertEqual(wrapper.wait(), 1)
        self.assertIn('main has no WSGI application "app"; what can be called there: other', wrapper.output)

    def test_what_keeps_an_application_from_being_served_is_said_with_what_to_do(self):
        cases = [
            ("import nowhere\n", r'\napp\.py needs the module "nowhere", which is not installed: add nowhere to requirements\.txt\n$'),
            ("import os\nos.environ['KEY']\n", r"\napp\.py reads an environment variable that is not set, `KEY`: set it as a secret"),
            ("def application(): pass\n", r'app\.py has no WSGI application "app"; what can be called there: application\n$'),
            ("class App:\n    async def __call__(self, scope, receive, send): pass\napp = App()\n", r'"app" of app\.py is an ASGI application, and python-flask serves WSGI: set "runtime": "command"'),
        ]
        for code, message in cases:
            wrapper = shared.Wrapper(self, {"app.py": code}, wrapper=os.path.join(HERE, "wrapper.py"))
            self.assertEqual(wrapper.wait(), 1)
            self.assertRegex(wrapper.output, message)

    def test_a_body_of_known_length_is_not_chunked_and_write_works(self):
        code = """
def app(environ, start_response):
    write = start_response("200 OK", [("Content-Length", "4")])
    write(b"ab")
    return [b"cd"]
"""
        self.assertEqual(self.start({"app.py": code}).listening().ask(), (200, "abcd"))

    def test_a_probe_does_not_reach_the_application(self):
        wrapper = self.start({"app.py": "def app(e, s):\n    s('500 No', [])\n    return [b'called']"}).listening()
        self.assertEqual(wrapper.ask("*", "OPTIONS", headers={"x-eventflow-probe": "1"}), (204, ""))

    def test_the_body_is_a_file(self):
        code = """
def app(environ, start_response):
    lines = environ["wsgi.input"].readlines()
    start_response("200 OK", [])
    return [repr((lines, environ["CONTENT_LENGTH"])).encode()]
"""
        wrapper = self.start({"app.py": code}).listening()
        self.assertEqual(wrapper.ask(method="POST", body=b"one\ntwo"), (200, "([b'one\\n', b'two'], '7')"))

    def test_the_application_knows_where_it_lives(self):
        code = """
from wsgiref.util import request_uri, application_uri
def app(environ, start_response):
    start_response("200 OK", [])
    names = "SCRIPT_NAME", "PATH_INFO", "SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR"
    return [repr((application_uri(environ), request_uri(environ), *map(environ.get, names))).encode()]
"""
        wrapper = self.start({"app.py": code}).listening()
        headers = {"host": "[::1]:8443", "x-forwarded-proto": "https", "x-forwarded-prefix": "/function/shop", "x-forwarded-for": "192.0.2.1"}
        expected = ("https://[::1]:8443/function/shop", "https://[::1]:8443/function/shop/a%20b?c=d", "/function/shop", "/a b", "[::1]", "8443", "192.0.2.1")
        self.assertEqual(wrapper.ask("/a%20b?c=d", headers=headers), (200, repr(expected)))
        headers = {"host": "flow.example", "x-forwarded-proto": "https"}
        expected = ("https://flow.example/", "https://flow.example/", "", "/", "flow.example", "443", "127.0.0.1")
        self.assertEqual(wrapper.ask("/", headers=headers), (200, repr(expected)))

    def test_what_the_application_does_not_read_does_not_disturb_the_next_request(self):
        wrapper = self.start({"app.py": "def app(e, s):\n    s('200 OK', [])\n    return [b'x']"}).listening()
        connection = shared.UnixConnection(wrapper.socket)
        for _ in range(3):
            connection.request("POST", "/", b"y" * 100_000)
            self.assertEqual(connection.getresponse().read(), b"x")
        connection.close()

    def test_a_body_that_is_not_as_long_as_it_says_breaks_off_and_disturbs_nobody(self):
        code = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "4")])
    return [part.encode() for part in environ["PATH_INFO"][1:].split("-")]
"""
        wrapper = self.start({"app.py": code}).listening()
        status, text = wrapper.ask("/longer")
        self.assertEqual((status, "longer than its content-length" in text), (500, True))
        for path in ["/ab-cde", "/abc"]:
            connection = shared.UnixConnection(wrapper.socket)
            with self.assertRaises((OSError, http.client.HTTPException)):
                connection.request("GET", path)
                self.assertEqual(len(connection.getresponse().read()), 4)
                # There is no next answer on this connection.
                connection.auto_open = 0
                connection.request("GET", "/fine")
                connection.getresponse()
            connection.close()
        self.assertEqual(wrapper.ask("/fine"), (200, "fine"))

    def test_the_application_has_the_signal(self):
        code = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [str(environ["eventflow.signal"].is_set()).encode()]
"""
        wrapper = self.start({"app.py": code}).listening()
        self.assertEqual(wrapper.ask(), (200, "False"))
        self.assertEqual(wrapper.ask(headers={"x-eventflow-deadline": "2020-01-01T00:00:00.000Z"}), (200, "True"))

    def test_an_iterable_is_closed(self):
        code = """
class Parts:
    def __iter__(self): return iter([b"a", b"b"])
    def close(self): print("closed")
def app(environ, start_response):
    start_response("200 OK", [])
    return Parts()
"""
        wrapper = self.start({"app.py": code}).listening()
        self.assertEqual(wrapper.ask(), (200, "ab"))
        shared.until(lambda: "closed" in wrapper.output, "the end")

    def test_an_application_that_is_not_there_says_what_was_found(self):
        cases = [
            ({"main.py": ""}, "there is no app.py; the Python files in the folder are: main.py"),
            ({"app.py": "def application(): pass"}, 'no WSGI application "app"; what can be called there: application'),
            ({"app.py": "1 / 0"}, "ZeroDivisionError"),
        ]
        for files, message in cases:
            wrapper = self.start(files)
            self.assertEqual(wrapper.wait(), 1)
            self.assertIn(message, wrapper.output)

    def test_sigterm_ends_it(self):
        wrapper = self.start({"app.py": "def app(e, s): pass"}).listening()
        wrapper.process.send_signal(signal.SIGTERM)
        self.assertEqual(wrapper.wait(), 0)

    @unittest.skipUnless(importlib.util.find_spec("flask"), "flask is not installed")
    def test_the_template_answers(self):
        with open(os.path.join(HERE, "template", "app.py")) as file:
            wrapper = self.start({"app.py": file.read()}).listening()
        self.assertEqual(wrapper.ask("/?name=Ada"), (200, '{"message":"Hello, Ada!"}\n'))


if __name__ == "__main__":
    unittest.main()
