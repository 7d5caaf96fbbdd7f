#!/usr/bin/env bash
# The yardstick for appends: pgbench inserting single rows into a table like the event log, one commit each.
#
#   scripts/with-postgres benches/pgbench.sh [--clients 32] [--seconds 10] [--quiet]
#
# Reaches the server through PGHOST, PGPORT, PGUSER, PGDATABASE (scripts/with-postgres sets them) and leaves
# nothing behind. Last line: "tps NUMBER latency_ms NUMBER"; with --quiet the only one, for other benches
# to measure in turns with it.
set -euo pipefail
clients=32 seconds=10 quiet=
while [ $# -gt 0 ]; do
  case $1 in
    --clients) clients=$2; shift ;;
    --seconds) seconds=$2; shift ;;
    --quiet) quiet=1 ;;
    *) sed -n '2,/^set /{s/^# \{0,1\}//;/^set /d;p}' "$0" >&2; exit 64 ;;
  esac
  shift
done
: "${PGHOST:?run it below scripts/with-postgres, or set PGHOST, PGPORT, PGUSER, PGDATABASE}"
bin=${TEST_POSTGRES_BIN:+$TEST_POSTGRES_BIN/}

root=$(mktemp -d "${TMPDIR:-/tmp}/eventflow-pgbench.XXXXXX")
schema=yardstick_$$
# shellcheck disable=SC2317 # reached by the trap
clean() {
  "${bin}psql" -qX -c "set client_min_messages = warning" -c "drop schema if exists $schema cascade" >/dev/null 2>&1 || true
  rm -rf "$root"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"${bin}psql" -qX -v ON_ERROR_STOP=1 <<SQL
create schema $schema;
create table $schema.events (
  position bigserial primary key,
  stream text not null,
  version bigint not null,
  id uuid not null,
  type text not null,
  data jsonb not null,
  at timestamptz not null,
  unique (stream, version)
);
SQL
# Each client writes its own stream in order, as a writer does. The data has 250 bytes; a blank
# after each colon, because pgbench takes :word for a variable.
cat >"$root/insert.sql" <<SQL
\\set version :version + 1
insert into $schema.events (stream, version, id, type, data, at)
values ('run-' || :client_id, :version, gen_random_uuid(), 'Succeeded',
  '{"version": 1, "attempt": 1, "instance": "8f14e45f-ceea-467f-a7c9-1f2d3c4b5a69", "http_status": 200, "duration_ms": 12.75, "queue_ms": 1.25, "cold_start": false, "output": {"message": "Hello, world!", "items": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}}', now());
SQL
threads=$(nproc)
[ "$threads" -le "$clients" ] || threads=$clients
"${bin}pgbench" -n -M prepared -c "$clients" -j "$threads" -T "$seconds" -D version=0 -f "$root/insert.sql" >"$root/out" 2>"$root/err" ||
  { cat "$root/err" >&2; exit 1; }
failures=$(sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' "$root/out")
[ "${failures:-0}" = 0 ] || { echo "pgbench.sh: $failures transactions failed" >&2; cat "$root/out" >&2; exit 1; }
[ -n "$quiet" ] || cat "$root/out"
tps=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$root/out" | tail -1)
latency=$(sed -n 's/^latency average = \([0-9.]*\) ms/\1/p' "$root/out")
echo "tps $tps latency_ms $latency"
