#!/usr/bin/env python3
"""Cold start of a node function from zero instances, in turns with a bare node (cold_node.py).

    benches/cold_start.py --url URL --token TOKEN [--runs 15]

Deploys a function that may have no instance and loses its own after a second. Each turn waits until there is
none, calls it once and takes the time of the first answer, then starts the bare node. Prints one row.
"""

import argparse
import tempfile
import time

import cold_node
import lib

INSTANCES = "query ($id: ID!) { function(id: $id) { instances { id } } }"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--token", required=True)
    arguments.add_argument("--runs", type=int, default=15)
    options = arguments.parse_args()
    server = lib.Server(options.url, options.token)
    scaling = {"min": 0, "max": 1, "concurrency": 10, "idle_s": 1}
    with tempfile.TemporaryDirectory(prefix="eventflow-cold.") as folder:
        name = "bench-cold"
        identity = lib.deploy(server, folder, name, {"triggers": [{"type": "http"}], "scaling": scaling})
        ours, bare = [], []
        for turn in range(options.runs + 1):
            lib.until("no instance", lambda: not server.query(INSTANCES, id=identity)["function"]["instances"], 60)
            begin = time.monotonic()
            status, body = server.request("GET", f"/function/{name}")
            took = (time.monotonic() - begin) * 1000
            if status != 200:
                raise RuntimeError(f"the cold call answered {status}: {body[:300]!r}")
            other = cold_node.once(folder)
            if turn:  # the first turn fills the page cache and is not counted
                ours.append(took)
                bare.append(other)
        server.change(lib.STOP, id=identity)
    lib.note("cold_start: " + " ".join(f"{each:.0f}" for each in ours) + " ms")
    lib.note("bare node:  " + " ".join(f"{each:.0f}" for each in bare) + " ms")
    a, b = lib.median(ours), lib.median(bare)
    lib.row("cold start: first answer of a node function from zero instances (median)", f"{a:.0f} ms",
            f"node -e: {b:.0f} ms", f"{a / b:.2f}", "≤ 1.5")


if __name__ == "__main__":
    main()
