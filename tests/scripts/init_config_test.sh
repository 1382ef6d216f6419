#!/bin/sh
# scripts/init_config.sh, offline, in a directory of its own.
#   tests/scripts/init_config_test.sh MTPROTO_PROXY
set -eu
umask 022
source="$(cd "$(dirname "$0")/../.." && pwd)"
proxy="$1"

for program in openssl make; do
  command -v "$program" > /dev/null && continue
  echo "Skipped, as this machine lacks something: init_config: no program \"$program\""
  [ -z "${MTP_SKIPPED-}" ] || echo "init_config: no program \"$program\"" >> "$MTP_SKIPPED"
  exit 77
done

place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$place/config" "$place/scripts"
cp "$source"/config/template*.toml "$place/config"
cp "$source/scripts/init_config.sh" "$place/scripts"
cp "$source/Makefile" "$place"
cd "$place"
# No service is asked for the address, but those that are set below.
export IP_LOOKUP_SERVICES=""
unset MTP_PORT MTP_SECRET MTP_TAG MTP_DD_ONLY MTP_TLS_ONLY ROLE CONFIG MAKEFLAGS

fail() {
  echo "FAILED: $*" >&2
  [ ! -e out ] || cat out >&2
  exit 1
}

# run STATUS COMMAND...: without a terminal; what it prints goes to `out`.
run() {
  wanted="$1"
  shift
  status=0
  "$@" > out 2>&1 < /dev/null || status=$?
  [ "$status" -eq "$wanted" ] || fail "status $status, not $wanted: $*"
}

# What the steps at a terminal lack here; nothing if they can be done. What is there has to work.
lack=""
if ! command -v script > /dev/null; then
  lack="no program \"script\" (package bsdutils)"
elif ! [ -c /dev/ptmx ] || ! [ -c /dev/pts/ptmx ]; then
  lack="no pseudo-terminals (a devpts on /dev/pts)"
fi

# skip WHAT LACK: said at the end, and in the file that MTP_SKIPPED names, for `make test`.
skipped=""
skip() {
  skipped="$skipped
init_config: $1: $2"
}

# answer WORD COMMAND: at a terminal, where WORD is typed.
answer() {
  printf '%s\n' "$1" | script -qec "$2" /dev/null > out 2>&1 || fail "$2"
}

says() { grep -qF -e "$1" out || fail "does not say: $1"; }
says_not() { ! grep -qF -e "$1" out || fail "says: $1"; }
mode_of() { stat -c %a "$1"; }
secret_of() { sed -n 's/^secret = "\([0-9a-f]\{32\}\)"$/\1/p' "$1"; }
# Text of a file without its secret.
rest_of() { sed 's/^secret = .*//' "$1"; }

init="scripts/init_config.sh"
file=config/prod.toml

# -- both ------------------------------------------------------------------------------------------

run 0 "$init" both "$file"
says "Wrote $file with a new random secret"
[ "$(mode_of "$file")" = 600 ] || fail "mode $(mode_of "$file")"
first="$(secret_of "$file")"
[ "${#first}" -eq 32 ] || fail "no secret"
says_not "$first"
run 0 "$proxy" check-config -c "$file"
says_not warning

run 0 "$init" both other.toml
[ "$(secret_of other.toml)" != "$first" ] || fail "the same secret twice"

# As it is already.
run 0 "$init" both "$file"
says "$file is as the template has it"
[ ! -e "$file.bak" ] || fail "a backup of nothing"

# -- a file that is there --------------------------------------------------------------------------

tag=ffeeddccbbaa99887766554433221100
cat >> "$file" << END
tag = "$tag"
per_sni_secret_salt = "salt-of-mine"
cluster_cookie = """cookie-of-mine
cookie-goes-on"""
inline = { secret = 'other-secret', port = 7 }
# was: $tag
END
echo "# of a newer version" >> config/template.toml
chmod 644 "$file"
cp -p "$file" kept

hides() {
  for hidden in "$first" "$tag" salt-of-mine cookie-of-mine cookie-goes-on other-secret; do
    says_not "$hidden"
  done
}

run 0 "$init" both "$file"
says "Left $file as it is: nobody to ask"
says "+# of a newer version"
says "-tag = (secret)"
says "-inline = { secret = (secret)"
hides
cmp -s "$file" kept || fail "changed without a word"

if [ -n "$lack" ]; then
  skip "answers at a terminal, and a file behind a link" "$lack"
  rm "$file"
  run 0 "$init" both "$file"
else
  for one in "" n nonsense; do
    answer "$one" "$init both $file"
    says "Left $file as it is"
    cmp -s "$file" kept || fail "changed after \"$one\""
    [ ! -e "$file.bak" ] || fail "a backup after \"$one\""
    hides
  done

  answer y "$init both $file"
  says "Wrote $file with the secret that it had"
  says_not "$first"
  cmp -s "$file.bak" kept || fail "the backup is not what was there"
  [ "$(mode_of "$file")" = 600 ] || fail "mode $(mode_of "$file")"
  [ "$(mode_of "$file.bak")" = 600 ] || fail "mode of the backup $(mode_of "$file.bak")"
  [ "$(secret_of "$file")" = "$first" ] || fail "links no longer work"
  grep -q "of a newer version" "$file" || fail "not the new template"
  says_not "$tag"
fi

# Only a secret differs.
sed 's/^#tag = ""/#tag = "mine"/' "$file" > edited && cp edited "$file"
run 0 "$init" both "$file"
says "only in secrets, which are not shown"

# Through a link: the file behind it is replaced.
if [ -z "$lack" ]; then
  mkdir elsewhere
  mv "$file" elsewhere/proxy.toml
  ln -s ../elsewhere/proxy.toml "$file"
  answer yes "$init both $file"
  [ -L "$file" ] || fail "the link is gone"
  grep -q '^#tag = ""' elsewhere/proxy.toml || fail "not written through the link"
fi
rm "$file"

# Secrets that are written wrong are no less secret.
cat > wrong.toml << 'END'
secret = hidden-1 hidden-2
secret "hidden-3"
secret 'hidden-4' # hidden-5
secret: hidden-6
Secret = "hidden-7"
	tag	=	'hidden-8'
"secret" = "hidden-9"
'tag'='hidden-10'
secret = '''
hidden-11
hidden-12'''
secret = """hidden-13"""
secret = [ "hidden-14",
  "hidden-15" ]
secret.hidden-16 = 1
secret.'hidden-17'.x = 1
[secret.hidden-18]
[tag]hidden-19
per_sni_secret_salt == "hidden-20"
cluster_cookie hidden-21
cluster_cookie	hidden-22
ports = [{ port = 1, secret = "hidden-23", tag = "hidden-24" }]
# old tag: hidden-25
#secret = "hidden-26"
key = """-----BEGIN PRIVATE KEY-----
hidden-27
-----END PRIVATE KEY-----"""
tag "hidden-28
12345678901234567890
x = "0123456789abcdef0"
end = "is shown, and so are these"
per_sni_secrets = "on"
# a comment about secrets, a salt and a cookie
END
run 0 "$init" both wrong.toml
says_not hidden-
says_not 2345678
says '-end = "is shown, and so are these"'
says '-per_sni_secrets = "on"'
says "-# a comment about secrets, a salt and a cookie"
says '-x = "(secret)"'
rm wrong.toml

# -- front and back --------------------------------------------------------------------------------

# The files of the link, from a CA of this test.
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1" 2> /dev/null; }
key ca.key
openssl req -new -x509 -key ca.key -subj /CN=ca -days 2 -out ca.pem 2> /dev/null
for name in front1 back; do
  key "$name.key"
  openssl req -new -key "$name.key" -subj "/CN=$name" -out request 2> /dev/null
  openssl x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
    -out "$name.pem" 2> /dev/null
done
# fill FILE: in the place of what operators fill in.
fill() {
  sed -e "s|/etc/mtproto-proxy/dist|$place|" \
    -e 's|<address of the back server>|back.example.org|' "$1" > filled.toml
}

echo " 198.51.100.7" > address
echo "<html>198.51.100.8</html>" > page
echo "198.51.100.256" > nonsense
lookup="http://127.0.0.1:1/ file://$place/nothing file://$place/page file://$place/nonsense"

for role in front back; do
  file="config/$role.toml"
  run 0 "$init" "$role" "$file"
  says "is not known: set external_ip"
  [ "$(mode_of "$file")" = 600 ] || fail "mode $(mode_of "$file")"
  ! grep -q @ "$file" || [ "$role" = front ] || fail "a placeholder is left"
  grep -q '^#external_ip = "203.0.113.1"$' "$file" || fail "no example of external_ip"
  grep -q "^node_role = \"$role\"$" "$file" || fail "another role"
  # What is not filled in is told.
  run 1 "$proxy" check-config -c "$file"
  if [ "$role" = front ]; then
    says "back_node: expected name@host"
    [ "$(secret_of "$file" | wc -c)" -eq 33 ] || fail "no secret"
  else
    says "/etc/mtproto-proxy/dist/back.pem: No such file"
    [ -z "$(secret_of "$file")" ] || fail "a secret"
  fi
  fill "$file"
  run 0 "$proxy" check-config -c filled.toml
  says_not warning

  # With an address, from the first service that knows it.
  if ! command -v curl > /dev/null; then
    [ "$role" = back ] || skip "looking up the address" "no program \"curl\""
    continue
  fi
  export IP_LOOKUP_SERVICES="$lookup file://$place/address"
  rest_of "$file" > before
  run 0 "$init" "$role" "$file"
  says '+external_ip = "198.51.100.7"'
  rest_of "$file" | cmp -s - before || fail "changed without a word"
  rm "$file"
  run 0 "$init" "$role" "$file"
  says "198.51.100.7"
  grep -q '^external_ip = "198.51.100.7"$' "$file" || fail "no external_ip"
  fill "$file"
  run 0 "$proxy" check-config -c filled.toml
  says_not warning
  export IP_LOOKUP_SERVICES=""
done

# Those that hold no address are no help, and no harm; nor is it if none can be asked.
IP_LOOKUP_SERVICES="$lookup" run 0 "$init" back unknown.toml
says "is not known"

# -- make ------------------------------------------------------------------------------------------

run 0 make init-config ROLE=back CONFIG=made.toml
says "make run ROLE=back CONFIG=made.toml"
grep -q '^node_role = "back"$' made.toml || fail "not a back"
run 0 make config CONFIG=made.toml
run 0 make config ROLE=back CONFIG=made.toml
run 2 make config ROLE=front CONFIG=made.toml
says "made.toml is of a node of role back, not front"
run 2 make config ROLE=front CONFIG=absent.toml
says "make init-config ROLE=front CONFIG=absent.toml"
[ ! -e absent.toml ] || fail "written unasked"
run 0 make config CONFIG=fresh.toml
grep -q '^secret = ' fresh.toml || fail "no fresh file for make run"
run 0 "$init" --tell front config/prod.toml
says "make init-config ROLE=front"
run 0 "$init" --tell "" absent.toml
[ ! -s out ] || fail "says something"

# -- a template that changes afterwards ------------------------------------------------------------

# As `git pull` may leave it: with any time.
change_template() {
  echo "$2" >> "$1"
  touch -d "$3" "$1"
}

# Of each role its own; nothing to say of those that did not change.
for role in both front back; do
  rm -f node.toml node.toml.template
  run 0 "$init" "$role" node.toml
  template="config/template.${role#both}.toml"
  [ "$role" != both ] || template=config/template.toml
  # As `git clone` leaves it: newer, and the same.
  touch -d "+1 minute" "$template"
  run 0 "$init" --tell "$role" node.toml
  [ ! -s out ] || fail "says something"
  cp node.toml kept
  change_template "$template" "# since $role" "-1 year"
  for said in "" "$role"; do
    run 0 "$init" --tell "$said" node.toml
    says "$template has changed since node.toml was written"
    says "+# since $role"
    says "Left node.toml as it is: nobody to ask"
    [ "$role" = back ] || says_not "$(secret_of node.toml)"
    cmp -s node.toml kept || fail "changed without a word"
  done
  [ -z "$lack" ] || continue
  answer n "$init --tell $role node.toml"
  says "+# since $role"
  says "Left node.toml as it is"
  cmp -s node.toml kept || fail "changed after a no"
  # No is the answer until the template changes again.
  touch -d "+2 minutes" "$template"
  run 0 "$init" --tell "$role" node.toml
  [ ! -s out ] || fail "asks again"
  change_template "$template" "# again $role" "-1 year"
  answer y "$init --tell $role node.toml"
  says "+# since $role"
  cmp -s node.toml.bak kept || fail "no backup"
  grep -q "^# again $role" node.toml || fail "not the new template"
  [ "$(secret_of node.toml)" = "$(secret_of kept)" ] || fail "another secret"
  run 0 "$init" --tell "$role" node.toml
  [ ! -s out ] || fail "asks about what it has just written"
done
rm -f node.toml node.toml.bak

# A file that was written by hand, or by an earlier release.
run 0 "$init" front node.toml
cp node.toml kept
echo "# of mine" >> node.toml
rm node.toml.template
run 0 "$init" --tell front node.toml
says "It is not known which template node.toml was written from"
says "-# of mine"
[ ! -e node.toml.template ] || fail "as if there was an answer"
cp kept node.toml
run 0 "$init" --tell front node.toml
says "node.toml is as the template has it"
run 0 "$init" --tell front node.toml
[ ! -s out ] || fail "says it again"

# Through a link: it is the file behind it that was written.
ln -s node.toml linked.toml
run 0 "$init" --tell front linked.toml
[ ! -s out ] || fail "a link is another file"
rm -f linked.toml node.toml node.toml.template

# The address that is there is kept, and none is asked for.
run 0 "$init" back node.toml
sed 's/^#external_ip = .*/external_ip = "198.51.100.9"/' node.toml > kept
cp kept node.toml
rm node.toml.template
IP_LOOKUP_SERVICES="file://$place/address" run 0 "$init" --tell back node.toml
says "node.toml is as the template has it"
cmp -s node.toml kept || fail "changed"
rm node.toml

# With a name that a shell would split, as it is said: from its words back to the file.
odd="it's a b.toml"
for role in both front back; do
  rm -f "$odd"
  run 0 "$init" "$role" "$odd"
  says "CONFIG='it'\\''s a b.toml'"
  grep -o "CONFIG=.*" out > said
  (eval "$(cat said)" && [ "$CONFIG" = "$odd" ]) || fail "not as a shell reads it: $(cat said)"
done
run 0 "$init" both plain.toml
says "look through plain.toml, then make run CONFIG=plain.toml"
run 1 "$init" --need front "absent $odd"
says "make init-config ROLE=front CONFIG='absent it'\\''s a b.toml'"

# `make run`, where nothing is to be installed or built.
mkdir -p bin build/release/app
printf '#!/bin/sh\n' | tee bin/cmake > scripts/packages.sh
# shellcheck disable=SC2016 # for that script
printf '#!/bin/sh\nprintf "<%%s>" "$@"\n' > build/release/app/mtproto-proxy
chmod +x bin/cmake scripts/packages.sh build/release/app/mtproto-proxy
for one in "$odd" fresh.toml "fresh one.toml"; do
  PATH="$place/bin:$PATH" run 0 make run CONFIG="$one"
  says "<-c><$one>"
  [ -e "$one" ] || fail "no $one"
done
# And `make` alone tells of a new template.
run 0 "$init" front front.toml
echo "# for fronts" >> front.toml
change_template config/template.front.toml "# of a newer version" "-1 year"
PATH="$place/bin:$PATH" run 0 make ROLE=front CONFIG=front.toml
says "config/template.front.toml has changed since front.toml was written"
says "-# for fronts"

# -- mistakes --------------------------------------------------------------------------------------

run 2 "$init" middle x.toml
says "role both, front or back"
run 2 "$init"
run 1 "$init" both absent/x.toml
says "no directory absent"
mkdir directory
run 1 "$init" both directory
says "is a directory"
left="$(find . -name '*.toml.??????')"
[ -z "$left" ] || fail "left behind: $left"
if [ -n "$skipped" ]; then
  echo "Skipped, as this machine lacks something:$skipped"
  [ -z "${MTP_SKIPPED-}" ] || echo "$skipped" | sed 1d >> "$MTP_SKIPPED"
fi
echo "all good"
