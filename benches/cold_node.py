#!/usr/bin/env python3
"""The yardstick for cold starts: how long a bare `node -e` takes from its spawn to its first answer.

The program opens an HTTP server on a Unix socket and answers. No sandbox, no wrapper, no EventFlow.

    benches/cold_node.py [--runs 20]

Prints each run to standard error and the median in milliseconds to standard output.
"""

import argparse
import os
import signal
import subprocess
import tempfile
import time

import lib

PROGRAM = """require('node:http').createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end('{"message":"hello"}');
}).listen(process.argv[1]);"""

# Seconds after which a start counts as failed.
DEADLINE = 20.0


def once(folder):
    """Starts node once; answers the milliseconds until its first answer, and stops it."""
    path = os.path.join(folder, "cold.sock")
    if os.path.exists(path):
        os.unlink(path)
    begin = time.monotonic()
    node = subprocess.Popen(["node", "-e", PROGRAM, path], stdin=subprocess.DEVNULL)
    try:
        # The socket is there only when node listens; looking every half millisecond costs it little.
        while lib.ask_socket(path) is None:
            if node.poll() is not None or time.monotonic() - begin > DEADLINE:
                raise RuntimeError(f"node did not answer (exit {node.poll()})")
            time.sleep(0.0005)
        return (time.monotonic() - begin) * 1000
    finally:
        node.send_signal(signal.SIGKILL)
        node.wait()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=20)
    runs = arguments.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="eventflow-cold.") as folder:
        times = [once(folder) for _ in range(runs)]
    lib.note("cold_node: " + " ".join(f"{each:.1f}" for each in times) + " ms")
    print(f"{lib.median(times):.1f}")


if __name__ == "__main__":
    main()
