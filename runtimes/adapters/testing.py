"""Starts the wrapper with an adapter, in a folder with a function's files, and calls it."""

import importlib.util
import json
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
WRAPPER = os.path.join(HERE, "..", "python", "wrapper.py")
_spec = importlib.util.spec_from_file_location("python_test_wrapper", os.path.join(HERE, "..", "python", "test_wrapper.py"))
shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shared)
RUN = shared.RUN


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()
        self.text = self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.text)


class AdapterTest(unittest.TestCase):
    """Tests of one adapter."""

    adapter = ""

    def service(self, files, handler="main.handler", **env):
        files = {"main.py": files} if isinstance(files, str) else files
        self.wrapper = shared.Wrapper(self, files, handler, wrapper=WRAPPER, env={"EVENTFLOW_ADAPTER": self.adapter, "EVENTFLOW_VERSION": "3", **env})
        self.wrapper.listening()
        return self.call

    def call(self, path="/", method=None, body=None, headers=None, data=None):
        headers = {"host": "example.test", "x-eventflow-run": RUN, **(headers or {})}
        if data is not None:
            body, headers = json.dumps(data), {"content-type": "application/json", **headers}
        connection = shared.UnixConnection(self.wrapper.socket)
        connection.timeout = 60
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def send(self, **event):
        """An event as the platform delivers it to a service."""
        whole = {"specversion": "1.0", "id": RUN, "source": "/test", "time": "2026-01-02T03:04:05Z", **event}
        return self.call("/", body=json.dumps(whole), headers={"content-type": "application/cloudevents+json", "x-eventflow-event": whole["type"]})

    def job(self, files, handler, event, **env):
        files = {"main.py": files} if isinstance(files, str) else files
        wrapper = shared.Wrapper(self, files, handler, "--job", wrapper=WRAPPER, stdin=json.dumps(event).encode(), env={"EVENTFLOW_ADAPTER": self.adapter, **env})
        self.assertEqual(wrapper.wait(), 0, wrapper.output)
        with open(os.path.join(wrapper.folder, "result"), encoding="utf-8") as file:
            return json.load(file)

    def refusal(self, files, handler="main.handler", adapter=None, **env):
        """What the wrapper says of a function that it cannot load."""
        files = {"main.py": files} if isinstance(files, str) else files
        wrapper = shared.Wrapper(self, files, handler, wrapper=WRAPPER, env={"EVENTFLOW_ADAPTER": adapter or self.adapter, **env})
        self.assertEqual(wrapper.wait(), 1, wrapper.output)
        return wrapper.output

    def said(self, pattern):
        """Output may come later than the answer."""
        shared.until(lambda: re.search(pattern, self.wrapper.output), f"{pattern} in {self.wrapper.output}")


__all__ = ["AdapterTest", "RUN", "sys"]
