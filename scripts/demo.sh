#!/bin/sh
# The main job, offline: a stand-in for Telegram, a back and two fronts as processes of their own, linked by TLS with
# certificates that are made now, and a client that speaks every protocol to every DC through either front. All on
# loopback; needs a release build, or the path of another one as an argument. MTP_EMULATOR: a command that runs the
# nodes on another processor, with its arguments.
set -eu
cd "$(dirname "$0")/.."

bin="${1:-build/release}"
place="$(mktemp -d)"
pids=""
# shellcheck disable=SC2317 # called by the trap
clean_up() {
  # shellcheck disable=SC2086 # a list of pids
  [ -z "$pids" ] || kill $pids 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$place"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# wait_for FILE PATTERN: until a line of the file matches, at most 10 s.
wait_for() {
  i=0
  until grep -q "$2" "$1" 2>/dev/null; do
    i=$((i + 1))
    [ "$i" -lt 100 ] || { echo "no \"$2\" in $1:" >&2; cat "$1" >&2; exit 1; }
    sleep 0.1
  done
}

# A free port, from a range that the kernel does not use for connections.
free_port() {
  while :; do
    port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 10000))
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q ":$(printf %04X "$port") " || break
  done
  echo "$port"
}

# start NAME PATTERN: a node, until its log has a line that matches.
start() {
  # shellcheck disable=SC2086 # words of a command
  ${MTP_EMULATOR:-} "$bin/app/mtproto-proxy" -c "$place/$1.toml" > "$place/$1.log" 2>&1 &
  pids="$pids $!"
  wait_for "$place/$1.log" "$2"
}

# write_front NAME LINK_PORT CLIENT_PORT SECRET
write_front() {
  {
    echo "node_role = \"front\""
    echo "node_name = \"$1\""
    echo "back_node = \"back@127.0.0.1:$2\""
    echo "console_socket = \"$1.sock\""
    echo "[[ports]]"
    echo "listen_ip = \"127.0.0.1\""
    echo "port = $3"
    echo "secret = \"$4\""
    cat "$place/dist/$1.toml"
  } > "$place/$1.toml"
}

"$bin/tests/fake-telegram" > "$place/telegram.toml" &
pids="$!"

dist="$place/dist"
scripts/gen_dist_certs.sh init "$dist" > "$place/certs.log"
for front in front1 front2; do
  scripts/gen_dist_certs.sh add-node --here "$dist" "$front" >> "$place/certs.log"
done
echo "Certificates, for these minutes:"
scripts/gen_dist_certs.sh list "$dist"
echo

wait_for "$place/telegram.toml" proxy_config_url
link="$(free_port)"
{
  echo "node_role = \"back\""
  cat "$place/telegram.toml"
  echo "ip_lookup_services = []"
  echo "state_dir = \"state\""
  sed "s/^listen = .*/listen = \"127.0.0.1:$link\"/" "$dist/back.toml"
} > "$place/back.toml"
start back "waiting for fronts"

secret="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
status=0
for front in front1 front2; do
  port="$(free_port)"
  write_front "$front" "$link" "$port" "$secret"
  start "$front" "back back@.*: connected"
  echo "== Pings through $front"
  "$bin/app/mtproto-proxy" ping --proto abridged,normal,secure,fake-tls \
    --dc=-203,-5,-4,-3,-2,-1,1,2,3,4,5,203 \
    "tg://proxy?server=127.0.0.1&port=$port&secret=$secret" || status=$?
  echo
done

echo "== What the back sees: mtproto-proxy console -e nodes"
"$bin/app/mtproto-proxy" console -c "$place/back.toml" -e nodes || status=$?
echo
if [ "$status" -eq 0 ]; then
  echo "Every DC answered by every protocol, through both fronts."
else
  echo "Not everything answered. The logs:"
  for node in back front1 front2; do
    echo "== $node"
    cat "$place/$node.log"
  done
fi
exit "$status"
