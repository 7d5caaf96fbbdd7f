"""The conformance function of the python runtime: see ../../conformance.json."""

import sys


def handler(event, context):
    path = event["http"]["path"] if "http" in event else f"/{event.get('subject', 'event')}"
    if path == "/status":
        return {"statusCode": 418, "headers": {"X-Kind": "teapot"}, "body": "short and stout"}
    if path == "/object":
        return {"statusCode": 201, "body": {"made": True}}
    if path == "/empty":
        return {"statusCode": 204}
    if path == "/nothing":
        return None
    if path == "/throw":
        raise RuntimeError("it broke")
    if path == "/bad-status":
        return {"statusCode": 42}
    if path == "/stream":
        return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": (part for part in ["first ", "second ", "third"])}
    if path == "/log":
        print("one\ntwo")
        print("three", end="")
        print("four", file=sys.stderr)
        return "logged"
    if path == "/context":
        return {
            "function": context.function,
            "namespace": context.namespace,
            "version": context.version,
            "runId": context.run_id,
            "attempt": context.attempt,
            "deadline": context.deadline,
            "aborted": context.signal.is_set(),
        }
    return event
