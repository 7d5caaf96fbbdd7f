"""Google's Functions Framework, Azure Functions and Vercel, with the packages of each."""

from testing import AdapterTest


class Google(AdapterTest):
    adapter = "google-functions"

    def test_functions_of_the_framework(self):
        code = """
import functions_framework
@functions_framework.http
def hello(request):
    if request.path == "/fail":
        raise ValueError("on purpose")
    body = request.get_json(silent=True) or {}
    return {"hello": request.args.get("name") or body.get("name"), "path": request.path}, 201, {"x-a": "1"}

@functions_framework.cloud_event
def on_event(event):
    print("event", event["type"], event.data, event["subject"])

def plain(request):
    return "plain " + request.method
"""
        call = self.service(code, "main.hello")
        answer = call("/x?name=Ada")
        self.assertEqual((answer.status, answer.headers["x-a"], answer.json()), (201, "1", {"hello": "Ada", "path": "/x"}))
        self.assertEqual(call("/", data={"name": "Bo"}).json()["hello"], "Bo")
        self.assertEqual(call("/fail").json()["error"]["message"], "on purpose")
        self.assertEqual(self.service(code, "main.plain")("/", method="DELETE").text, "plain DELETE")
        self.service(code, "main.on_event")
        self.assertEqual(self.send(type="file.uploaded", subject="s", data={"n": 1}).status, 200)
        self.said(r"event file\.uploaded \{'n': 1\} s")
        self.service({"main.py": "def hello(event):\n    print('got', event['type'])\n", "Dockerfile": 'CMD ["functions-framework", "--target", "hello", "--signature-type", "cloudevent"]'}, "main.hello")
        self.assertEqual(self.send(type="file.uploaded", data={}).status, 200)
        self.said("got file.uploaded")
        self.assertIn("main", self.refusal(code, "main.other"))
        self.assertRegex(self.refusal("import nowhere_at_all", "main.hello"), r'main needs the module "nowhere_at_all", which is not installed')


class Azure(AdapterTest):
    adapter = "azure-functions"
    code = """
import logging
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="hello")
def hello(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    name = req.params.get("name") or (req.get_json().get("name") if req.get_body() else "world")
    return func.HttpResponse(f"Hello, {name}! {context.function_name}", status_code=201, headers={"x-a": "1"})

@app.function_name("product")
@app.route(route="products/{category:alpha}/{id:int?}", methods=["GET"])
async def by_id(req):
    return func.HttpResponse(str(sorted(req.route_params.items())), mimetype="application/x-own")

@app.route(route="queued")
@app.queue_output(arg_name="msg", queue_name="q", connection="C")
def queued(req: func.HttpRequest, msg: func.Out[str]) -> str:
    msg.set("x")
    return "sent"

@app.timer_trigger(schedule="0 */5 * * * *", arg_name="timer")
def tick(timer: func.TimerRequest):
    print("tick", timer.past_due)
"""

    def test_functions_by_their_routes(self):
        call = self.service({"function_app.py": self.code, "host.json": "{}"}, "function_app.app")
        answer = call("/api/hello?name=Ada")
        self.assertEqual((answer.status, answer.headers["x-a"], answer.text), (201, "1", "Hello, Ada! hello"))
        self.assertEqual(call("/api/hello", data={"name": "Bo"}).text, "Hello, Bo! hello")
        answer = call("/api/products/books/7")
        self.assertEqual((answer.text, answer.headers["content-type"]), ("[('category', 'books'), ('id', '7')]", "application/x-own"))
        self.assertEqual(call("/api/products/books").text, "[('category', 'books')]")
        self.assertEqual((call("/api/products/books", method="DELETE").status, call("/nowhere").status), (404, 404))

    def test_a_timer_and_what_is_not_there(self):
        call = self.service({"function_app.py": self.code}, "function_app.app")
        self.assertEqual(self.send(type="schedule.triggered", data={"cron": "0 */5 * * * *"}).status, 200)
        self.said("tick False")
        self.assertRegex(call("/api/queued").json()["error"]["message"], r'the binding "msg" is not there on EventFlow: queue is a service of Azure')
        self.assertRegex(self.send(type="file.uploaded", data={}).json()["error"]["message"], r'a trigger for events of the type "file\.uploaded" is not there')
        self.assertIn('has no FunctionApp "app"', self.refusal({"function_app.py": "def hello(req): pass\n"}, "function_app.app"))

    def test_an_application_of_asgi(self):
        code = """
import azure.functions as func
from fastapi import FastAPI
api = FastAPI()
@api.get("/api/items/{item}")
async def item(item: int):
    return {"item": item}
app = func.AsgiFunctionApp(app=api, http_auth_level=func.AuthLevel.ANONYMOUS)
"""
        call = self.service({"function_app.py": code, "host.json": '{"extensions": {"http": {"routePrefix": ""}}}'}, "function_app.app")
        self.assertEqual(call("/api/items/7").json(), {"item": 7})


class Vercel(AdapterTest):
    adapter = "vercel"

    def test_a_handler_of_http_server(self):
        code = """
from http.server import BaseHTTPRequestHandler
class handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(201)
        self.send_header("Content-type", "text/plain")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        self.wfile.write(("Hello " + self.path + " " + self.headers["x-token"]).encode())
    def do_POST(self):
        data = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(data[::-1])
"""
        call = self.service({"api/index.py": code}, "api/index.handler")
        answer = call("/api?x=1", headers={"x-token": "t"})
        self.assertEqual((answer.status, answer.text, answer.headers.get_all("set-cookie")), (201, "Hello /api?x=1 t", ["a=1", "b=2"]))
        self.assertEqual(call("/", body="abc").text, "cba")
        self.assertEqual(call("/", method="DELETE").status, 501)

    def test_a_folder_of_files(self):
        say = """
from http.server import BaseHTTPRequestHandler
class handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"%s " + self.path.encode())
"""
        files = {"api/index.py": say % "index", "api/users/[id].py": say % "id", "api/users/me.py": say % "me", "api/_lib.py": "raise ValueError", "api/shared.py": "X = 1"}
        call = self.service(files, "api.handler")
        answers = {path: call(path).text for path in ("/api", "/api/users/7", "/api/users/me")}
        self.assertEqual(answers, {"/api": "index /api", "/api/users/7": "id /api/users/7", "/api/users/me": "me /api/users/me"})
        self.assertEqual([call(path).status for path in ("/api/shared", "/api/_lib", "/other")], [404, 404, 404])

    def test_applications_of_wsgi_and_asgi(self):
        flask = """
from flask import Flask, request, Response
app = Flask(__name__)
@app.route("/api/hello/<name>", methods=["GET", "POST"])
def hello(name):
    return {"name": name, "q": request.args.get("q"), "body": request.get_json(silent=True)}, 202
@app.route("/stream")
def stream():
    return Response((part for part in ("a", "b")), mimetype="text/plain")
"""
        call = self.service({"api/index.py": flask}, "api/index.app")
        answer = call("/api/hello/Ada%20L?q=1", data={"a": 1})
        self.assertEqual((answer.status, answer.json()), (202, {"name": "Ada L", "q": "1", "body": {"a": 1}}))
        self.assertEqual((call("/stream").text, call("/nowhere").status), ("ab", 404))
        fastapi = """
import asyncio
from contextlib import asynccontextmanager
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
@asynccontextmanager
async def lifespan(app):
    print("started")
    yield {"made": "before"}
app = FastAPI(lifespan=lifespan)
@app.post("/api/items/{item}")
async def items(item: int, request: Request):
    return {"item": item, "body": await request.json(), "made": request.state.made, "url": str(request.url)}
@app.get("/stream")
async def stream():
    async def parts():
        for part in "abc":
            await asyncio.sleep(0)
            yield part
    return StreamingResponse(parts(), media_type="text/plain")
@app.get("/fail")
async def fail():
    raise ValueError("on purpose")
"""
        call = self.service({"api/index.py": fastapi}, "api/index.app")
        expected = {"item": 7, "body": {"a": 1}, "made": "before", "url": "http://example.test/api/items/7?x=1"}
        self.assertEqual(call("/api/items/7?x=1", data={"a": 1}).json(), expected)
        answer = call("/api/items/7", data={}, headers={"x-forwarded-prefix": "/function/shop"})
        self.assertEqual((answer.status, answer.json()["url"]), (200, "http://example.test/function/shop/api/items/7"))
        self.assertEqual(call("/stream").text, "abc")
        self.assertEqual(call("/fail").status, 500)
        self.said("started")
        self.assertIn('has no "handler" and no "app"', self.refusal({"api/index.py": "x = 1"}, "api/index.handler"))
