"""The table, against every wrapper as it is, without a sandbox: `python3 -m unittest discover runtimes/conformance`.
In the sandbox it is tried by `cargo test -p server --test it executor::conformance`."""

import base64
import http.client
import importlib.util
import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
_spec = importlib.util.spec_from_file_location("python_test_wrapper", os.path.join(HERE, "..", "python", "test_wrapper.py"))
shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shared)

WRAPPERS = {
    "node": (["node", os.path.join(HERE, "..", "node", "wrapper.cjs")], ["index.handler"]),
    "python": ([sys.executable, os.path.join(HERE, "..", "python", "wrapper.py")], ["main.handler"]),
    "python-flask": ([sys.executable, os.path.join(HERE, "..", "python-flask", "wrapper.py")], []),
}
with open(os.path.join(HERE, "..", "conformance.json"), encoding="utf-8") as _file:
    TABLE = json.load(_file)


def cases(kind, runtime):
    return [case for case in TABLE[kind] if runtime in case["runtimes"]]


def start(test, runtime, *more, stdin=b"", env=None):
    folder = os.path.join(HERE, runtime)
    files = {}
    for name in os.listdir(folder):
        if os.path.isfile(os.path.join(folder, name)):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                files[name] = file.read()
    program, handler = WRAPPERS[runtime]
    env = {"EVENTFLOW_NAMESPACE": "default", "EVENTFLOW_VERSION": "1", **(env or {})}
    return shared.Wrapper(test, files, *handler, *more, program=program, stdin=stdin, env=env)


def run_id(number):
    return f"01890000-0000-7000-8000-{number:012}"


class Conformance(unittest.TestCase):
    def test_services_of_node(self):
        self.services("node")

    def test_services_of_python(self):
        self.services("python")

    def test_services_of_python_flask(self):
        self.services("python-flask")

    def test_jobs_of_node(self):
        self.jobs("node")

    def test_jobs_of_python(self):
        self.jobs("python")

    def services(self, runtime):
        wrapper = start(self, runtime).listening()
        for number, case in enumerate(cases("services", runtime)):
            with self.subTest(runtime=runtime, case=case["name"]):
                if "ends" in case["expect"]:
                    self.ends(runtime, case)
                else:
                    self.service(wrapper, case, run_id(number))
        wrapper.process.terminate()
        self.assertEqual(wrapper.wait(), 0)

    def ask(self, wrapper, case, run):
        given = case["request"]
        body = base64.b64decode(given["body_base64"]) if "body_base64" in given else given.get("body", "").encode() or None
        headers = {"x-eventflow-run": run, "x-eventflow-attempt": "2", "x-eventflow-deadline": "2099-01-01T00:00:00.000Z"}
        connection = shared.UnixConnection(wrapper.socket)
        try:
            connection.request(given["method"], given["path"], body, {**headers, **given.get("headers", {})})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def service(self, wrapper, case, run):
        expect = case["expect"]
        status, headers, body = self.ask(wrapper, case, run)
        self.assertEqual(status, expect["status"], body)
        for name, value in expect.get("headers", {}).items():
            self.assertEqual(headers.get_all(name), value if isinstance(value, list) else [value], name)
        if "text" in expect:
            self.assertEqual(body.decode(), expect["text"])
        for words in expect.get("text_contains", []):
            self.assertIn(words, body.decode())
        if "body_base64" in expect:
            self.assertEqual(base64.b64encode(body).decode(), expect["body_base64"])
        if "json" in expect:
            answer = json.loads(body)
            self.contained(filled(expect["json"], run), answer)
            for path in expect.get("absent", []):
                self.assertFalse(has(answer, path.split(".")), path)
        mark = f"\x1e{run}\x1f"
        own = lambda: [line.removeprefix(mark) for line in wrapper.output.split("\n") if line.startswith(mark)]
        if "logs" in case:
            shared.until(lambda: len(own()) >= len(case["logs"]), "the lines")
            self.assertEqual(sorted(own()), sorted(case["logs"]))
        for words in case.get("logs_contain", []):
            shared.until(lambda: any(words in line for line in own()), f"a line with {words}")

    def ends(self, runtime, case):
        wrapper = start(self, runtime).listening()
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.ask(wrapper, case, run_id(0))
        self.assertEqual(wrapper.wait(), case["expect"]["ends"])
        for words in case.get("logs_contain", []):
            self.assertIn(words, wrapper.output)

    def jobs(self, runtime):
        for number, case in enumerate(cases("jobs", runtime)):
            with self.subTest(runtime=runtime, case=case["name"]):
                run, expect = run_id(number), case["expect"]
                env = {"EVENTFLOW_RUN_ID": run, "EVENTFLOW_ATTEMPT": "1"}
                job = start(self, runtime, "--job", stdin=json.dumps(case["event"]).encode(), env=env)
                self.assertEqual(job.wait(), expect["code"], job.output)
                path = os.path.join(job.folder, "result")
                if expect.get("no_result"):
                    self.assertFalse(os.path.exists(path))
                if "json" in expect:
                    with open(path, encoding="utf-8") as file:
                        self.contained(filled(expect["json"], run), json.load(file))
                # Both outputs are one here: what one writes may stand in the middle of the other's line.
                for words in case.get("logs", []) + case.get("logs_contain", []):
                    self.assertIn(words, job.output)

    def contained(self, expected, actual):
        if not isinstance(expected, dict) or not isinstance(actual, dict):
            self.assertEqual(actual, expected)
            return
        for name, value in expected.items():
            self.assertIn(name, actual)
            self.contained(value, actual[name])


def filled(expected, run):
    return json.loads(json.dumps(expected).replace("{function}", "f").replace("{run}", run))


def has(value, path):
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


if __name__ == "__main__":
    unittest.main()
