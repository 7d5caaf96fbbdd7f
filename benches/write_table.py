#!/usr/bin/env python3
"""Turns rows into a Markdown table with its conditions.

    benches/write_table.py ROWS [DOCUMENT]

Prints the table; with DOCUMENT, also puts it between the document's two markers and leaves the rest alone.
"""

import datetime
import pathlib
import platform
import re
import subprocess
import sys

BEGIN, END = "<!-- measured: begin (written by make bench) -->", "<!-- measured: end -->"


def says(*command):
    """The first line that a program prints, or that it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "not there"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else "says nothing"


def conditions():
    """What the numbers depend on, as a list of Markdown lines."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.+)", info)
    memory = re.search(r"MemTotal:\s+(\d+) kB", pathlib.Path("/proc/meminfo").read_text())
    cpus = says("nproc")
    postgres = says("psql", "-AtXc", "select split_part(version(), ' ', 2) || ', fsync ' || current_setting('fsync')"
                    " || ', synchronous_commit ' || current_setting('synchronous_commit')")
    wrk = re.sub(r"\s*\[.*", "", says("wrk", "-v"))
    changed = " (with changes not committed)" if says("git", "status", "--porcelain", "-uno") != "says nothing" else ""
    return [
        f"- {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, commit {says('git', 'rev-parse', '--short', 'HEAD')}{changed}",
        f"- {cpus} CPUs ({model.group(1) if model else platform.machine()}), {int(memory.group(1)) / 1024 / 1024:.1f} GiB memory, Linux {platform.release()}",
        f"- PostgreSQL {postgres}; {says('nginx', '-v').removeprefix('nginx version: ')}; {wrk}; Node {says('node', '--version')};"
        f" {re.sub(r' [(].*', '', says('rustc', '--version'))}, release profile",
        "- load, server, yardstick and functions share these CPUs; each ratio is of medians that were measured in turns in one run",
    ]


def table(rows):
    lines = ["| work | EventFlow | beside | ratio | aim |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        cells = [cell.strip() for cell in row.rstrip("\n").split("|")]
        lines.append("| " + " | ".join((cells + [""] * 5)[:5]) + " |")
    return lines


def main():
    rows = [line for line in pathlib.Path(sys.argv[1]).read_text().splitlines() if line.strip()]
    text = "\n".join(conditions() + [""] + table(rows))
    print(text)
    if len(sys.argv) > 2:
        document = pathlib.Path(sys.argv[2])
        old = document.read_text()
        before, found, rest = old.partition(BEGIN)
        _, closed, after = rest.partition(END)
        if not found or not closed:
            raise SystemExit(f"{document} has lost its markers {BEGIN!r} and {END!r}: put them back")
        document.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    main()
