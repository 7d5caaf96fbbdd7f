#!/usr/bin/env bash
# The gateway beside nginx: the same function process, reached through both, in turns (A B A B …).
#
#   benches/gateway.sh --socket PATH --url URL [--token TOKEN] [--connections "32 1"] [--seconds 8] [--rounds 3] [--name NAME]
#
# PATH is the Unix socket on which the function's process listens; URL leads to the same process through
# EventFlow (http://127.0.0.1:8080/function/hello). nginx is set up as one would for this work: a worker
# per core, connections to the process kept alive, no access log. wrk sends both the same requests.
# Prints rows for benches/run (see benches/README.md): medians over the rounds, and the ratio EventFlow : nginx.
# Takes connections × rounds × 2 × (seconds + 1).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

socket='' url='' token='' connections='32 1' seconds=8 rounds=3 name='call of a node service'
while [ $# -gt 0 ]; do
  case $1 in
    --socket) socket=$2 ;;
    --url) url=$2 ;;
    --token) token=$2 ;;
    --connections) connections=$2 ;;
    --seconds) seconds=$2 ;;
    --rounds) rounds=$2 ;;
    --name) name=$2 ;;
    *) echo "gateway.sh: unknown option $1" >&2; exit 64 ;;
  esac
  shift 2
done
if [ -z "$socket" ] || [ -z "$url" ]; then sed -n '2,/^set /{s/^# \{0,1\}//;/^set /d;p}' "$0" >&2; exit 64; fi
[ -S "$socket" ] || { echo "gateway.sh: $socket is no socket" >&2; exit 66; }
for program in nginx wrk curl; do
  command -v "$program" >/dev/null || { echo "gateway.sh: $program is missing (Debian: apt-get install nginx-light wrk curl)" >&2; exit 69; }
done

root=$(mktemp -d "${TMPDIR:-/tmp}/eventflow-nginx.XXXXXX")
proxy=
# shellcheck disable=SC2317 # reached by the trap
clean() {
  [ -z "$proxy" ] || { kill -QUIT "$proxy" 2>/dev/null || true; wait "$proxy" 2>/dev/null || true; }
  rm -rf "$root"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

path=/$(cut -d/ -f4- <<<"$url")
port=
for _ in $(seq 50); do
  port=$((20000 + RANDOM % 12000))
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
done
mkdir "$root/logs"
cat >"$root/nginx.conf" <<CONF
daemon off;
worker_processes auto;
worker_rlimit_nofile 8192;
pid $root/nginx.pid;
error_log $root/logs/error.log warn;
$([ "$(id -u)" != 0 ] || echo 'user root;')
events { worker_connections 2048; multi_accept on; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  client_body_temp_path $root/body;
  proxy_temp_path $root/proxy;
  fastcgi_temp_path $root/fastcgi;
  uwsgi_temp_path $root/uwsgi;
  scgi_temp_path $root/scgi;
  upstream process {
    server unix:$socket;
    keepalive 64;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:$port backlog=1024;
    location $path {
      proxy_pass http://process/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
CONF
nginx -p "$root" -c "$root/nginx.conf" -e "$root/logs/error.log" &
proxy=$!
yardstick=http://127.0.0.1:$port$path
headers=(-H "Accept: application/json")
[ -z "$token" ] || headers+=(-H "Authorization: Bearer $token")

ready() { # ready URL: waits up to 10 s for an answer that is not an error
  local _
  for _ in $(seq 100); do
    curl -fsS -o "$root/answer" --max-time 5 "${headers[@]}" "$1" 2>"$root/why" && return
    sleep 0.1
  done
  echo "gateway.sh: $1 does not answer: $(cat "$root/why")" >&2
  cat "$root/logs/error.log" >&2
  exit 69
}
ready "$yardstick" && cp "$root/answer" "$root/expected"
ready "$url"
cmp -s "$root/expected" "$root/answer" ||
  echo "gateway.sh: note: the two answers differ: $(head -c 120 "$root/expected") and $(head -c 120 "$root/answer")" >&2

run() { # run URL CONNECTIONS SECONDS: "requests/s p50 p99 errors"
  local threads=1
  [ "$2" -lt 8 ] || threads=2
  wrk -t "$threads" -c "$2" -d "${3}s" --timeout 10s -s "$here/report.lua" "${headers[@]}" "$1" | sed -n 's/^WRK //p'
}
column() { cut -d' ' -f"$2" "$1" | sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
row() { # row LABEL A B FORMAT UNIT AIM
  awk -v label="$1" -v a="$2" -v b="$3" -v unit="$5" -v aim="$6" \
    'BEGIN { printf "%s | '"$4"' %s | nginx: '"$4"' %s | %.2f | %s\n", label, a, unit, b, unit, a / b, aim }'
}

failed=0
for count in $connections; do
  : >"$root/a"
  : >"$root/b"
  run "$yardstick" "$count" 1 >/dev/null # warm, not counted
  run "$url" "$count" 1 >/dev/null
  for round in $(seq "$rounds"); do
    run "$url" "$count" "$seconds" >>"$root/a"
    run "$yardstick" "$count" "$seconds" >>"$root/b"
    echo "gateway.sh: $count connections, round $round of $rounds: EventFlow $(tail -1 "$root/a"), nginx $(tail -1 "$root/b") (requests/s, p50 µs, p99 µs, errors)" >&2
  done
  for side in a b; do
    errors=$(awk '{ n += $4 } END { print n + 0 }' "$root/$side")
    [ "$errors" = 0 ] || { echo "gateway.sh: $errors answers of side $side were errors: these numbers do not count" >&2; failed=1; }
  done
  plural=s
  [ "$count" != 1 ] || plural=''
  label="$name, $count connection$plural"
  row "$label: throughput" "$(column "$root/a" 1)" "$(column "$root/b" 1)" '%.0f' 'requests/s' '≥ 0.9'
  row "$label: p50" "$(column "$root/a" 2)" "$(column "$root/b" 2)" '%.0f' 'µs' ''
  row "$label: p99" "$(column "$root/a" 3)" "$(column "$root/b" 3)" '%.0f' 'µs' '≤ 1.5'
done
exit "$failed"
