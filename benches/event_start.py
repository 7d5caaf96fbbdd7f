#!/usr/bin/env python3
"""From an event's acceptance to the start of the function that it triggers, beside one commit of the same store.

    benches/event_start.py --url URL --token TOKEN --store sqlite|postgresql --folder FOLDER [--events 200]

Sends events one after the other to a warm function. The time runs from the sending of the event, so it holds
the HTTP request and its commit, to the function's first statement, which the function itself reports by the
machine's clock; no clock of the server is believed. The yardstick: for PostgreSQL, pgbench with one client
(it needs scripts/with-postgres around it); for SQLite, one row per transaction with synchronous=FULL in WAL mode,
in a file beside the server's data (FOLDER). Measured in turns, in four blocks each.
"""

import argparse
import json
import pathlib
import sqlite3
import subprocess
import tempfile
import time
import uuid

import lib

BLOCKS = 4

# A function that says when it began: its result is recorded in the run.
SOURCE = """const { performance } = require('node:perf_hooks');
exports.handler = async () => ({ began: performance.timeOrigin + performance.now() });
"""
RUNS = """query ($id: ID!) { function(id: $id) { runs(first: 100) { nodes {
  state output error event { id } } } } }"""


def sqlite_commit(folder, count):
    """Milliseconds of one commit of one row, `count` times."""
    path = pathlib.Path(folder) / "yardstick.db"
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("create table if not exists events (position integer primary key, stream text not null,"
                           " version integer not null, id blob not null, type text not null, data text not null,"
                           " at text not null, unique (stream, version))")
        data, times = json.dumps({"padding": "x" * 230}), []
        stream = str(uuid.uuid4())
        for version in range(count):
            values = (stream, version, uuid.uuid4().bytes, "Received", data, "2026-01-01T00:00:00Z")
            begin = time.monotonic()
            connection.execute("insert into events (stream, version, id, type, data, at) values (?, ?, ?, ?, ?, ?)", values)
            times.append((time.monotonic() - begin) * 1000)
        return times
    finally:
        connection.close()
        for left in pathlib.Path(folder).glob("yardstick.db*"):
            left.unlink()


def postgres_commit():
    """Milliseconds of one commit of one row, as pgbench's average over three seconds."""
    script = pathlib.Path(__file__).parent / "pgbench.sh"
    command = [str(script), "--clients", "1", "--seconds", "3", "--quiet"]
    line = subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    return [float(line.split()[3])]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--token", required=True)
    arguments.add_argument("--store", choices=["sqlite", "postgresql"], required=True)
    arguments.add_argument("--folder", required=True)
    arguments.add_argument("--events", type=int, default=200)
    options = arguments.parse_args()
    server = lib.Server(options.url, options.token)
    kind = "bench.started"
    manifest = {"triggers": [{"type": "http"}, {"type": "event", "pattern": kind}],
                "scaling": {"min": 1, "max": 1, "concurrency": 10, "idle_s": 300}}
    delays, commits = [], []
    with tempfile.TemporaryDirectory(prefix="eventflow-event.") as folder:
        identity = lib.deploy(server, folder, "bench-event", manifest, SOURCE)

        def outcome():
            """The newest run that an event began, when it is over."""
            for run in server.query(RUNS, id=identity)["function"]["runs"]["nodes"]:
                if run["state"] in ("FAILED", "DEAD", "TIMED_OUT"):
                    raise RuntimeError(f"a run ended {run}")
                if run["event"] and run["state"] == "SUCCEEDED" and run["output"]["began"] > sent:
                    return run["output"]["began"]
            return None

        for block in range(BLOCKS):
            for number in range(options.events // BLOCKS + (block == 0)):
                body = json.dumps({"specversion": "1.0", "id": str(uuid.uuid4()), "source": "/bench", "type": kind, "data": {}})
                sent = time.time() * 1000
                status, answer = server.request("POST", "/v1/events", body, {"Content-Type": "application/cloudevents+json"})
                if status != 202:
                    raise RuntimeError(f"the event was answered {status}: {answer[:300]!r}")
                began = lib.until("the run of an event", outcome, 20)
                if block or number:  # the first is a rehearsal
                    delays.append(began - sent)
            commits += sqlite_commit(options.folder, options.events // BLOCKS) if options.store == "sqlite" else postgres_commit()
        server.change(lib.STOP, id=identity)
    a, b = lib.median(delays), lib.median(commits)
    lib.note(f"event_start: p50 {a:.2f} ms, p99 {lib.percentile(delays, 0.99):.2f} ms of {len(delays)}; one commit {b:.2f} ms")
    store = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[options.store]
    lib.row(f"event sent → function started, {store} (p50)", f"{a:.2f} ms", f"one commit: {b:.2f} ms", f"{a / b:.2f}", "≤ 4")


if __name__ == "__main__":
    main()
