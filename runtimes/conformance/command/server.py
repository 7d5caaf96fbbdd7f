"""The conformance program of the command runtime, unchanged by any wrapper: as a service it listens on $PORT, as a job
(with the argument `job`) it reads its event and writes its result. See ../../conformance.json."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.partition("?")[0]
        status, headers, text = 200, {"content-type": "application/json"}, None
        if path == "/status":
            status, headers, text = 418, {"x-kind": "teapot"}, b"short and stout"
        elif path == "/log":
            print("one\ntwo", flush=True)
            print("three", flush=True)
            print("four", file=sys.stderr, flush=True)
            text = b'"logged"'
        else:
            data = json.loads(body) if body and self.headers.get("content-type") == "application/json" else body.decode()
            text = json.dumps({"data": data, "http": {"method": self.command, "path": path}}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


def job():
    event = json.load(sys.stdin)
    if event.get("subject") == "throw":
        print("it broke", file=sys.stderr)
        sys.exit(1)
    if event.get("subject") == "log":
        print("one\ntwo\nthree")
        print("four", file=sys.stderr)
        event = "logged"
    with open(os.environ["EVENTFLOW_RESULT"], "w") as file:
        json.dump(event, file)


if sys.argv[1:] == ["job"]:
    job()
else:
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
