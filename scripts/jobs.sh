#!/bin/sh
# How many compilers run at once: one per processor, if there is memory for them on this machine and in
# the control groups (version 2 or 1) that we are in; at least one.
#   scripts/jobs.sh [ROOT]   where /proc and /sys are
set -eu
root="${1:-}"
# What one takes at the most while it builds the proxy. Tests take up to twice as much, but rarely two at once.
mib_each=600

# room GROUP LIMIT USAGE IN_USE_BUT_FREED_FIRST: bytes that the group has left, if it has a limit.
room() {
  limit="$(cat "$1/$2" 2> /dev/null)" || return 0
  case "$limit" in '' | *[!0-9]*) return 0 ;; esac
  usage="$(cat "$1/$3" 2> /dev/null)" || return 0
  cache="$(sed -n "s/^$4 //p" "$1/memory.stat" 2> /dev/null)" || cache=0
  echo "$((limit - usage + ${cache:-0}))"
}

# rooms TOP GROUP ...: of a group and of those it is in.
rooms() {
  top="$1"
  group="${2%/}"
  shift 2
  while :; do
    room "$top$group" "$@"
    [ -n "$group" ] || break
    group="${group%/*}"
  done
}

free="$(
  {
    sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1 1024/p' "$root/proc/meminfo" 2> /dev/null |
      while read -r kib unit; do echo "$((kib * unit))"; done
    # hierarchy:controllers:path; version 2 has no controllers there.
    while IFS=: read -r _ controllers path; do
      case ",$controllers," in
        ,,) rooms "$root/sys/fs/cgroup" "$path" memory.max memory.current inactive_file ;;
        *,memory,*)
          rooms "$root/sys/fs/cgroup/memory" "$path" memory.limit_in_bytes memory.usage_in_bytes total_inactive_file
          ;;
      esac
    done 2> /dev/null < "$root/proc/self/cgroup"
  } | sort -n | head -n 1
)" || free=""

jobs="$(nproc)"
if [ -n "$free" ]; then
  fit="$((free / (mib_each * 1024 * 1024)))"
  [ "$fit" -ge "$jobs" ] || jobs="$fit"
  [ "$jobs" -ge 1 ] || jobs=1
fi
echo "$jobs"
