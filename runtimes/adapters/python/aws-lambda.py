"""AWS Lambda: `def lambda_handler(event, context)` behind an API Gateway."""

import os

from eventflow_aws import events_of, gateway_event
from eventflow_load import CannotLoad, describe
from eventflow_request import NotThere, Request, is_from_http, seconds_left
from eventflow_routes import matcher_of

NAME = os.environ.get("EVENTFLOW_FUNCTION", "function")
NAMESPACE = os.environ.get("EVENTFLOW_NAMESPACE", "default")
VERSION = os.environ.get("EVENTFLOW_VERSION", "0")
# Which of API Gateway's two payloads a function gets, where the project's files do not say it.
DEFAULT_VERSION = "2.0"


def prepare(place):
    """What a function finds in its environment on Lambda, as far as it is true here; many look whether the first is there."""
    env = {
        "AWS_LAMBDA_FUNCTION_NAME": NAME,
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/eventflow/{NAMESPACE}/{NAME}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{VERSION}/{os.getpid()}",
        "LAMBDA_TASK_ROOT": place.folder,
        "_HANDLER": place.name,
    }
    if os.environ.get("EVENTFLOW_MEMORY_MB"):
        env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = os.environ["EVENTFLOW_MEMORY_MB"]
    for name, value in env.items():
        os.environ.setdefault(name, value)


def adapt(place):
    handler = getattr(place.module, place.wanted, None)
    if not callable(handler):
        raise CannotLoad(f'{place.module_name} has no function "{place.wanted}"; what can be called there: {describe(place.module)}')
    declared, routes = events_of(place.name)
    version = _version(declared)
    match = matcher_of(routes)

    def called(event, context, request=None):
        own = LambdaContext(context)
        if not is_from_http(event):
            return handler(event, own)
        asked = Request(event, request)
        result = handler(gateway_event(asked, version, match(asked.method, asked.path), context.run_id), own)
        return _answer(result, version)

    return called


def _version(declared):
    """What `LAMBDA_PAYLOAD_VERSION` says, else what the project's files say."""
    wish = os.environ.get("LAMBDA_PAYLOAD_VERSION")
    if not wish:
        return declared or DEFAULT_VERSION
    if wish not in ("1.0", "2.0"):
        raise CannotLoad(f'LAMBDA_PAYLOAD_VERSION is "{wish}": it must be 1.0 or 2.0')
    return wish


class LambdaContext:
    """The second argument of a handler."""

    def __init__(self, context):
        self._context = context
        self.aws_request_id = context.run_id
        self.function_name = NAME
        self.function_version = VERSION
        # Of the shape of an ARN, for those who take it apart; its partition says that it is none of AWS'.
        self.invoked_function_arn = f"arn:eventflow:lambda:local:{NAMESPACE}:function:{NAME}"
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")

    def get_remaining_time_in_millis(self):
        return int(seconds_left(self._context) * 1000)

    def log(self, message):
        print(message)

    @property
    def identity(self):
        raise NotThere("context.identity", "there is no Amazon Cognito in front of the function")

    @property
    def client_context(self):
        raise NotThere("context.client_context", "no AWS SDK for mobile apps calls the function")


def _answer(result, version):
    """The answer as the gateway would make it of a result that says less than a whole answer."""
    if isinstance(result, str) and version == "2.0":
        return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": result}
    if not isinstance(result, dict):
        return result
    status = result.get("statusCode")
    if isinstance(status, str) and status.isdecimal():
        result = {**result, "statusCode": int(status)}
    # An enumeration of statuses is a number to the gateway.
    elif isinstance(status, int) and not isinstance(status, bool):
        result = {**result, "statusCode": int(status)}
    if version == "2.0" or not isinstance(result.get("body"), str):
        return result
    # What has no type is JSON to the first version.
    names = [*(result.get("headers") or {}), *(result.get("multiValueHeaders") or {})]
    typed = {} if any(str(name).lower() == "content-type" for name in names) else {"content-type": "application/json"}
    return {"statusCode": 200, **result, "headers": {**(result.get("headers") or {}), **typed}}
