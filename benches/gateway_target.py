#!/usr/bin/env python3
"""Deploys the function that gateway.sh calls, with exactly one instance, and prints the path of its process's socket.

    benches/gateway_target.py --url URL --token TOKEN --data DATA_FOLDER --repositories FOLDER --name NAME

The repository stays in FOLDER. The socket is looked for below the server's data folder: the one that gives the
function's answer is the right one.
"""

import argparse
import pathlib

import lib


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("url", "token", "data", "repositories", "name"):
        arguments.add_argument(f"--{name}", required=True)
    options = arguments.parse_args()
    server = lib.Server(options.url, options.token)
    scaling = {"min": 1, "max": 1, "concurrency": 256, "idle_s": 600}
    source = lib.HELLO.replace("hello", options.name)  # so that no other function answers the same
    lib.deploy(server, options.repositories, options.name, {"triggers": [{"type": "http"}], "scaling": scaling}, source)
    expected = server.request("GET", f"/function/{options.name}")[1]
    sockets = sorted((path for path in pathlib.Path(options.data).rglob("*") if path.is_socket()),
                     key=lambda path: -path.stat().st_ctime)
    for path in sockets:
        if lib.ask_socket(str(path)) == expected:
            print(path)
            return
    raise SystemExit(f"gateway_target: none of {len(sockets)} sockets below {options.data} gives the function's answer {expected!r}")


if __name__ == "__main__":
    main()
