#!/usr/bin/env python3
"""Functions that are container images, beside the engine alone.

    benches/containers.py --url URL --token TOKEN --pid PID [--only calls|cold|idle]

Needs what scripts/with-docker sets up: an engine in DOCKER_HOST, and its images. PID is the server's process.
Three measurements: calls of a container through the gateway beside the same container called at its own address; the first
answer of a function from zero instances beside `docker run` of the same image; and the processor time that the server
takes while 200 containers of it do nothing.
"""

import argparse
import http.client
import json
import os
import pathlib
import subprocess
import time

import lib

NODE, BUSYBOX = "eventflow-test/node:1", "eventflow-test/busybox:1"
SERVER = """require('node:http').createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end('{"message":"hello"}');
}).listen(process.env.PORT ?? 8080);"""
IDLE = ["/bin/sh", "-c", "mkdir /tmp/www && exec httpd -f -p $PORT -h /tmp/www"]

INSTANCES = "query ($id: ID!) { function(id: $id) { instances { id state } } }"
CALLERS, SECONDS, ROUNDS = 32, 6, 3
COLD_TURNS = 10
CONTAINERS, WATCHED = 200, 30.0


def docker(*arguments):
    """Runs Docker's client; answers what it prints."""
    done = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.stdout.strip()


def deploy(server, name, image, command, scaling, resources):
    """Registers, builds and starts an image; answers the function's id."""
    manifest = {"runtime": "docker", "command": command, "scaling": scaling, "resources": resources,
                "triggers": [{"type": "http"}]}
    given = {"name": name, "source": {"image": {"image": image}}, "manifest": manifest}
    identity = server.change(lib.REGISTER, input=given)["function"]["id"]
    server.change(lib.BUILD, id=identity)

    def built():
        (build,) = server.query(lib.BUILDS, id=identity)["function"]["builds"]["nodes"]
        if build["state"] in ("FAILED", "CANCELLED"):
            raise RuntimeError(f"the build of {name} ended {build['state']}: {build}")
        return build["state"] == "SUCCEEDED"

    lib.until(f"the build of {name}", built, 120)
    server.change(lib.START, id=identity)
    return identity


def address_of(container):
    """The address of a container in its network."""
    networks = json.loads(docker("inspect", "-f", "{{json .NetworkSettings.Networks}}", container))
    return next(network["IPAddress"] for network in networks.values() if network["IPAddress"])


def wrk(url, token):
    """Requests a second, and p99 in microseconds."""
    report = pathlib.Path(__file__).parent / "report.lua"
    done = subprocess.run(
        ["wrk", "-t", "2", "-c", str(CALLERS), "-d", f"{SECONDS}s", "--timeout", "10s", "-s", str(report),
         "-H", f"Authorization: Bearer {token}", url],
        check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    words = next(line for line in done.stdout.splitlines() if line.startswith("WRK ")).split()
    if int(words[4]):
        raise RuntimeError(f"{words[4]} answers of {url} were errors: these numbers do not count")
    return float(words[1]), float(words[3])


def calls(server, options):
    """Calls through the gateway beside calls of the container itself."""
    name = "bench-container"
    scaling = {"min": 1, "max": 1, "concurrency": 256}
    identity = deploy(server, name, NODE, ["node", "-e", SERVER], scaling, {"memory_mb": 256, "cpu": 2})
    lib.until("an answer", lambda: server.request("GET", f"/function/{name}/")[0] == 200, 60)
    container = docker("ps", "-q", "--filter", f"label=io.eventflow.function={name}").split()[0]
    direct = f"http://{address_of(container)}:8080/"
    ours, theirs = [], []
    for turn in range(ROUNDS + 1):
        a, b = wrk(f"{options.url}/function/{name}/", options.token), wrk(direct, options.token)
        lib.note(f"containers: through the gateway {a}, directly {b} (requests/s, p99 in µs)")
        if turn:  # the first is to warm up
            ours.append(a)
            theirs.append(b)
    server.change(lib.STOP, id=identity)
    for what, at, unit, aim in (("throughput", 0, "requests/s", "≥ 0.6"), ("p99", 1, "µs", "")):
        a, b = (lib.median([each[at] for each in side]) for side in (ours, theirs))
        lib.row(f"call of a container, {CALLERS} connections: {what}", f"{a:.0f} {unit}", f"called directly: {b:.0f} {unit}",
                f"{a / b:.2f}", aim)


def run_alone():
    """`docker run` until its first answer, in milliseconds."""
    begin = time.monotonic()
    container = docker("run", "-d", NODE, "node", "-e", SERVER)
    try:
        host = address_of(container)

        def answers():
            connection = http.client.HTTPConnection(host, 8080, timeout=2)
            try:
                connection.request("GET", "/")
                return connection.getresponse().status == 200
            except OSError:
                return False
            finally:
                connection.close()

        while not answers():
            if time.monotonic() - begin > 30:
                raise TimeoutError("docker run: no answer within 30 s")
            time.sleep(0.001)
        return (time.monotonic() - begin) * 1000
    finally:
        docker("rm", "-f", container)


def first_answer(server, name):
    """Milliseconds until a function answers."""
    begin = time.monotonic()
    status, body = server.request("GET", f"/function/{name}/")
    if status != 200:
        raise RuntimeError(f"the cold call answered {status}: {body[:300]!r}")
    return (time.monotonic() - begin) * 1000


def cold(server, options):
    """The first answer from zero instances, and from one that stands by."""
    names = {0: "bench-cold-container", 1: "bench-prewarmed-container"}
    identities = {}
    for prewarm, name in names.items():
        scaling = {"min": 0, "max": 2, "concurrency": 10, "idle_s": 1, "prewarm": prewarm}
        scaling = {key: value for key, value in scaling.items() if value or key == "min"}
        identities[prewarm] = deploy(server, name, NODE, ["node", "-e", SERVER], scaling, {"memory_mb": 256, "cpu": 1})
    times = {0: [], 1: [], "alone": []}

    def states(prewarm):
        instances = server.query(INSTANCES, id=identities[prewarm])["function"]["instances"]
        return [instance["state"] for instance in instances]

    for turn in range(COLD_TURNS + 1):
        lib.until("no instance", lambda: not states(0), 60)
        lib.until("no container", lambda: not docker("ps", "-aq", "--filter", f"label=io.eventflow.function={names[0]}"), 60)
        lib.until("one that stands by", lambda: states(1) == ["standby"], 60)
        took = {0: first_answer(server, names[0]), 1: first_answer(server, names[1]), "alone": run_alone()}
        if turn:
            for what, each in took.items():
                times[what].append(each)
    for identity in identities.values():
        server.change(lib.STOP, id=identity)
    for what, each in times.items():
        lib.note(f"containers: cold, {what}: " + " ".join(f"{one:.0f}" for one in each) + " ms")
    alone = lib.median(times["alone"])
    for prewarm, label, aim in ((0, "from zero instances", "≤ 1.1"), (1, "with one that stands by", "≤ 0.3")):
        ours = lib.median(times[prewarm])
        lib.row(f"cold start of a container: first answer {label} (median)", f"{ours:.0f} ms", f"docker run: {alone:.0f} ms",
                f"{ours / alone:.2f}", aim)


def processor_time(pid):
    """Seconds of processor time of a process, in user mode and in the kernel."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle(server, options):
    """The server's processor time while its containers do nothing."""
    name = "bench-idle-containers"
    scaling = {"min": CONTAINERS, "max": CONTAINERS, "concurrency": 1}
    identity = deploy(server, name, BUSYBOX, IDLE, scaling, {"memory_mb": 16, "cpu": 0.1})

    def all_ready():
        instances = server.query(INSTANCES, id=identity)["function"]["instances"]
        return sum(instance["state"] == "ready" for instance in instances) == CONTAINERS

    lib.until(f"{CONTAINERS} instances", all_ready, 300)
    time.sleep(5)  # what their start still costs is not meant
    begin, spent = time.monotonic(), processor_time(options.pid)
    time.sleep(WATCHED)
    share = (processor_time(options.pid) - spent) / (time.monotonic() - begin) * 100
    server.change(lib.STOP, id=identity)
    lib.row(f"{CONTAINERS} idle containers: processor time of the server", f"{share:.2f} % of one", "1 %", f"{share:.2f}", "< 1")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--token", required=True)
    arguments.add_argument("--pid", required=True, type=int)
    arguments.add_argument("--only", choices=("calls", "cold", "idle"))
    options = arguments.parse_args()
    server = lib.Server(options.url, options.token)
    for measure in (calls, cold, idle):
        if options.only in (None, measure.__name__):
            measure(server, options)


if __name__ == "__main__":
    main()
