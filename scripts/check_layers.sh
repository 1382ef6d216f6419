#!/bin/sh
# Includes point one way: codecs <- net <- actors <- app. Only tests see all of it.
set -eu
cd "$(dirname "$0")/.."

status=0
# forbid FOLDER PATTERN: no file of FOLDER includes anything that matches.
forbid() {
  if grep -nE "^#include [\"<]($2)" "$1"/*.hpp "$1"/*.cpp; then
    echo "error: $1/ must not include the above" >&2
    status=1
  fi
}

for folder in codecs net actors app; do
  forbid "$folder" '\.\.?/'
done
# Pure: the standard library, libcrypto, isa-l, and inet_pton.
forbid codecs '(unistd|fcntl|poll|signal|pthread|netdb|errno)\.h|netinet/|(thread|mutex|random|fstream|iostream)>|fmt/'
# Times are told to them.
if grep -nE "_clock::now" codecs/*.hpp codecs/*.cpp; then
  echo "error: codecs/ must not look at a clock" >&2
  status=1
fi
forbid codecs 'net/|actors/|app/|tests/|caf/|spdlog/|curl/|sys/(epoll|socket)'
forbid net 'actors/|app/|tests/'
forbid actors 'app/|tests/'
forbid app 'tests/'
# What depends on the inside of CAF 0.17.6 stays where it can be found.
inside='caf/detail/|caf/intrusive/|caf/scheduler/|caf/io/basp|caf/io/network/|caf/io/scribe'
forbid actors "$inside"
forbid app "$inside"
# Whoever starts an actor in another way gets CAF's defaults, which print what peers say.
if grep -nE '(\.|->)spawn(_class|_functor|_inactive)?[<(]' net/*.[ch]pp actors/*.[ch]pp app/*.[ch]pp |
  grep -vE '^net/(quiet|pinned)_actor\.hpp:|spawn<supervisor>'; then
  echo "error: actors are started by net::spawn_quiet and net::spawn_pinned" >&2
  status=1
fi
exit "$status"
