#!/bin/sh
# The main job, offline: a stand-in for Telegram, the proxy, and a client that speaks every protocol to
# every DC through it. All on loopback; needs a release build.
set -eu
cd "$(dirname "$0")/.."

bin=build/release
place="$(mktemp -d)"
pids=""
# shellcheck disable=SC2317 # called by the trap
clean_up() {
  # shellcheck disable=SC2086 # a list of pids
  [ -z "$pids" ] || kill $pids 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$place"
}
trap clean_up EXIT INT TERM

# Waits until a file has a line that matches, at most 10 s.
wait_for() {
  i=0
  until grep -q "$2" "$1" 2>/dev/null; do
    i=$((i + 1))
    [ "$i" -lt 100 ] || { echo "no \"$2\" in $1:" >&2; cat "$1" >&2; exit 1; }
    sleep 0.1
  done
}

"$bin/tests/fake-telegram" > "$place/telegram.toml" &
pids="$!"
wait_for "$place/telegram.toml" proxy_config_url

port=$((20000 + $$ % 10000))
secret="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
{
  cat "$place/telegram.toml"
  echo "ip_lookup_services = []"
  echo "state_dir = \"state\""
  echo "[[ports]]"
  echo "listen_ip = \"127.0.0.1\""
  echo "port = $port"
  echo "secret = \"$secret\""
} > "$place/proxy.toml"
"$bin/app/mtproto-proxy" -c "$place/proxy.toml" > "$place/proxy.log" 2>&1 &
pids="$pids $!"
wait_for "$place/proxy.log" "listening on"

status=0
"$bin/app/mtproto-proxy" ping --proto abridged,normal,secure,fake-tls \
  --dc=-203,-5,-4,-3,-2,-1,1,2,3,4,5,203 \
  "tg://proxy?server=127.0.0.1&port=$port&secret=$secret" || status=$?
echo
if [ "$status" -eq 0 ]; then
  echo "Every DC answered by every protocol."
else
  echo "Not everything answered. The proxy's log:"
  cat "$place/proxy.log"
fi
exit "$status"
