#!/bin/sh
# Rooms are folders, and includes point one way: config, codecs <- net <- actors/core <-
# actors/{uplink,node_link} <- actors/client <- actors/ops <- app. Only tests see all of it.
set -eu
cd "$(dirname "$0")/.."

status=0
refuse() {
  echo "error: $1" >&2
  status=1
}

# may FOLDER PATTERN: files of FOLDER, itself aside, include of ours only what matches.
known=''
may() {
  known="$known $1 "
  if grep -nE '^#include "' "$1"/*.[ch]pp | grep -vE "#include \"($1/[a-z0-9_]+\.hpp|$2)"; then
    refuse "$1/ must not include the above"
  fi
}

may codecs/base 'x^'
may codecs/client 'codecs/base/'
may codecs/telegram 'codecs/(base|client)/'
may codecs/node_link 'codecs/(base|client|telegram)/'
may config 'codecs/'
may net/loop 'codecs/'
may net/dial 'codecs/|net/loop/'
may net/tls 'codecs/|net/loop/'
may net/http 'codecs/|net/loop/'
may net/client 'codecs/|net/loop/'
may net/relay 'codecs/|net/loop/'
may net/node_link 'codecs/|net/(loop|dial|tls)/'
core='codecs/|config/|net/|actors/core/'
may actors/core "$core"
may actors/uplink "$core"
may actors/uplink/middle "$core|actors/uplink/"
may actors/node_link "$core|actors/uplink/[a-z_]+\.hpp"
may actors/client "$core|actors/uplink/[a-z_]+\.hpp"
may actors/ops "$core|actors/"
may app 'codecs/|config/|net/|actors/'

# A file that is in no room, or in one that is not above.
for folder in $(find codecs config net actors app -name '*.[ch]pp' | sed 's|/[^/]*$||' | sort -u); do
  case "$known" in
    *" $folder "*) ;;
    *) refuse "$folder/ is not a room that this script knows" ;;
  esac
done

# forbid PATTERN FOLDER ...: no file there includes what matches.
forbid() {
  pattern="$1"
  shift
  for folder in "$@"; do
    if grep -rnE "^#include [\"<]($pattern)" --include='*.[ch]pp' "$folder"; then
      refuse "$folder/ must not include the above"
    fi
  done
}

# Pure: the standard library, libcrypto, isa-l, and inet_pton.
forbid '(unistd|fcntl|poll|signal|pthread|netdb|errno)\.h|netinet/|(thread|mutex|random|fstream|iostream)>|fmt/' codecs
forbid 'caf/|spdlog/|curl/|sys/(epoll|socket)' codecs config
forbid '(caf|net|sys|spdlog)/' actors/client/admission.hpp actors/client/admission.cpp \
  actors/client/fronting_rules.hpp actors/client/fronting_rules.cpp actors/client/ticket.hpp
# Times are told to them.
if grep -rnE "_clock::now" --include='*.[ch]pp' codecs config; then
  refuse "codecs/ and config/ must not look at a clock"
fi
# What depends on the inside of CAF 0.17.6 stays where it can be found.
forbid 'caf/detail/|caf/intrusive/|caf/scheduler/|caf/io/basp|caf/io/network/|caf/io/scribe' actors app
# Actors started in another way have CAF's defaults, which print what peers say.
if grep -rnE '(\.|->)spawn(_class|_functor|_inactive)?[<(]' --include='*.[ch]pp' net actors app |
  grep -vE '^net/loop/(quiet|pinned)_actor\.hpp:|spawn<supervisor>'; then
  refuse "actors are started by net::spawn_quiet and net::spawn_pinned"
fi
exit "$status"
