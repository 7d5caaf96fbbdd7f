#!/usr/bin/env python3
"""Memory of an idle server with many registered functions.

    benches/memory.py register --url URL --token TOKEN [--count 10000]     registers them
    benches/memory.py measure --pid PID [--count 10000] [--settle 10]      prints the row

Two steps, so that the server can be started anew between them: what it needs to hold them is the question, not
what the registering left behind.
"""

import argparse
import concurrent.futures
import pathlib
import re
import threading
import time

import lib

WORKERS = 32
AIM_MB = 150


def register(options):
    local = threading.local()

    def one(number):
        if not hasattr(local, "server"):
            local.server = lib.Server(options.url, options.token)
        source = {"git": {"url": "https://git.example/functions.git", "ref": "main", "path": f"f{number}"}}
        manifest = {"name": f"idle-{number}", "runtime": "node", "mode": "service", "handler": "index.handler",
                    "triggers": [{"type": "http"}, {"type": "event", "pattern": f"idle.{number}"}]}
        local.server.change(lib.REGISTER, input={"name": f"idle-{number}", "source": source, "manifest": manifest})

    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(one, range(options.count)):
            pass
    lib.note(f"memory: {options.count} functions registered in {time.monotonic() - begin:.0f} s")


def resident(pid):
    """The resident memory of a process in MB (10^6 bytes), as the kernel counts it."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024 / 1e6


def measure(options):
    time.sleep(options.settle)
    samples = []
    for _ in range(5):
        samples.append(resident(options.pid))
        time.sleep(0.5)
    most = max(samples)
    lib.row(f"memory of an idle server with {options.count:,} registered functions", f"{most:.0f} MB",
            f"{AIM_MB} MB", f"{most / AIM_MB:.2f}", "< 1")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("step", choices=["register", "measure"])
    arguments.add_argument("--url")
    arguments.add_argument("--token")
    arguments.add_argument("--pid", type=int)
    arguments.add_argument("--count", type=int, default=10_000)
    arguments.add_argument("--settle", type=float, default=10.0)
    options = arguments.parse_args()
    register(options) if options.step == "register" else measure(options)


if __name__ == "__main__":
    main()
