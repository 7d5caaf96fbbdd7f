"""What loads an ASGI application and tells it its place: `python3 -m unittest discover runtimes/provided`."""

import asyncio
import importlib.util
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
_spec = importlib.util.spec_from_file_location("provided_asgi", os.path.join(HERE, "asgi.py"))
asgi = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(asgi)


class Loading(unittest.TestCase):
    def load(self, target, files):
        before, path, modules = os.getcwd(), list(sys.path), set(sys.modules)
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                os.makedirs(os.path.join(folder, os.path.dirname(name)), exist_ok=True)
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)
            os.chdir(folder)
            try:
                return asgi.load(target)
            finally:
                os.chdir(before)
                sys.path[:] = path
                for name in set(sys.modules) - modules:
                    del sys.modules[name]

    def test_an_application_a_factory_and_what_stands_beside_are_found(self):
        self.assertEqual(self.load("main_of_test:app", {"main_of_test.py": "app = 'the app'"}), "the app")
        self.assertEqual(self.load("main_of_test:create_app()", {"main_of_test.py": "def create_app():\n    return 'made'"}), "made")
        files = {"src/main_of_test.py": "import helper_of_test\napp = helper_of_test.value", "src/helper_of_test.py": "value = 'beside'"}
        self.assertEqual(self.load("src.main_of_test:app", files), "beside")

    def test_what_is_missing_is_told(self):
        with self.assertRaises(SystemExit):
            self.load("main_of_test:app", {"main_of_test.py": "other = 1"})


class Placing(unittest.TestCase):
    def scope(self, whole, headers, path="/items/7", kind="http"):
        seen = {}

        async def app(scope, receive, send):
            seen.update(scope)

        placed = asgi.Placed(app)
        placed.whole_path = whole
        asyncio.run(placed({"type": kind, "path": path, "root_path": "", "headers": headers}, None, None))
        return seen["root_path"], seen["path"]

    def test_the_application_knows_where_it_lives(self):
        headers = [(b"x-forwarded-prefix", b"/function/shop")]
        self.assertEqual(self.scope(True, headers), ("/function/shop", "/function/shop/items/7"))
        self.assertEqual(self.scope(False, headers), ("/function/shop", "/items/7"))
        self.assertEqual(self.scope(True, []), ("", "/items/7"))
        self.assertEqual(self.scope(True, headers, kind="lifespan"), ("", "/items/7"))
