#!/bin/sh
# End-to-end tests as a user without any rights: tests that run as root do not see what a service user
# meets. Of those: the main path, the life cycle, the console, what surrounds a process, and those that
# are only for such a user (tests/e2e/unprivileged_test.cpp).
#   tests/scripts/unprivileged.sh E2E_TEST MTPROTO_PROXY
set -eu
test_program="$1"
proxy="$2"

skip() {
  echo "Skipped, as this machine lacks something: e2e_unprivileged: $1"
  [ -z "${MTP_SKIPPED-}" ] || echo "e2e_unprivileged: $1" >> "$MTP_SKIPPED"
  exit 77
}

files='*main_path_test*,*life_cycle_test*,*console_test*,*surroundings_test*,*/unprivileged_test*'
if [ "$(id -u)" -ne 0 ]; then
  exec "$test_program" "-sf=*/unprivileged_test*"
fi
# Nobody's: whoever else runs things as "nobody" has used some of its quotas.
user=61234
as_user="setpriv --reuid=$user --regid=$user --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs"
$as_user true 2> /dev/null || skip "users can't be changed to (setpriv)"
for program in "$test_program" "$proxy"; do
  $as_user test -x "$program" || skip "$program is in a place that only root gets to"
done
place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
chown "$user:$user" "$place"
# What its tests skip is told by them; the list of `make` is not its to write.
status=0
TMPDIR="$place" HOME="$place" MTP_SKIPPED="$place/skipped" $as_user "$test_program" "-sf=$files" || status=$?
if [ -n "${MTP_SKIPPED-}" ] && [ -s "$place/skipped" ]; then sed 's/$/ (as a user without rights)/' "$place/skipped" >> "$MTP_SKIPPED"; fi
exit "$status"
