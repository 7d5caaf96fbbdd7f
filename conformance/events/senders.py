"""Requests as the Python libraries of CloudEvents and Standard Webhooks write them, as JSON: headers and body of each."""

import json
import sys
from datetime import datetime, timezone

from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks.webhooks import Webhook


def event(identifier):
    attributes = {
        "specversion": "1.0",
        "id": identifier,
        "source": "/suite/python",
        "type": "suite.python",
        "subject": 'café "quoted" 50%',
        "time": datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=timezone.utc),
        "datacontenttype": "application/json",
    }
    return CloudEvent(attributes, {"z": 2**70, "a": "ä", "m": [1.5, None]})


def written(message):
    body = message.body if isinstance(message.body, bytes) else message.body.encode()
    return {"headers": dict(message.headers), "body": body.decode()}


def delivery(secret, identifier, body):
    at = datetime.now(timezone.utc)
    signature = Webhook(secret).sign(msg_id=identifier, timestamp=at, data=body)
    headers = {"webhook-id": identifier, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
    return {"headers": headers, "body": body}


json.dump(
    {
        "binary": written(to_binary_event(event("python-binary"))),
        "structured": written(to_structured_event(event("python-structured"))),
        "delivery": delivery(sys.argv[1], "msg_python", '{"from":"python"}'),
    },
    sys.stdout,
)
