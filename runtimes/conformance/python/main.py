"""The conformance function of the python runtime: see ../../conformance.json."""

import asyncio
import base64
import json
import os
import sys

import results


def handler(event, context):
    path = event["http"]["path"] if "http" in event else f"/{event.get('subject', 'event')}"
    if path in results.RESULTS:
        return results.RESULTS[path]()
    if path.startswith("/raise/"):
        raise results.EXCEPTIONS[path.removeprefix("/raise/")]
    if path.startswith("/raise-async/"):
        return raise_later(results.EXCEPTIONS[path.removeprefix("/raise-async/")])
    if path == "/async":
        return succeed_later()
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
    if path == "/throw/nothing":
        raise results.CannotBeShown
    if path == "/bad-status":
        return {"statusCode": 42}
    if path == "/stream":
        return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": (part for part in ["first ", "second ", "third"])}
    if path == "/log":
        print("one\ntwo")
        print("three", end="")
        print("four", file=sys.stderr)
        return "logged"
    if path == "/log/bytes":
        for byte in "ä€😀 is whole\nand ü too".encode():
            sys.stdout.buffer.write(bytes([byte]))
        return "logged"
    if path == "/raw":
        raw = event["http"]["rawBody"]
        return {
            "data": event.get("data"),
            "base64": event.get("data_base64"),
            "raw": base64.b64encode(raw).decode(),
            "isBuffer": isinstance(raw, bytes),
            "json": "rawBody" in json.dumps(event),
        }
    if path == "/end":
        print("last words", flush=True)
        os._exit(3)
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


async def raise_later(error):
    await asyncio.sleep(0)

    async def inner():
        raise error

    # In a task of its own: SystemExit is raised out of the event loop then.
    await asyncio.create_task(inner())


async def succeed_later():
    await asyncio.sleep(0)
    return "the loop lives on"
