#!/usr/bin/env python3
"""Delivery through RabbitMQ beside what the same servers do alone.

    benches/delivery.py --url URL --token TOKEN --database URL --yardstick PROGRAM [--only accept,hands,through,burst]

accept   events accepted, 32 connections, beside pgbench's single-row inserts with 32 clients
hands    event received -> in a worker's hands (p50), beside one commit plus one confirmed publish
through  sustained events -> finished runs of a function that does nothing, for each busy core, beside publish, confirm,
         consume, acknowledge alone
burst    another function's event -> start (p99) while 50,000 events for one slow function come in, beside without them

Needs a server on PostgreSQL and RabbitMQ, wrk, psql, and scripts/with-postgres and scripts/with-rabbitmq around it.
PROGRAM is server/examples/yardstick_amqp. Times are those that the server wrote into the log, both by one clock:
when it received an event, and when its worker had the run in hand and began.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import uuid

import lib

HERE = pathlib.Path(__file__).parent
ROUNDS = 3
BURST = 50_000
BATCH = 250


def says(*command, **variables):
    """What a program prints; stops with its words when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, **variables})
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def numbers(line):
    """`tps 1.5 latency_ms 2` as a dictionary."""
    words = line.split()
    return dict(zip(words[::2], map(float, words[1::2])))


def pgbench(clients, seconds=3):
    return numbers(says(str(HERE / "pgbench.sh"), "--clients", str(clients), "--seconds", str(seconds), "--quiet"))


def busy():
    """Seconds that the machine's processors have worked so far, all together."""
    ticks = [int(number) for number in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.server = lib.Server(options.url, options.token)

    def sql(self, query):
        """Rows of a query, each a list of texts."""
        psql = os.path.join(os.environ.get("TEST_POSTGRES_BIN", ""), "psql")
        text = says(psql, "-qAtX", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", query, self.options.database)
        return [line.split("\t") for line in text.splitlines()]

    def deploy(self, name, source=lib.HELLO, **scaling):
        manifest = {"triggers": [{"type": "http"}, {"type": "event", "pattern": f"bench.{name}"}],
                    "scaling": {"min": 1, "max": 1, "idle_s": 600, **scaling}}
        return lib.deploy(self.server, self.folder, name, manifest, source)

    def send(self, server, kind, count):
        """Sends events as one batch."""
        events = [{"specversion": "1.0", "id": str(uuid.uuid4()), "source": "/bench", "type": kind, "data": {"n": n}}
                  for n in range(count)]
        headers = {"Content-Type": "application/cloudevents-batch+json"}
        status, answer = server.request("POST", "/v1/events", json.dumps(events), headers)
        if status != 202:
            raise RuntimeError(f"a batch was answered {status}: {answer[:300]!r}")

    def send_many(self, kind, count, connections=4):
        """Sends so many events in batches over some connections; returns when all are accepted."""
        batches, troubles = iter(range(0, count, BATCH)), []
        lock = threading.Lock()

        def work():
            server = lib.Server(self.options.url, self.options.token, timeout=120)
            try:
                while True:
                    with lock:
                        if troubles or next(batches, None) is None:
                            return
                    self.send(server, kind, BATCH)
            except Exception as trouble:  # told by the thread that waits
                troubles.append(trouble)

        threads = [threading.Thread(target=work) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if troubles:
            raise troubles[0]

    def finished(self, identity):
        (row,) = self.sql("select count(*) filter (where finished_at is not null), count(*) filter (where state <> 'SUCCEEDED'"
                          f" and finished_at is not null) from runs where function = '{identity}'")
        if row[1] != "0":
            raise RuntimeError(f"{row[1]} runs failed")
        return int(row[0])

    def delays(self, kind, since):
        """Milliseconds from the receipt of each event of a type to its run's start, of those received since then."""
        rows = self.sql("select (s.at - e.at) / 1000.0 from log e join runs r on r.event = substr(e.stream, 7)"
                        " join log s on s.stream = 'run-' || r.id and s.type = 'Started'"
                        f" where e.type = 'Received' and r.trigger = '{kind}' and e.at >= {since}")
        return [float(row[0]) for row in rows]

    def probe(self, name, count, pause, go_on=lambda: False):
        """Sends single events, at least `count` and while `go_on`; the delays of all, when all have begun."""
        kind, since, sent = f"bench.{name}", int(time.time() * 1e6), 0
        while sent < count or go_on():
            began = time.monotonic()
            self.send(self.server, kind, 1)
            sent += 1
            time.sleep(max(0, pause - (time.monotonic() - began)))

        def all_begun():
            delays = self.delays(kind, since)
            return delays if len(delays) >= sent else None

        return lib.until(f"the start of {sent} runs of {name}", all_begun, 120)

    def accept(self):
        ours, theirs = [], []
        for _ in range(ROUNDS):
            text = says("wrk", "-t2", "-c32", "-d5s", "-s", str(HERE / "events.lua"), f"{self.options.url}/v1/events",
                        EVENT_RUN=str(uuid.uuid4()), EVENT_TYPE="bench.nobody", EVENT_TOKEN=self.options.token)
            report = next(line for line in text.splitlines() if line.startswith("WRK ")).split()
            if report[4] != "0":
                raise RuntimeError(f"{report[4]} events were not accepted")
            ours.append(float(report[1]))
            theirs.append(pgbench(32)["tps"])
        a, b = lib.median(ours), lib.median(theirs)
        lib.row("events accepted durably, 32 connections, PostgreSQL", f"{a:.0f} events/s", f"pgbench, 32 clients: {b:.0f} rows/s",
                f"{a / b:.2f}", "≥ 3")

    def hands(self):
        self.deploy("hands", concurrency=10)
        self.probe("hands", 20, 0.01)  # a rehearsal
        ours, commits, confirms = [], [], []
        for _ in range(ROUNDS):
            ours.append(lib.median(self.probe("hands", 100, 0.01)))
            commits.append(pgbench(1)["latency_ms"])
            confirms.append(numbers(says(self.options.yardstick, "publish", "3"))["p50_ms"])
        a, b, c = lib.median(ours), lib.median(commits), lib.median(confirms)
        lib.row("event received → in a worker's hands, RabbitMQ (p50)", f"{a:.2f} ms",
                f"commit {b:.2f} ms + confirmed publish {c:.2f} ms", f"{a / (b + c):.2f}", "≤ 1.5")

    def through(self, count=10_000):
        identity = self.deploy("through", "exports.handler = async () => null;\n", concurrency=100)
        self.send_many("bench.through", 1000)
        done = 1000
        lib.until("the rehearsal", lambda: self.finished(identity) >= done, 120)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            done += count
            began, worked = time.monotonic(), busy()
            self.send_many("bench.through", count)
            lib.until(f"{count} runs", lambda: self.finished(identity) >= done, 240)
            elapsed, cores = time.monotonic() - began, 0.0
            cores = (busy() - worked) / elapsed
            lib.note(f"through: {count / elapsed:.0f} runs/s on {cores:.2f} cores")
            ours.append(count / elapsed / cores)
            alone = numbers(says(self.options.yardstick, "through", "4"))
            theirs.append(alone["rate"] / alone["cores"])
        a, b = lib.median(ours), lib.median(theirs)
        lib.row("sustained events → finished runs of a function that does nothing, per busy core", f"{a:.0f} runs/s",
                f"publish, confirm, consume, acknowledge alone: {b:.0f}/s", f"{a / b:.2f}", "≥ 0.25")

    def burst(self):
        slow = "exports.handler = () => new Promise((done) => setTimeout(done, 300));\n"
        identity = self.deploy("slow", slow, concurrency=10)
        self.deploy("other", concurrency=10)
        self.probe("other", 20, 0.02)  # a rehearsal
        without = self.probe("other", 300, 0.03)
        sender = threading.Thread(target=self.send_many, args=("bench.slow", BURST))
        sender.start()
        # From the first event of the burst until all of them are accepted, and a while longer.
        during = self.probe("other", 300, 0.03, go_on=sender.is_alive)
        sender.join()
        self.server.change(lib.STOP, id=identity)
        a, b = lib.percentile(during, 0.99), lib.percentile(without, 0.99)
        lib.note(f"burst: p50 {lib.median(during):.1f} ms of {len(during)}, without {lib.median(without):.1f} ms")
        lib.row(f"event → start of a function (p99) while {BURST} events for a slow one come in", f"{a:.1f} ms",
                f"without them: {b:.1f} ms", f"{a / b:.2f}", "≤ 2")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--token", required=True)
    arguments.add_argument("--database", required=True)
    arguments.add_argument("--yardstick", required=True)
    arguments.add_argument("--only", default="accept,hands,through,burst")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="eventflow-delivery.") as folder:
        bench = Bench(options, folder)
        for name in options.only.split(","):
            lib.note(f"delivery: {name}")
            getattr(bench, name)()


if __name__ == "__main__":
    main()
