"""What the benches in Python share: talking to a server, deploying a function, printing a row.

Knows the server by its HTTP and GraphQL interfaces only. Python's standard library and nothing else.
"""

import http.client
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse


def note(text):
    """Says something to the person who watches; rows alone go to standard output."""
    print(text, file=sys.stderr, flush=True)


def row(work, measured, yardstick, ratio, aim=""):
    """Prints one row of the table (the format is described in benches/README.md)."""
    print(f"{work} | {measured} | {yardstick} | {ratio} | {aim}", flush=True)


def percentile(values, share):
    """The value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


median = statistics.median


class Server:
    """One EventFlow server; keeps one connection open, so use one object for each thread."""

    def __init__(self, url, token, timeout=30.0):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port, self.token, self.timeout = parts.hostname, parts.port or 80, token, timeout
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """Sends one request; answers (status, bytes). A connection that the server closed is opened again."""
        headers = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        for attempt in (1, 2):
            fresh = self.connection is None
            if fresh:
                self.connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
            try:
                self.connection.request(method, path, body, headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                self.connection.close()
                self.connection = None
                if fresh or attempt == 2:
                    raise

    def query(self, document, **variables):
        """Runs a GraphQL operation; answers its data, or stops with the server's words."""
        body = json.dumps({"query": document, "variables": variables})
        status, answer = self.request("POST", "/graphql", body, {"Content-Type": "application/json"})
        try:
            answer = json.loads(answer)
        except ValueError:
            raise RuntimeError(f"GraphQL answered {status}: {answer[:300]!r}") from None
        if answer.get("errors") or answer.get("data") is None:
            raise RuntimeError(f"GraphQL answered {status}: {answer}")
        return answer["data"]

    def change(self, document, **variables):
        """Runs a mutation with one field; answers its payload, or stops on a refusal."""
        (payload,) = self.query(document, **variables).values()
        if payload["userErrors"]:
            raise RuntimeError(f"refused: {payload['userErrors']}")
        return payload


def until(what, check, seconds):
    """Asks again and again until `check` answers something true, and answers that; stops after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


REGISTER = """mutation ($input: RegisterFunctionInput!) {
  registerFunction(input: $input) { function { id } userErrors { code message field } } }"""
BUILD = "mutation ($id: ID!) { buildFunction(id: $id) { build { id } userErrors { code message } } }"
START = "mutation ($id: ID!) { startFunction(id: $id) { function { id state } userErrors { code message } } }"
STOP = "mutation ($id: ID!) { stopFunction(id: $id) { function { id state } userErrors { code message } } }"
BUILDS = """query ($id: ID!) { function(id: $id) { builds(first: 1) { nodes {
  state error log(first: 100) { text } } } } }"""

HELLO = "exports.handler = async () => ({ message: 'hello' });\n"


def deploy(server, folder, name, manifest, source=HELLO):
    """Registers, builds and starts a node function from a fresh repository in `folder`; answers its id."""
    repository = pathlib.Path(folder) / name
    repository.mkdir(parents=True)
    manifest = {"name": name, "runtime": "node", "mode": "service", "handler": "index.handler", **manifest}
    (repository / "function.json").write_text(json.dumps(manifest))
    (repository / "index.js").write_text(source)
    git = ["git", "-C", str(repository), "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "bench"]):
        subprocess.run(git + command, check=True, stdin=subprocess.DEVNULL)
    source = {"git": {"url": str(repository), "ref": "main"}}
    identity = server.change(REGISTER, input={"name": name, "source": source})["function"]["id"]
    server.change(BUILD, id=identity)

    def built():
        (build,) = server.query(BUILDS, id=identity)["function"]["builds"]["nodes"]
        if build["state"] in ("FAILED", "CANCELLED"):
            raise RuntimeError(f"the build of {name} ended {build['state']}: {build}")
        return build["state"] == "SUCCEEDED"

    until(f"the build of {name}", built, 120)
    server.change(START, id=identity)
    until(f"an answer of {name}", lambda: server.request("GET", f"/function/{name}")[0] == 200, 30)
    return identity


def ask_socket(path, target="/", timeout=2.0):
    """Sends one GET over a Unix socket and answers the body, or None when nothing sensible comes back."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(timeout)
        try:
            # A long path does not fit into a socket's address; through /proc it is short.
            holder = os.open(os.path.dirname(path), os.O_PATH)
            try:
                stream.connect(f"/proc/self/fd/{holder}/{os.path.basename(path)}")
            finally:
                os.close(holder)
            stream.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while chunk := stream.recv(65536):
                answer += chunk
        except OSError:
            return None
    head, _, body = answer.partition(b"\r\n\r\n")
    return body if head.startswith(b"HTTP/1.1 200") else None
