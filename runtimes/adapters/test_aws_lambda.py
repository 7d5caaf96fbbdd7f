"""Handlers of AWS Lambda, in the shapes that its documentation shows."""

import base64
from datetime import datetime, timedelta, timezone

from testing import RUN, AdapterTest

ECHO = """
import json
def handler(event, context):
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}
"""


class Lambda(AdapterTest):
    adapter = "aws-lambda"

    def test_the_second_version_of_the_payload(self):
        call = self.service(ECHO)
        headers = {"cookie": "a=1; b=2", "x-forwarded-for": "203.0.113.9, 10.0.0.1", "content-type": "application/json"}
        event = call("/pets/7?tag=a&tag=b&q=x%20y", body='{"n":1}', headers=headers).json()
        self.assertEqual((event["version"], event["routeKey"], event["rawPath"], event["rawQueryString"]), ("2.0", "$default", "/pets/7", "tag=a&tag=b&q=x%20y"))
        self.assertEqual((event["queryStringParameters"], event["cookies"]), ({"tag": "a,b", "q": "x y"}, ["a=1", "b=2"]))
        self.assertNotIn("cookie", event["headers"])
        self.assertEqual((event["body"], event["isBase64Encoded"]), ('{"n":1}', False))
        asked = event["requestContext"]["http"]
        self.assertEqual((asked["method"], asked["path"], asked["sourceIp"], event["requestContext"]["requestId"]), ("POST", "/pets/7", "203.0.113.9", RUN))
        data = bytes([0xFF, 0, 0xD8])
        event = call("/", body=data, headers={"content-type": "image/png"}).json()
        self.assertEqual((event["isBase64Encoded"], base64.b64decode(event["body"])), (True, data))

    def test_serverless_and_sam_say_version_and_route(self):
        serverless = "functions:\n  get:\n    handler: src/users.get\n    events:\n      - http:\n          path: users/{id}\n          method: get\n"
        files = {"src/users.py": ECHO.replace("handler", "get"), "serverless.yml": serverless}
        event = self.service(files, "src/users.get")("/users/a%20b?x=1&x=2", headers={"x-token": "t"}).json()
        self.assertEqual((event["version"], event["httpMethod"], event["resource"], event["pathParameters"]), ("1.0", "GET", "/users/{id}", {"id": "a b"}))
        self.assertEqual((event["queryStringParameters"], event["multiValueQueryStringParameters"]), ({"x": "2"}, {"x": ["1", "2"]}))
        self.assertEqual((event["headers"]["X-Token"], event["body"]), ("t", None))
        template = """
Resources:
  Users:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: hello/
      Handler: app.lambda_handler
      Events:
        Get:
          Type: HttpApi
          Properties:
            Path: /users/{proxy+}
            Method: ANY
"""
        files = {"hello/app.py": ECHO.replace("handler", "lambda_handler"), "template.yaml": template}
        event = self.service(files, "hello/app.lambda_handler")("/users/a/b").json()
        self.assertEqual((event["version"], event["routeKey"], event["pathParameters"]), ("2.0", "ANY /users/{proxy+}", {"proxy": "a/b"}))

    def test_headers_of_the_first_version_are_found_in_any_case(self):
        code = 'def handler(event, context):\n    headers = event["headers"]\n    return {"statusCode": 200, "body": headers["content-type"] + headers.get("Content-Type") + str("x-none" in headers)}\n'
        self.assertEqual(self.service(code, LAMBDA_PAYLOAD_VERSION="1.0")("/", data={}).text, "application/jsonapplication/jsonFalse")
        self.assertIn('LAMBDA_PAYLOAD_VERSION is "3"', self.refusal(code, LAMBDA_PAYLOAD_VERSION="3"))

    def test_answers_whole_and_less(self):
        code = """
def handler(event, context):
    return {
        "/multi": {"statusCode": 201, "multiValueHeaders": {"X-Many": ["a", "b"]}, "cookies": ["c=1", "d=2"], "body": "made"},
        "/bytes": {"statusCode": 200, "headers": {"content-type": "image/png"}, "isBase64Encoded": True, "body": "AP8="},
        "/text": {"statusCode": "404", "body": "gone"},
        "/plain": "just text",
    }[event["rawPath"]]
"""
        call = self.service(code)
        multi = call("/multi")
        self.assertEqual((multi.status, multi.headers.get_all("x-many"), multi.headers.get_all("set-cookie"), multi.text), (201, ["a", "b"], ["c=1", "d=2"], "made"))
        self.assertEqual(call("/bytes").body, b"\x00\xff")
        self.assertEqual((call("/text").status, call("/plain").text), (404, "just text"))

    def test_the_context(self):
        code = """
import os
def handler(event, context):
    if event["rawPath"] == "/identity":
        return context.identity.cognito_identity_id
    return [context.get_remaining_time_in_millis(), context.aws_request_id, context.function_name, context.memory_limit_in_mb, os.environ["AWS_LAMBDA_FUNCTION_NAME"], context.invoked_function_arn]
"""
        call = self.service(code, EVENTFLOW_MEMORY_MB="256")
        deadline = (datetime.now(timezone.utc) + timedelta(minutes=1)).isoformat()
        left, *rest = call("/", headers={"x-eventflow-deadline": deadline}).json()
        self.assertTrue(0 < left <= 60_000, left)
        self.assertEqual(rest, [RUN, "f", "256", "f", "arn:eventflow:lambda:local:default:function:f"])
        self.assertIn("context.identity is not there on EventFlow", call("/identity").json()["error"]["message"])

    def test_an_event_that_is_no_call_is_handed_over_as_it_is(self):
        code = 'def handler(event, context):\n    return {"statusCode": 299, "type": event["type"], "data": event["data"]}\n'
        result = self.job(code, "main.handler", {"specversion": "1.0", "id": "1", "source": "/", "type": "user.registered", "data": {"n": 1}})
        self.assertEqual(result, {"statusCode": 299, "type": "user.registered", "data": {"n": 1}})

    def test_mangum_serves_a_fastapi_application_in_both_versions(self):
        code = """
from fastapi import FastAPI, Response
from mangum import Mangum
from pydantic import BaseModel
app = FastAPI()
class Sum(BaseModel):
    a: int
    b: int
@app.get("/hello/{name}")
def hello(name: str, q: str, response: Response):
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return {"name": name, "q": q}
@app.post("/sum")
async def add(said: Sum):
    return said.a + said.b
handler = Mangum(app)
"""
        for version in ("1.0", "2.0"):
            call = self.service(code, LAMBDA_PAYLOAD_VERSION=version)
            hello = call("/hello/Ada%20L?q=1")
            self.assertEqual((hello.status, hello.json(), len(hello.headers.get_all("set-cookie"))), (200, {"name": "Ada L", "q": "1"}, 2))
            self.assertEqual(call("/sum", data={"a": 1, "b": 2}).text, "3")
            self.assertEqual(call("/sum", data={"a": 1}).status, 422)

    def test_what_cannot_be_loaded_is_named(self):
        self.assertIn('main has no function "handler"; what can be called there: lambda_handler', self.refusal("import json\ndef lambda_handler(event, context): pass\n"))
        self.assertRegex(self.refusal("import boto3_is_not_here"), r'\nmain needs the module "boto3_is_not_here", which is not installed: add boto3-is-not-here to requirements.txt\n$')
