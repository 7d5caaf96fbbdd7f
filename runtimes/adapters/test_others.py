"""OpenFaaS, OpenWhisk (and DigitalOcean), Nuclio, Appwrite, Knative and Fn, in the shapes that their documentation shows."""

from testing import RUN, AdapterTest


class OpenFaas(AdapterTest):
    adapter = "openfaas"

    def test_an_event_and_a_body(self):
        code = """
def handle(event, context):
    if event.path == "/plain":
        return "plain"
    return {"statusCode": 202, "headers": {"x-q": event.query.get("q"), "x-method": event.method}, "body": {"got": event.body.decode(), "token": event.headers.get("x-token")}}
"""
        call = self.service({"handler.py": code}, "handler.handle")
        answer = call("/?q=1", body="abc", headers={"x-token": "t"})
        self.assertEqual((answer.status, answer.headers["x-q"], answer.headers["x-method"], answer.json()), (202, "1", "POST", {"got": "abc", "token": "t"}))
        self.assertEqual(call("/plain").text, "plain")
        call = self.service({"handler.py": "def handle(req):\n    return (req.upper(), 201, {'x-a': '1'}) if req else 'nothing'\n"}, "handler.handle")
        answer = call("/", body="abc")
        self.assertEqual((answer.status, answer.headers["x-a"], answer.text, call("/").text), (201, "1", "ABC", "nothing"))


class OpenWhisk(AdapterTest):
    adapter = "openwhisk"

    def test_main_with_arguments(self):
        code = """
def main(args):
    if "image" in args:
        return {"headers": {"content-type": "image/png"}, "body": "AP8="}
    if "error" in args:
        return {"error": {"statusCode": 422, "body": "no"}}
    return {"statusCode": 201, "headers": {"x-method": args["__ow_method"]}, "body": {"hello": args.get("name"), "n": args.get("n"), "path": args["http"]["path"]}}

def two(event, context):
    return {"got": event.get("a"), "name": context.function_name, "left": context.get_remaining_time_in_millis() > 0}

def none():
    return {"body": "none"}
"""
        call = self.service(code, "main.main")
        answer = call("/path?name=Ada", data={"n": 1})
        self.assertEqual((answer.status, answer.headers["x-method"], answer.json()), (201, "post", {"hello": "Ada", "n": 1, "path": "/path"}))
        self.assertEqual((call("/?image=1").body, call("/?error=1").status), (b"\x00\xff", 422))
        self.service(code, "main.two")
        self.assertEqual(self.send(type="file.uploaded", data={"a": 1}).json(), {"got": 1, "name": "f", "left": True})
        self.assertEqual(self.service(code, "main.none")("/").text, "none")


class Nuclio(AdapterTest):
    adapter = "nuclio"

    def test_context_and_event(self):
        code = """
import nuclio_sdk
def init_context(context):
    context.user_data.made = 1
def handler(context: nuclio_sdk.Context, event: nuclio_sdk.Event):
    context.logger.info_with("got", path=event.path)
    if event.path == "/status":
        return 409, "taken"
    if event.path == "/platform":
        return context.platform.call_function("other", event)
    if event.path == "/json":
        return {"made": context.user_data.made, "q": event.fields["q"], "body": event.body}
    return context.Response(body="back: " + event.body.decode(), headers={"x-id": event.id}, content_type="text/plain", status_code=201)
"""
        call = self.service(code)
        answer = call("/", body="one")
        self.assertEqual((answer.status, answer.text, answer.headers["x-id"]), (201, "back: one", RUN))
        self.assertEqual(call("/json?q=1", data={"a": 1}).json(), {"made": 1, "q": "1", "body": {"a": 1}})
        self.assertEqual((call("/status").status, call("/status").text), (409, "taken"))
        self.assertIn("context.platform is not there on EventFlow", call("/platform").json()["error"]["message"])
        self.said(r'got \{"path": "/json"\}')


class Appwrite(AdapterTest):
    adapter = "appwrite"

    def test_request_and_response(self):
        code = """
def main(context):
    context.log("path " + context.req.path)
    if context.req.path == "/empty":
        return context.res.empty()
    if context.req.path == "/go":
        return context.res.redirect("https://example.test/", 303)
    if context.req.path == "/nothing":
        return None
    if context.req.method == "GET":
        return context.res.text("Hello", 202, {"x-host": context.req.host})
    return context.res.json({"body": context.req.body, "url": context.req.url, "q": context.req.query})
"""
        call = self.service(code, "main.main")
        text = call("/")
        self.assertEqual((text.status, text.text, text.headers["content-type"], text.headers["x-host"]), (202, "Hello", "text/plain; charset=utf-8", "example.test"))
        self.assertEqual(call("/a?b=1", data={"a": 1}).json(), {"body": {"a": 1}, "url": "http://example.test/a?b=1", "q": {"b": "1"}})
        self.assertEqual((call("/empty").status, call("/go").status), (204, 303))
        self.assertIn("return context.res.empty()", call("/nothing").json()["error"]["message"])
        self.said("path /a")


class Knative(AdapterTest):
    adapter = "knative"

    def test_a_function_of_asgi(self):
        code = """
def new():
    return Function()
class Function:
    def start(self, config):
        print("started", config["MODE"])
    async def handle(self, scope, receive, send):
        message = await receive()
        event = scope.get("event")
        said = event["type"] if event else scope["method"] + " " + scope["path"] + " " + message["body"].decode()
        await send({"type": "http.response.start", "status": 201, "headers": [[b"content-type", b"text/plain"]]})
        await send({"type": "http.response.body", "body": said.encode()})
"""
        call = self.service({"func.py": code}, "func.new", MODE="test")
        answer = call("/x", body="abc")
        self.assertEqual((answer.status, answer.text), (201, "POST /x abc"))
        self.assertEqual(self.send(type="file.uploaded", data={}).text, "file.uploaded")
        self.said("started test")

    def test_a_function_of_a_context(self):
        code = """
def main(context):
    if context.cloud_event is not None:
        return {"type": context.cloud_event["type"], "data": getattr(context.cloud_event, "data", None) or context.cloud_event["data"]}
    if "request" not in vars(context):
        return "no request", 500
    return {"args": context.request.args, "body": context.request.get_json(silent=True)}, 202
"""
        call = self.service({"func.py": code}, "func.main")
        answer = call("/?a=1", data={"b": 2})
        self.assertEqual((answer.status, answer.json()), (202, {"args": {"a": "1"}, "body": {"b": 2}}))
        self.assertEqual(self.send(type="file.uploaded", data={"n": 1}).json(), {"type": "file.uploaded", "data": {"n": 1}})


class Fn(AdapterTest):
    adapter = "fn"

    def test_a_handler_of_fdk(self):
        code = """
import io, json
from fdk import response
def handler(ctx, data: io.BytesIO = None):
    body = json.loads(data.getvalue() or b"{}")
    if body.get("plain"):
        return "plain"
    if body.get("fail"):
        raise ValueError("on purpose")
    said = {"hello": body.get("name"), "call": ctx.CallID(), "method": ctx.Method(), "url": ctx.RequestURL(), "token": ctx.HTTPHeaders().get("x-token")}
    return response.Response(ctx, response_data=json.dumps(said), headers={"Content-Type": "application/json", "X-A": "1"}, status_code=202)
async def later(ctx, data=None):
    return "later"
"""
        call = self.service({"func.py": code}, "func.handler")
        answer = call("/a?b=1", data={"name": "Ada"}, headers={"x-token": "t"})
        self.assertEqual((answer.status, answer.headers["x-a"], answer.headers["content-type"]), (202, "1", "application/json"))
        self.assertEqual(answer.json(), {"hello": "Ada", "call": RUN, "method": "POST", "url": "http://example.test/a?b=1", "token": "t"})
        self.assertEqual(call("/", data={"plain": 1}).text, "plain")
        self.assertEqual(call("/", data={"fail": 1}).json()["error"]["message"], "on purpose")
        self.assertEqual(self.service({"func.py": code}, "func.later")("/").text, "later")


class None_(AdapterTest):
    def test_an_adapter_that_does_not_exist_is_refused(self):
        for name in ("../python/wrapper", "netlify", "eventflow_request", "Vercel"):
            self.assertRegex(self.refusal("def handler(e, c): pass", adapter=name), r'the adapter ".+" is not one of the runtime python')
