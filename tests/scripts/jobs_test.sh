#!/bin/sh
# scripts/jobs.sh on machines that are files.
set -eu
jobs="$(cd "$(dirname "$0")/../.." && pwd)/scripts/jobs.sh"
place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
mkdir -p "$place/bin" "$place/proc/self"
printf '#!/bin/sh\necho 8\n' > "$place/bin/nproc"
chmod +x "$place/bin/nproc"

# expect COUNT WHEN
expect() {
  got="$(PATH="$place/bin:$PATH" "$jobs" "$place")"
  [ "$got" = "$1" ] || { echo "FAILED: $2: $got jobs, not $1" >&2; exit 1; }
}
# free MIB: on the machine.
free() { printf 'MemTotal:    99999999 kB\nMemAvailable: %8d kB\n' $(($1 * 1024)) > "$place/proc/meminfo"; }
# group DIRECTORY LIMIT USAGE STATISTIC MIB...: a limit, what is in use, and what of it is a cache.
group() {
  mkdir -p "$place/sys/fs/cgroup/$1"
  case "$5" in max | 9223372036854771712) limit="$5" ;; *) limit=$(($5 * 1048576)) ;; esac
  echo "$limit" > "$place/sys/fs/cgroup/$1/$2"
  echo $(($6 * 1048576)) > "$place/sys/fs/cgroup/$1/$3"
  printf 'anon 1\n%s %d\nother 7\n' "$4" $(($7 * 1048576)) > "$place/sys/fs/cgroup/$1/memory.stat"
}
v2() { group "$1" memory.max memory.current inactive_file "$2" "$3" "$4"; }
v1() { group "memory/$1" memory.limit_in_bytes memory.usage_in_bytes total_inactive_file "$2" "$3" "$4"; }

expect 8 "nothing is known"
free 800
expect 1 "1 GiB"
free 100
expect 1 "hardly any memory"
free 1900
expect 3 "2 GiB"
free 64000
expect 8 "more memory than processors"

echo "0::/a/b" > "$place/proc/self/cgroup"
expect 8 "a group without files"
v2 a/b max 0 0
expect 8 "a group without a limit"
v2 a 2048 1000 200
expect 2 "the limit of the group above"
v2 . 1024 300 0
expect 1 "the limit of the uppermost group, as in a container"
rm -r "$place/sys"
printf '2:cpu,memory:/c\n1:name=systemd:/\n' > "$place/proc/self/cgroup"
v1 c 2048 200 0
expect 3 "version 1"
v1 c 2048 3000 0
expect 1 "more in use than allowed"
free 1300
v1 c 9223372036854771712 0 0
expect 2 "no limit, as version 1 writes it"
echo "all good"
