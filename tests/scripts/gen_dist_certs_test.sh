#!/bin/sh
# What scripts/gen_dist_certs.sh promises, asked of OpenSSL and the file system.
set -eu
if ! command -v openssl > /dev/null; then
  echo "Skipped, as this machine lacks something: gen_dist_certs: no program \"openssl\""
  [ -z "${MTP_SKIPPED-}" ] || echo "gen_dist_certs: no program \"openssl\"" >> "$MTP_SKIPPED"
  exit 77
fi
script="$(cd "$(dirname "$0")/../.." && pwd)/scripts/gen_dist_certs.sh"
place="$(mktemp -d)"
server=
# shellcheck disable=SC2317 # called by the trap
clean_up() {
  stop_server
  rm -rf "$place"
}
stop_server() {
  [ -z "$server" ] || { kill "$server" 2> /dev/null || true; wait "$server" 2> /dev/null || true; }
  server=
}
trap clean_up EXIT
trap 'exit 1' INT TERM
cd "$place"
# Nothing depends on the caller's; no key lies elsewhere, not even for a moment.
umask 022
export TMPDIR=/nowhere

sentence=
about() { sentence="$*"; echo "$*"; }
die() {
  echo "FAILED: $sentence" >&2
  echo "  $*" >&2
  for one in out err; do [ ! -s "$place/$one" ] || sed "s/^/  $one: /" "$place/$one" >&2; done
  exit 1
}

# Where the script finds programs.
path="$PATH"
# Of the script: output in out and err.
ok() { PATH="$path" "$script" "$@" > "$place/out" 2> "$place/err" || die "status $?: $*"; }
# refused STATUS PATTERN ARGUMENT...
refused() {
  wanted="$1" pattern="$2" status=0
  shift 2
  PATH="$path" "$script" "$@" > "$place/out" 2> "$place/err" || status=$?
  [ "$status" -eq "$wanted" ] || die "status $status instead of $wanted: $*"
  [ -z "$pattern" ] || grep -q -e "$pattern" "$place/err" || die "no \"$pattern\" said: $*"
}
says() { grep -q -F -e "$1" "$place/out" || die "it does not say: $1"; }
says_not() { ! grep -q -F -e "$1" "$place/out" || die "it says: $1"; }
same() { [ "$1" = "$2" ] || die "expected \"$2\", found \"$1\""; }
mode() { same "$(stat -c %a "$1") $1" "$2 $1"; }
# Whatever is in a directory, contents and modes.
picture() { (cd "$1" && find . -printf '%p %m\n' | sort && find . -type f -exec cksum {} + | sort); }
# Nothing unfinished is left.
no_traces() { same "$(find "$1" -name '.*' ! -path "$1")" ""; }
text() { openssl x509 -in "$1" -noout -text; }
extension() { openssl x509 -in "$1" -noout -ext "$2" | sed 's/^ *//'; }
seconds() { date -u -d "$(openssl x509 -in "$1" -noout "-$2" | cut -d= -f2)" +%s; }
fits() { openssl verify -CAfile "$1" -purpose "$2" "$3" > "$place/out" 2>&1; }
public_of_key() { openssl pkey -in "$1" -pubout; }
public_of() { openssl x509 -in "$1" -noout -pubkey; }

# shim NAME: a program in front of the real one, from the standard input.
mkdir shims
shim() {
  { echo '#!/bin/sh'; cat; } > "shims/$1"
  chmod +x "shims/$1"
}
# at_day N: the script believes that it is N days later.
at_day() {
  path="$place/shims:$PATH"
  shim date << END
case "\$*" in +%s) echo \$((\$($(command -v date) +%s) + $1 * 86400)) ;; *) exec $(command -v date) "\$@" ;; esac
END
}

about "init makes a CA and a back"
ok init dist
for one in ca back; do mode dist/$one.key 600; mode dist/$one.pem 644; done
mode dist 700
no_traces dist
same "$(find dist -type f | sort | tr '\n' ' ')" \
  "dist/back.key dist/back.pem dist/back.toml dist/ca.key dist/ca.pem "
says "expires $(date -u -d "@$(seconds dist/ca.pem enddate)" +%Y-%m-%d)"
says "expires $(date -u -d "@$(seconds dist/back.pem enddate)" +%Y-%m-%d)"
says "ca.key  never leaves this machine"

about "add-node makes fronts, and more backs"
ok add-node dist front1
says "scp $place/dist/ca.pem $place/dist/front1.pem $place/dist/front1.key $place/dist/front1.toml 'root@HOST:/etc/mtproto-proxy/dist/'"
says "Add \"front1\" to allowed_nodes in the configuration of \"back\""
says "expires $(date -u -d "@$(seconds dist/front1.pem enddate)" +%Y-%m-%d)"
says "ca.key  never leaves this machine"
ok add-node --back dist back2
says "root@HOST:/etc/mtproto-proxy/dist/"
ok add-node dist front2
mode dist/front2.key 600
mode dist/front2.pem 644

about "certificates say what they should"
for one in ca back back2 front1 front2; do
  text dist/$one.pem > as_text
  for line in "Version: 3 (0x2)" "Signature Algorithm: ecdsa-with-SHA256" "ASN1 OID: prime256v1"; do
    grep -q -F "$line" as_text || die "$one.pem: no $line"
  done
  same "$(public_of_key dist/$one.key)" "$(public_of dist/$one.pem)"
  serial="$(openssl x509 -in dist/$one.pem -noout -serial)"
  [ ${#serial} -ge 40 ] || die "$one.pem: short serial"
  echo "$serial" >> serials
  # A day back, and what this test has taken so far.
  off=$(($(date +%s) - 86400 - $(seconds dist/$one.pem startdate)))
  { [ "$off" -ge 0 ] && [ "$off" -lt 600 ]; } || die "$one.pem: begins $off s off"
done
same "$(sort -u serials | wc -l)" 5
same "$(extension dist/ca.pem basicConstraints)" "X509v3 Basic Constraints: critical
CA:TRUE, pathlen:0"
same "$(extension dist/ca.pem keyUsage)" "X509v3 Key Usage: critical
Certificate Sign, CRL Sign"
same "$((($(seconds dist/ca.pem enddate) - $(seconds dist/ca.pem startdate)) / 86400))" 3651
ski="$(extension dist/ca.pem subjectKeyIdentifier | tail -n 1)"
for one in back back2 front1 front2; do
  same "$(extension dist/$one.pem basicConstraints)" "X509v3 Basic Constraints: critical
CA:FALSE"
  same "$(extension dist/$one.pem keyUsage)" "X509v3 Key Usage: critical
Digital Signature"
  case $one in back*) purpose=Server ;; *) purpose=Client ;; esac
  same "$(extension dist/$one.pem extendedKeyUsage)" "X509v3 Extended Key Usage: 
TLS Web $purpose Authentication"
  same "$(extension dist/$one.pem subjectAltName)" "X509v3 Subject Alternative Name: 
DNS:$one"
  same "$(openssl x509 -in dist/$one.pem -noout -subject)" "subject=CN = $one"
  same "$(extension dist/$one.pem authorityKeyIdentifier | tail -n 1)" "$ski"
  [ -n "$(extension dist/$one.pem subjectKeyIdentifier | tail -n 1)" ] || die "$one.pem: no key identifier"
  same "$((($(seconds dist/$one.pem enddate) - $(seconds dist/$one.pem startdate)) / 86400))" 1826
done

about "a back is a server, a front is a client, and neither is the other"
for one in back back2; do
  fits dist/ca.pem sslserver dist/$one.pem || die "$one is no server"
  ! fits dist/ca.pem sslclient dist/$one.pem || die "$one is a client"
done
for one in front1 front2; do
  fits dist/ca.pem sslclient dist/$one.pem || die "$one is no client"
  ! fits dist/ca.pem sslserver dist/$one.pem || die "$one is a server"
done
openssl verify -CAfile dist/ca.pem -verify_hostname back dist/back.pem > out || die "not named back"
! openssl verify -CAfile dist/ca.pem -verify_hostname back2 dist/back.pem > out 2>&1 || die "named back2"

about "snippets are tables with paths and names"
same "$(grep -v '^#' dist/back.toml)" "[node_link]
transport = \"tls\"
certificate = \"$place/dist/back.pem\"
key = \"$place/dist/back.key\"
ca = \"$place/dist/ca.pem\"
listen = \"0.0.0.0:9199\"
allowed_nodes = [\"front1\", \"front2\"]"
grep -q '^allowed_nodes = \["front1", "front2"\]$' dist/back2.toml || die "back2 does not allow all fronts"
same "$(grep -v '^#' dist/front1.toml)" "[node_link]
transport = \"tls\"
certificate = \"/etc/mtproto-proxy/dist/front1.pem\"
key = \"/etc/mtproto-proxy/dist/front1.key\"
ca = \"/etc/mtproto-proxy/dist/ca.pem\""
grep -q '^# *back_node = "back@HOST:9199"$' dist/front1.toml || die "front1 does not know its back"
grep -q '^# *or back_node = "back2@HOST:9199"$' dist/front2.toml || die "front2 does not know the other back"

about "a snippet that was edited stays as it is"
sed 's/0.0.0.0/192.0.2.1/' dist/back.toml > edited
cp edited dist/back.toml
ok add-node dist front3
cmp -s edited dist/back.toml || die "it was overwritten"
grep -q '"front2", "front3"' dist/back2.toml || die "the one nobody edited was not brought up to date"
says "Add \"front3\" to allowed_nodes in the configuration of \"back\""
says "(back.toml here is not as this script wrote it: left alone.)"
says "(back2.toml here has it already.)"
[ ! -e dist/old ] || die "there was nothing to keep"

about "nothing is made twice"
picture dist > before
refused 1 "$place/dist/back.pem exists.* renew $place/dist back" init dist
refused 1 "$place/dist/ca.key exists.* add-node --back $place/dist NAME.* renew $place/dist ca" init dist other
refused 1 "$place/dist/front1.pem exists.* renew $place/dist front1" add-node dist front1
refused 1 "$place/dist/back2.pem exists" add-node dist back2
refused 1 "$place/dist/front1.pem exists" add-node --back dist front1
mkdir node
echo mine > node/ca.pem
refused 1 "$place/node/ca.pem exists" init node
refused 1 "$place/node/ca.key is not there" add-node node front1
for kind in key toml; do
  echo mine > dist/other.$kind
  refused 1 "$place/dist/other.$kind exists" add-node dist other
  same "$(cat dist/other.$kind)" mine
  rm dist/other.$kind
done
ln -s /nowhere dist/other.key
refused 1 "$place/dist/other.key exists" add-node dist other
rm dist/other.key
picture dist > after
cmp -s before after || die "something has changed"

about "hostile names are refused"
long="$(printf '%064d' 0)"
line="$(printf 'a\nb')"
# shellcheck disable=SC2016 # on purpose
for name in '' . .. .x -x _x ca a/b ../x /x 'a b' "a'b" 'a"b' 'a$(id)' 'a`id`' "$line" 'a;b' 'a*' 'a,b' 'é' "$long"; do
  refused 1 "a node's name is" add-node -- dist "$name"
  refused 1 "a node's name is" init -- new "$name"
  [ "$name" = ca ] || refused 1 "a node's name is" renew -- dist "$name"
done
refused 2 "no option -x" add-node dist -x
refused 2 "other arguments" add-node dist
refused 2 "other arguments" add-node dist a b
refused 2 "no such command" make dist
refused 2 "what to do" ''
for days in 0 -1 x 1.5 100000 ''; do
  case "$days" in '') continue ;; esac
  refused 2 "days" add-node --days "$days" dist other
done
refused 2 "needs a value" add-node dist other --days
refused 2 "absolute" add-node --install-dir relative dist other
refused 2 "not both" add-node --here --install-dir /elsewhere dist other
refused 2 "no option --here" renew --here dist front1
refused 1 "quotation mark" add-node --install-dir "/a\"b" dist other
refused 1 "control character" init "$line"
refused 1 "not a directory" add-node nowhere other
[ ! -e new ] || die "a directory was made"
picture dist > after
cmp -s before after || die "something has changed"
for name in 0 a. a-b_c.d "${long#0}"; do ok add-node dist "$name"; done

# As the documented directory is: where the files of nodes on other machines are, too.
about "what is to be copied is said for every node on another machine, whatever the directory"
given="$script"
sed "s|^nodes_place=.*|nodes_place=$place/usual|" "$script" > usual.sh
chmod +x usual.sh
! cmp -s "$script" usual.sh || die "not another place"
script="$place/usual.sh"
# copies NAME KIND...: these files of the node.
copies() {
  name="$1" wanted=
  shift
  for kind in "$@"; do
    case "$kind" in ca) wanted="$wanted $place/usual/ca.pem" ;; *) wanted="$wanted $place/usual/$name.$kind" ;; esac
  done
  says "ssh root@HOST mkdir -p $place/usual"
  grep -q -x " *scp$wanted 'root@HOST:$place/usual/'" out || die "it does not say that$wanted are to be copied"
  says_not "has its files there"
  says_not "nothing"
  says_not "on this machine"
}
# copies_none NAME
copies_none() {
  says "nothing is to be copied, as \"$1\" is on this machine"
  says_not scp
}
ok init usual
says '"back" has its files there'
says "If it is on another one: init again, in another directory, with --install-dir."
says_not scp
ok add-node usual front1
copies front1 ca pem key toml
ok add-node --back usual back2
copies back2 ca pem key toml
ok add-node --install-dir "$place/usual" usual front2
copies front2 ca pem key toml
ok add-node --here usual front3
says '"front3" has its files there'
says_not scp
says_not --install-dir
grep -q "^key = \"$place/usual/front3.key\"$" usual/front3.toml || die "wrong path"
ok add-node --back --here usual back3
says '"back3" has its files there'
for name in front1 back2 front2; do
  ok renew usual "$name"
  copies "$name" pem
done
ok renew --new-key usual front1
copies front1 pem key
says "read front1.key"
for name in back front3 back3; do
  ok renew usual "$name"
  copies_none "$name"
done
ok renew --new-key usual back
copies_none back
says "read back.key"
# One for another machine, although its path is the same.
mv usual first
ok init --install-dir "$place/usual" usual
copies back ca pem key toml
ok renew usual back
copies back pem
rm -r usual

about "where it is not known which machine a node is on, what is to be copied is said"
# perhaps_copies NAME WHERE: and when it is not.
perhaps_copies() {
  grep -q -x " *scp $place/$2/$1.pem 'root@HOST:$place/usual/'" out || die "it does not say what is to be copied"
  says "(Not if it is on this machine and uses the files in $place/$2.)"
}
# In another place than they were made for.
ok renew first back
perhaps_copies back first
mv first usual
# Made before this was kept in snippets, which may be gone, too.
for name in back front1; do
  grep -v '^# Its files' "usual/$name.toml" > old.toml
  cp old.toml "usual/$name.toml"
  ok renew usual "$name"
  perhaps_copies "$name" usual
done
rm usual/front3.toml
ok renew usual front3
perhaps_copies front3 usual
script="$given"

about "renew makes a new certificate for the key, and keeps the old one"
cp -p dist/front1.pem front1.pem
cp -p dist/front1.toml front1.toml
ok renew --days 100 dist front1
says 'takes it without a restart, within a minute'
says "expires $(date -u -d '+100 days' +%Y-%m-%d)"
says "scp $place/dist/front1.pem 'root@HOST:/etc/mtproto-proxy/dist/'"
fits dist/ca.pem sslclient dist/front1.pem || die "it does not verify"
mode dist/front1.pem 644
! cmp -s front1.pem dist/front1.pem || die "it is the old one"
same "$(public_of dist/front1.pem)" "$(public_of front1.pem)"
cmp -s front1.pem dist/old/*/front1.pem || die "the old one is gone"
cmp -s front1.toml dist/front1.toml || die "the snippet has changed"
ok renew dist back
says 'nothing is to be copied, as "back" is on this machine'
says 'takes it without a restart, within a minute'
fits dist/ca.pem sslserver dist/back.pem || die "it does not verify"
mv dist/front2.key front2.key
refused 1 "$place/dist/front2.key is not there" renew dist front2
mv front2.key dist/front2.key
refused 1 "$place/dist/nobody.pem is not there" renew dist nobody

about "renew --new-key makes both, and keeps both"
cp -p dist/front2.key front2.key
ok renew --new-key dist front2
says "$place/dist/front2.pem $place/dist/front2.key 'root@HOST"
! cmp -s front2.key dist/front2.key || die "it is the old key"
cmp -s front2.key dist/old/*/front2.key || die "the old key is gone"
mode dist/front2.key 600
mode "$(echo dist/old/*/front2.key)" 600
same "$(public_of_key dist/front2.key)" "$(public_of dist/front2.pem)"
fits dist/ca.pem sslclient dist/front2.pem || die "it does not verify"

about "a renewed CA and the one before it both verify every node"
cp dist/ca.pem ca-before.pem
ok renew dist ca
says "expires $(date -u -d '+3650 days' +%Y-%m-%d)"
! cmp -s ca-before.pem dist/ca.pem || die "it is the old one"
ok add-node dist front4
for root in ca-before.pem dist/ca.pem; do
  fits $root sslserver dist/back.pem || die "back does not fit $root"
  fits $root sslclient dist/front1.pem || die "front1 does not fit $root"
  fits $root sslclient dist/front4.pem || die "front4 does not fit $root"
done
same "$(extension dist/ca.pem basicConstraints,keyUsage,subjectKeyIdentifier)" \
  "$(extension ca-before.pem basicConstraints,keyUsage,subjectKeyIdentifier)"
refused 1 "another CA" renew --new-key dist ca
no_traces dist

about "no node outlasts the CA"
ok init --days 99999 capped
same "$(openssl x509 -in capped/back.pem -noout -enddate)" "$(openssl x509 -in capped/ca.pem -noout -enddate)"
grep -q "renew $place/capped ca" err || die "it does not say why"
at_day 3651
refused 1 "has expired.* renew $place/capped ca" add-node capped front1
path="$PATH"
no_traces capped

about "list shows what expires"
ok init listed
ok add-node --days 100 listed front1
ok list listed
day() { date -u -d "@$(seconds "listed/$1.pem" enddate)" +%Y-%m-%d; }
same "$(sed 's/  *[0-9]*$//' out)" "$(printf '%-24s %-5s  %-10s  DAYS LEFT\n' NAME ROLE EXPIRES
  printf '%-24s %-5s  %s\n' ca ca "$(day ca)" back back "$(day back)" front1 front "$(day front1)")"
grep -q '^front1 .* \(99\|100\)$' out || die "days are wrong"
at_day 50
refused 3 '' list listed
grep -q '^front1 .* \(49\|50\)  soon$' out || die "front1 is not soon"
grep -q '^back .*[0-9]$' out || die "back is marked"
at_day 101
refused 3 '' list listed
grep -q '^front1 .* -1  expired$' out || grep -q '^front1 .* 0  expired$' out || die "front1 has not expired"
path="$PATH"
cp dist/front2.pem listed/stranger.pem
echo nothing > listed/broken.pem
refused 3 '' list listed
grep -q '^stranger .*  not by this CA$' out || die "stranger is not marked"
grep -q '^broken .*not a certificate' out || die "broken is not marked"
mkdir empty
refused 1 "no certificates" list empty

about "paths: spaces, quotes, relative, from elsewhere"
mkdir "it's here"
(cd "it's here" && ok init --install-dir "/opt/a b/" "./my dist" home)
says "scp '$place/it'\\''s here/my dist/ca.pem'"
says "'root@HOST:/opt/a b/'"
says "ssh root@HOST mkdir -p ''\\''/opt/a b'\\'''"
grep -q '^key = "/opt/a b/home.key"$' "it's here/my dist/home.toml" || die "wrong path"
mode "it's here/my dist" 700
(cd / && ok add-node "$place/it's here/my dist" front1)
ok init deep/er/dist
mode deep 755
mode deep/er/dist 700
mkdir open
chmod 777 open
refused 1 "everybody may write" init open
chmod 750 open
ok init open
mode open 750
ln -s open link
ok add-node link front1
(cd open && ok add-node . front2)
ok init -- -dash
mode ./-dash/back.pem 644

about "somebody who is not root can do it"
if [ "$(id -u)" -eq 0 ]; then
  chmod 711 "$place"
  mkdir bin theirs
  cp "$script" bin/
  chown 65534:65534 theirs
  nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
  (cd / && nobody "$place/bin/gen_dist_certs.sh" init "$place/theirs/dist") > out 2> err || die "init"
  (cd / && nobody "$place/bin/gen_dist_certs.sh" add-node "$place/theirs/dist" front1) > out 2> err || die "add-node"
  ! (cd / && nobody "$place/bin/gen_dist_certs.sh" add-node "$place/dist" spy) > out 2> err || die "in ours"
else
  mkdir bin
  cp "$script" bin/
  nobody() { "$@"; }
fi

about "who may not use the directory is told so, and nothing else"
# not_allowed WHAT DIRECTORY ARGUMENT...: as a user other than root.
not_allowed() {
  what="$1" where="$2" status=0
  shift 2
  (cd / && nobody "$place/bin/gen_dist_certs.sh" "$@") > out 2> err || status=$?
  same "$status" 1
  same "$(wc -l < err)" 1
  grep -q "^error: the user .* may not $what $where: run this as one who may, or change .*(owner .*, mode .*)$" err ||
    die "not told: $*"
}
mkdir closed closed/dist
for each in "000 enter" "600 enter" "300 read" "500 write to"; do
  chmod "${each%% *}" closed/dist
  [ "$(id -u)" -ne 0 ] || chown 65534:65534 closed closed/dist
  what="${each#* }"
  not_allowed "$what" "$place/closed/dist" init "$place/closed/dist"
  not_allowed "$what" "$place/closed/dist" add-node "$place/closed/dist" front1
  not_allowed "$what" "$place/closed/dist" renew "$place/closed/dist" front1
  [ "$what" = "write to" ] || not_allowed "$what" "$place/closed/dist" list "$place/closed/dist"
done
not_allowed "write to" "$place/closed/dist" init "$place/closed/dist/deep/er"
chmod 000 closed
not_allowed enter "$place/closed" list "$place/closed/dist"
not_allowed enter "$place/closed" init "$place/closed/new"
chmod 700 closed closed/dist
same "$(ls -A closed/dist)" ""
echo mine > file
refused 1 "^error: can't make $place/file/dist: ." init file/dist
same "$(wc -l < err)" 1

about "runs side by side don't disturb each other"
pids=
for i in 1 2 3 4 5; do
  "$script" init race > "init$i" 2>&1 &
  pids="$pids $!"
done
won=0
for pid in $pids; do if wait "$pid"; then won=$((won + 1)); fi; done
same "$won" 1
pids=
for name in a b c d same same same; do
  "$script" add-node race "$name" > "$name.$(echo "$pids" | wc -w)" 2>&1 &
  pids="$pids $!"
done
won=0
for pid in $pids; do if wait "$pid"; then won=$((won + 1)); fi; done
same "$won" 5
for name in a b c d same; do
  fits race/ca.pem sslclient race/$name.pem || die "$name does not verify"
  same "$(public_of_key race/$name.key)" "$(public_of race/$name.pem)"
done
grep -q '^allowed_nodes = \["a", "b", "c", "d", "same"\]$' race/back.toml || die "a name was lost"
no_traces race

# kill_at SIGNAL PROGRAM N ARGUMENT...: the script gets a signal when it calls a program for the Nth time. False
# if that did not stop it.
kill_at() {
  signal="$1" program="$2" nth="$3"
  shift 3
  rm -rf shims calls
  mkdir shims
  : > calls
  shim "$program" << END
echo call >> $place/calls
if [ "\$(wc -l < $place/calls)" -eq $nth ]; then
  kill -$signal "\$(cat $place/victim)"
  [ $signal != KILL ] || exit 1
fi
exec $(command -v "$program") "\$@"
END
  # shellcheck disable=SC2016 # for the inner shell
  PATH="$place/shims:$PATH" sh -c 'echo $$ > victim; exec "$@"' sh "$script" "$@" > "$place/out" 2> "$place/err" || return 0
  [ "$signal" != KILL ] || [ "$(wc -l < calls)" -lt "$nth" ] || die "it has survived"
  return 1
}

# whole DIR NAME...: it has a CA and these nodes, which fit, and nothing unfinished.
whole() {
  for name in "$@"; do
    case "$name" in "$1") continue ;; back) purpose=sslserver ;; *) purpose=sslclient ;; esac
    fits "$1/ca.pem" "$purpose" "$1/$name.pem" || die "$name does not verify"
    same "$(public_of_key "$1/$name.key")" "$(public_of "$1/$name.pem")"
    mode "$1/$name.key" 600
    mode "$1/$name.pem" 644
    [ -s "$1/$name.toml" ] || die "no $name.toml"
  done
  same "$(public_of_key "$1/ca.key")" "$(public_of "$1/ca.pem")"
  [ $# -lt 3 ] || grep -q '"front1"' "$1/back.toml" || die "front1 is not allowed"
  no_traces "$1"
}

# The same again after it was killed, perhaps when all was done.
again() {
  "$script" "$@" > "$place/out" 2> "$place/err" || grep -q "exists. For a new certificate" err || die "again: $*"
}

about "a run that is killed does not stand in the way of the next one"
ok init without
cp -Rp without with
ok add-node with front1
for each in openssl:4 mv:1; do
  program="${each%:*}" step="${each#*:}"
  n=1
  while kill_at KILL "$program" "$n" init killed; do
    again init killed
    whole killed back
    rm -rf killed
    n=$((n + step))
  done
  [ "$n" -gt 6 ] || die "$program was called $n times only"
  rm -rf killed

  n=1
  cp -Rp without killed
  while kill_at KILL "$program" "$n" add-node killed front1; do
    again add-node killed front1
    whole killed back front1
    rm -rf killed
    cp -Rp without killed
    n=$((n + step))
  done
  [ "$n" -gt 4 ] || die "$program was called $n times only"
  rm -rf killed

  n=1
  cp -Rp with killed
  while kill_at KILL "$program" "$n" renew --new-key killed front1; do
    # The pair that was there is there or kept; whatever run comes next makes things fit.
    ok renew killed back
    whole killed back front1
    for file in front1.key front1.pem; do
      find killed -name $file -exec cmp -s with/$file {} \; -print | grep -q . || die "the old $file is gone"
    done
    rm -rf killed
    cp -Rp with killed
    n=$((n + step))
  done
  [ "$n" -gt 3 ] || die "$program was called $n times only"
  rm -rf killed
done

about "what is said of a run that was killed is what it has made"
cp -Rp without killed
kill_at KILL mv 2 add-node --here killed front1 || die "not killed"
ok add-node killed front1
says '"front1" has its files there'
rm -rf killed

about "a run that is stopped leaves nothing"
picture without > before
for each in INT:2 TERM:4 HUP:6; do
  kill_at "${each%:*}" openssl "${each#*:}" add-node without front1 || die "not stopped"
  picture without > after
  cmp -s before after || die "something is left"
done
ok add-node without front1
whole without back front1

about "a run that has begun to put files in their places is not stopped"
for each in INT:1 TERM:2 HUP:3; do
  ! kill_at "${each%:*}" mv "${each#*:}" add-node without "front${each#*:}0" || die "stopped"
  whole without "front${each#*:}0"
done

# The reversed line of the server only comes if both ends are content.
# talk SERVER SERVER_CA CLIENT CLIENT_CA NAME
talk() {
  # Or the port of the server before would be read.
  : > server.out
  openssl s_server -accept 127.0.0.1:0 -tls1_3 -Verify 1 -verify_return_error -rev -cert "$1.pem" -key "$1.key" \
    -CAfile "$2" > server.out 2>&1 < /dev/null &
  server=$!
  i=0
  until port="$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' server.out)" && [ -n "$port" ]; do
    i=$((i + 1))
    [ "$i" -lt 300 ] || die "no server: $(cat server.out)"
    sleep 0.1
  done
  set -- "$3" "$4" "$5"
  if [ "$1" = none ]; then cert=; else cert="-cert $1.pem -key $1.key"; fi
  # shellcheck disable=SC2086 # words
  answer="$(printf 'hello\nCLOSE\n' | timeout 60 openssl s_client -connect "127.0.0.1:$port" -tls1_3 -quiet \
    -verify_return_error -verify_hostname "$3" $cert -CAfile "$2" 2> client.err)" || echo "status $?" >> client.err
  stop_server
  case "$answer" in *olleh*) true ;; *) false ;; esac
}

about "a front and a back agree on TLS 1.3; nobody else does"
ok init alien
ok add-node alien front1
talk dist/back dist/ca.pem dist/front1 dist/ca.pem back || die "refused: $(cat server.out client.err)"
talk dist/back2 dist/ca.pem dist/front2 ca-before.pem back2 || die "refused: $(cat server.out client.err)"
# not_for REASON ARGUMENT...: they don't talk, and this is why.
not_for() {
  reason="$1"
  shift
  ! talk "$@" || die "accepted: $*"
  grep -q "$reason" server.out client.err || die "not for \"$reason\": $(cat server.out client.err)"
}
not_for "unable to get local issuer" dist/back dist/ca.pem alien/front1 dist/ca.pem back
not_for "unable to get local issuer" alien/back dist/ca.pem dist/front1 dist/ca.pem back
not_for "peer did not return a certificate" dist/back dist/ca.pem none dist/ca.pem back
not_for "unsuitable certificate purpose" dist/back dist/ca.pem dist/back2 dist/ca.pem back
not_for "unsuitable certificate purpose" dist/front2 dist/ca.pem dist/front1 dist/ca.pem front2
not_for "hostname mismatch" dist/back2 dist/ca.pem dist/front1 dist/ca.pem back

echo "all good"
