#!/bin/sh
# Certificates for the link between front and back nodes: a CA of one's own, a certificate for each node, and
# the lines that the node's configuration needs. What they are and give away: doc/certificates.md
set -eu

# Of a node: longer than most rented servers last, half of the CA's.
node_days=1825
ca_days=3650
# A clock may be wrong by so much on another server.
backdate=86400
# From when on `list` says "soon".
soon_days=60
nodes_place=/etc/mtproto-proxy/dist

usage() {
  cat << END
usage:
  $0 init [--days N] [--install-dir PATH] DIR [NAME]
      A CA, and the certificate of the back node on this machine, "back" if not named.
  $0 add-node [--back] [--days N] [--here | --install-dir PATH] DIR NAME
      The certificate of a front node, or of one more back node.
  $0 renew [--days N] [--new-key] DIR NAME
      A new certificate for a node, or for the CA, which is "ca". The key stays, unless there is to be a new one.
  $0 list DIR
      What there is. Status 3 if something has expired, will within $soon_days days, or is not by this CA.

DIR is where all of it is kept. The back of \`init\` without --install-dir, and a node with --here, are on this machine
and use the files in DIR. All others are on other machines, where their files are to be copied to PATH, or to
$nodes_place. N is how many days the certificate lasts: $node_days for a node, $ca_days for the CA.
END
}

fail() {
  echo "error: $*" >&2
  exit 1
}

misused() {
  echo "error: $*" >&2
  usage >&2
  exit 2
}

# For a command line that the operator copies.
quote() {
  case "$1" in
    *[!A-Za-z0-9/._-]*) printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf '%s' "$1" ;;
  esac
}

exists() { [ -e "$1" ] || [ -L "$1" ]; }

is_name() {
  case "$1" in
    ca | '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) return 1 ;;
    *) [ "${#1}" -le 63 ] ;;
  esac
}

# check_path WHAT PATH: it goes into a configuration.
check_path() {
  case "$2" in
    '') fail "$1 is empty" ;;
    *[[:cntrl:]\"\\]*) fail "$1 has a quotation mark, a backslash or a control character in it" ;;
  esac
}

# need_right TEST WHAT DIRECTORY: asked beforehand, as the programs that we call would fail in their own words.
need_right() {
  test "$1" "$3" || fail "the user $(id -un 2> /dev/null) may not $2 $3: run this as one who may, or change who may" \
    "($(stat -L -c 'owner %U, mode %a' "$3"))"
}

# find_directory: as an absolute path; `init` makes it.
find_directory() {
  case "$dir" in /*) ;; *) dir="$PWD/$dir" ;; esac
  # In a directory that we can't enter nothing seems to be there.
  above="$dir"
  until [ -d "$above" ]; do above="$(dirname "$above")"; done
  need_right -x enter "$above"
  if [ "$command" = init ] && [ "$above" != "$dir" ]; then
    need_right -w "write to" "$above"
    said="$(umask "$their_umask" && mkdir -p "$(dirname "$dir")" 2>&1)" || fail "can't make $dir: ${said##*: }"
    said="$(mkdir "$dir" 2>&1)" || [ -d "$dir" ] || fail "can't make $dir: ${said##*: }"
  fi
  [ -d "$dir" ] || fail "$dir is not a directory"
  need_right -r read "$dir"
  [ "$command" = list ] || need_right -w "write to" "$dir"
  dir="$(cd "$dir" && pwd)" || fail "can't enter $dir"
  check_path DIR "$dir"
}

# -- what certificates say ---------------------------------------------------------------------------

# Seconds since 1970.
end_of() {
  last="$(openssl x509 -in "$1" -noout -enddate)" || return 1
  date -u -d "${last#notAfter=}" +%s
}

day_of() { date -u -d "@$(end_of "$1")" +%Y-%m-%d; }

role_of() {
  case "$(openssl x509 -in "$1" -noout -ext basicConstraints,extendedKeyUsage 2>&1)" in
    *CA:TRUE*) echo ca ;;
    *"Web Server"*) echo back ;;
    *"Web Client"*) echo front ;;
    *) echo '?' ;;
  esac
}

# names_of ROLE: those that are there, and the one being made.
names_of() {
  for one in "$dir"/*.pem "$work/out"/*.pem; do
    candidate="$(basename "$one" .pem)"
    if [ -f "$one" ] && is_name "$candidate" && [ "$(role_of "$one")" = "$1" ]; then echo "$candidate"; fi
  done | sort -u
}

of_this_ca() { openssl verify -no_check_time -CAfile "$dir/ca.pem" "$1" > /dev/null 2>&1; }

# -- files -------------------------------------------------------------------------------------------

# Everything is made in $work and published from $work/out. One run at a time: the lock is on the directory
# itself and goes with the process, however that ends.
begin() {
  [ -z "$(find -H "$dir" -prune -perm -002)" ] || fail "everybody may write to $dir: take a directory of its own"
  exec 9< "$dir"
  flock -w 60 9 || fail "another run is at work in $dir"
  rm -rf "$dir"/.new.*
  if [ -d "$dir/.ready" ]; then
    publish
    echo "Finished what an interrupted run had begun:$published" >&2
  fi
  trap 'rm -rf "$work"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  work="$(mktemp -d "$dir/.new.XXXXXX")" || fail "can't write to $dir: is the disk full?"
  mkdir "$work/out"
}

# From here on it will be done: if not by this run, then by the next one.
commit() {
  for one in "$work/out"/*; do
    case "$one" in *.pem | *.toml) chmod 644 "$one" ;; esac
  done
  sync "$work/out"/*
  trap '' HUP INT TERM
  mv -T "$work/out" "$dir/.ready"
  publish
}

# Moves what is ready to where it belongs. What it replaces goes to old/.
publish() {
  kept=
  for one in "$dir/.ready"/*; do
    [ -f "$one" ] || continue
    file="$(basename "$one")"
    if exists "$dir/$file" && ! cmp -s "$one" "$dir/$file" && ! is_as_written "$dir/$file"; then
      mkdir -p "$dir/old"
      [ -n "$kept" ] || kept="$(mktemp -d "$dir/old/$(date -u +%Y%m%d-%H%M%S).XXX")"
      cp -p "$dir/$file" "$kept/"
    fi
    mv -f -T "$one" "$dir/$file"
    published="$published $file"
  done
  rmdir "$dir/.ready"
}

# refuse_existing NAME ROLE: nothing that is there is made anew. It may come from an interrupted run for the
# same, which this one has finished: then all is well.
refuse_existing() {
  case " $published " in
    *" $1.pem "*) if [ "$(role_of "$dir/$1.pem")" = "$2" ]; then tell_made "$1" "$2"; exit 0; fi ;;
  esac
  for one in "$dir/$1.pem" "$dir/$1.key" "$dir/$1.toml"; do
    if exists "$one"; then
      exists "$dir/$1.pem" || fail "$one exists, without a certificate: move it away if it is of no use"
      fail "$one exists. For a new certificate of the same node: $self renew $(quote "$dir") $1"
    fi
  done
}

# -- making them -------------------------------------------------------------------------------------

# In $work; quiet unless it fails.
run() {
  (cd "$work" && "$@" > log 2>&1) && return
  cat "$work/log" >&2
  fail "this failed: $*"
}

make_key() { run openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "out/$1.key"; }

write_openssl_conf() {
  cat > "$work/conf" << END
[ca]
default_ca = this
[this]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = subject
[req]
string_mask = utf8only
distinguished_name = subject
[subject]
commonName = supplied
END
  : > "$work/index"
}

# make_request NAME KEY
make_request() {
  write_openssl_conf
  run openssl req -new -config conf -subj "/CN=$1" -key "$2" -out request
}

# sign FILE END ARGUMENT...: the request becomes a certificate; extensions come from the standard input. By
# `openssl ca`, because it alone can say when a certificate begins; its database ends with this run.
sign() {
  cat > "$work/extensions"
  into="$1"
  last="$(date -u -d "@$2" +%Y%m%d%H%M%SZ)"
  shift 2
  run openssl ca -batch -notext -config conf -in request -out "$into" -extfile extensions \
    -startdate "$(date -u -d "@$((now - backdate))" +%Y%m%d%H%M%SZ)" -enddate "$last" "$@"
}

# make_ca_certificate DAYS KEY
make_ca_certificate() {
  sign out/ca.pem $((now + $1 * 86400)) -selfsign -keyfile "$2" << END
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
END
}

# make_certificate NAME ROLE KEY CA: CA is where ca.pem and ca.key are.
make_certificate() {
  case "$2" in
    back) extended=serverAuth purpose=sslserver ;;
    front) extended=clientAuth purpose=sslclient ;;
  esac
  end=$((now + ${days:-$node_days} * 86400))
  ca_end="$(end_of "$4/ca.pem")"
  if [ "$end" -gt "$ca_end" ]; then
    [ "$ca_end" -gt "$now" ] || fail "the CA has expired. A new certificate for it: $self renew $(quote "$dir") ca"
    end="$ca_end"
    echo "note: it will expire with the CA; to renew that first: $self renew $(quote "$dir") ca" >&2
  fi
  make_request "$1" "$3"
  sign "out/$1.pem" "$end" -cert "$4/ca.pem" -keyfile "$4/ca.key" << END
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = $extended
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:$1
END
  run openssl verify -CAfile "$4/ca.pem" -purpose "$purpose" -verify_hostname "$1" "out/$1.pem"
}

# -- snippets of configuration -----------------------------------------------------------------------

seal="# Written by gen_dist_certs.sh. Checksum of what follows:"

write_sealed() {
  cat > "$work/body"
  { echo "$seal $(cksum < "$work/body")"; cat "$work/body"; } > "$1"
}

# Whether the file is still as we wrote it.
is_as_written() {
  case "$1" in *.toml) ;; *) return 1 ;; esac
  [ -f "$1" ] && [ "$(head -n 1 "$1")" = "$seal $(tail -n +2 "$1" | cksum)" ]
}

# As TOML.
allowed_nodes() { echo "allowed_nodes = [$(names_of front | sed 's/.*/"&"/' | paste -s -d , - | sed 's/,/, /g')]"; }

# In each snippet there is one of these: `renew` must know for which nodes it has to say what to copy. The path
# does not tell, as a node on another machine may have its files under the same one.
used_here="# Its files are used where they were made."
copied="# Its files are copied to it from where they were made."

# write_snippet NAME ROLE PATH HERE: HERE is not empty for a node on this machine.
write_snippet() {
  {
    echo "# The node link of the $2 node \"$1\": in its configuration these lines take the place of those that are"
    echo "# in [node_link] there, which may not be there twice. At the top, above all tables, belongs:"
    echo "#     node_role = \"$2\""
    echo "#     node_name = \"$1\""
    if [ "$2" = front ]; then
      names_of back | sed 's/.*/#     back_node = "&@HOST:9199"/; 2,$s/back_node/or &/'
    fi
    if [ -n "$4" ]; then echo "$used_here"; else echo "$copied"; fi
    echo "[node_link]"
    echo "transport = \"tls\""
    echo "certificate = \"$3/$1.pem\""
    echo "key = \"$3/$1.key\""
    echo "ca = \"$3/ca.pem\""
    if [ "$2" = back ]; then
      echo "listen = \"0.0.0.0:9199\""
      allowed_nodes
    fi
  } | write_sealed "$work/out/$1.toml"
}

# find_place NAME: sets `place` and `where` as its snippet says. Snippets of earlier versions don't say where, and
# the directory may have been moved since: then it is not known.
find_place() {
  place='' where=unknown
  if [ -f "$dir/$1.toml" ]; then
    place="$(sed -n 's/^certificate = "\(.*\)\/[^/]*"$/\1/p' "$dir/$1.toml" | head -n 1)"
    if grep -q -x -F "$copied" "$dir/$1.toml"; then
      where=elsewhere
    elif grep -q -x -F "$used_here" "$dir/$1.toml" && [ "$place" = "$dir" ]; then
      where=here
    fi
  fi
  place="${place:-$nodes_place}"
}

# Names the new front in the snippets of backs, if they are still as we wrote them.
update_backs() {
  list="$(allowed_nodes)"
  for one in $(names_of back); do
    is_as_written "$dir/$one.toml" || continue
    tail -n +2 "$dir/$one.toml" | sed "s/^allowed_nodes = .*/$list/" | write_sealed "$work/out/$one.toml"
  done
}

# -- what to do next ---------------------------------------------------------------------------------

# tell_copying PATH FILE...
tell_copying() {
  to="$1"
  shift
  echo "      ssh root@HOST mkdir -p $(quote "$(quote "$to")")"
  printf '      scp'
  for one in "$@"; do printf ' %s' "$(quote "$dir/$one")"; done
  echo " $(quote "root@HOST:$to/")"
}

tell_ca() {
  echo "  ca.key  never leaves this machine: whoever has it can make a certificate for any node"
  echo "  ca.pem  the CA's certificate, for every node; expires $(day_of "$dir/ca.pem")"
}

# tell_made NAME ROLE
tell_made() {
  echo "In $dir:"
  tell_ca
  echo "  $1.key  the key of the $2 node \"$1\": for it and nobody else"
  echo "  $1.pem  its certificate; expires $(day_of "$dir/$1.pem")"
  echo "  $1.toml  lines for its configuration"
  echo "Next:"
  # Not from our arguments: it may come from an interrupted run that had other ones.
  find_place "$1"
  if [ "$where" = here ]; then
    echo "  - \"$1\" has its files there, as it is on this machine: nothing is to be copied."
    [ "$command" != init ] || echo "    If it is on another one: init again, in another directory, with --install-dir."
  else
    echo "  - Copy to the machine of \"$1\":"
    tell_copying "$place" ca.pem "$1.pem" "$1.key" "$1.toml"
  fi
  echo "  - Let the user that its proxy runs as read them, and nobody else the key."
  echo "  - In its configuration, put the lines of $1.toml in the place of those in [node_link], and at the top what"
  echo "    $1.toml says belongs there."
  if [ "$2" = back ]; then
    echo "  - For each front that is to come: $self add-node $(quote "$dir") NAME"
    echo "  - At the top of the configuration of a front that is to use it: back_node = \"$1@HOST:9199\""
    return
  fi
  for one in $(names_of back); do
    echo "  - Add \"$1\" to allowed_nodes in the configuration of \"$one\", and send its proxy a SIGHUP (kill -HUP)."
    if grep -q -s -F "\"$1\"" "$dir/$one.toml"; then
      echo "    ($one.toml here has it already.)"
    else
      echo "    ($one.toml here is not as this script wrote it: left alone.)"
    fi
  done
}

# -- commands ----------------------------------------------------------------------------------------

need_ca() {
  for one in ca.key ca.pem; do
    exists "$dir/$one" || fail "$dir/$one is not there. Run this where the CA is; to make one: $self init"
  done
}

init() {
  begin
  refuse_existing "$name" back
  for one in ca.key ca.pem; do
    ! exists "$dir/$one" || fail "$dir/$one exists: there is a CA. For one more back node:" \
      "$self add-node --back $(quote "$dir") NAME. For a new certificate of the CA: $self renew $(quote "$dir") ca"
  done
  id="$(openssl rand -hex 4)"
  make_key ca
  make_request "Root CA $id" out/ca.key
  make_ca_certificate "$ca_days" out/ca.key
  make_key "$name"
  make_certificate "$name" back "$work/out/$name.key" "$work/out"
  write_snippet "$name" back "$place" "$here"
  commit
  tell_made "$name" back
}

add_node() {
  begin
  need_ca
  refuse_existing "$name" "$role"
  make_key "$name"
  make_certificate "$name" "$role" "$work/out/$name.key" "$dir"
  write_snippet "$name" "$role" "$place" "$here"
  if [ "$role" = front ]; then update_backs; fi
  commit
  tell_made "$name" "$role"
}

# The same key and name, so that certificates of nodes fit the old one and the new one.
renew_ca() {
  [ -z "$new_key" ] || fail "a CA with another key is another CA: $self init in another directory"
  write_openssl_conf
  run openssl x509 -x509toreq -in "$dir/ca.pem" -signkey "$dir/ca.key" -out request
  make_ca_certificate "${days:-$ca_days}" "$dir/ca.key"
  for one in "$dir"/*.pem; do
    if [ "$one" = "$dir/ca.pem" ] || ! of_this_ca "$one"; then continue; fi
    run openssl verify -no_check_time -CAfile out/ca.pem "$one"
  done
  commit
  tell_ca
  echo "  The one before it is in $kept"
  echo "Next: copy ca.pem to every node, over the old one. The proxy takes it without a restart, within a"
  echo "minute, for new connections."
}

renew_node() {
  exists "$dir/$name.pem" || fail "$dir/$name.pem is not there. For a new node: $self add-node $(quote "$dir") $name"
  role="$(role_of "$dir/$name.pem")"
  case "$role" in front | back) ;; *) fail "$dir/$name.pem is neither a front's nor a back's" ;; esac
  key="$dir/$name.key"
  if [ -n "$new_key" ]; then
    make_key "$name"
    key="$work/out/$name.key"
  fi
  exists "$key" || fail "$key is not there. Bring it back, or have a new one: --new-key"
  make_certificate "$name" "$role" "$key" "$dir"
  commit
  echo "In $dir:"
  [ -z "$new_key" ] || echo "  $name.key  new: for \"$name\" and nobody else"
  echo "  $name.pem  expires $(day_of "$dir/$name.pem")"
  echo "  What was there before is in $kept, and good until it expires: only another name for the"
  echo "  node shuts out somebody who has its key (doc/certificates.md)."
  tell_ca
  taken="Its proxy takes it without a restart, within a minute."
  find_place "$name"
  if [ "$where" = here ]; then
    echo "Next: nothing is to be copied, as \"$name\" is on this machine. $taken"
  else
    echo "Next: copy to the machine of \"$name\":"
    tell_copying "$place" "$name.pem" ${new_key:+"$name.key"}
    [ "$where" = elsewhere ] || echo "  (Not if it is on this machine and uses the files in $dir.)"
    echo "  $taken"
  fi
  # It is a new file, owned by the user that runs this.
  [ -z "$new_key" ] || echo "  Let the user that its proxy runs as read $name.key, and nobody else."
}

renew() {
  begin
  need_ca
  if [ "$name" = ca ]; then renew_ca; else renew_node; fi
}

# list_one NAME: a line, and false if something is wrong.
list_one() {
  if ! end="$(end_of "$dir/$1.pem" 2> /dev/null)"; then
    printf '%-24s is not a certificate that can be read\n' "$1"
    return 1
  fi
  notes=
  left=$(((end - now) / 86400))
  if [ "$end" -le "$now" ]; then
    notes="  expired"
  elif [ "$left" -lt "$soon_days" ]; then
    notes="  soon"
  fi
  if [ -f "$dir/ca.pem" ] && ! of_this_ca "$dir/$1.pem"; then notes="$notes  not by this CA"; fi
  printf '%-24s %-5s  %-10s  %9d%s\n' "$1" "$(role_of "$dir/$1.pem")" "$(day_of "$dir/$1.pem")" "$left" "$notes"
  [ -z "$notes" ]
}

list() {
  set -- "$dir"/*.pem
  exists "$1" || fail "there are no certificates in $dir"
  printf '%-24s %-5s  %-10s  %9s\n' NAME ROLE EXPIRES 'DAYS LEFT'
  status=0
  if [ -f "$dir/ca.pem" ]; then list_one ca || status=3; fi
  for one in "$@"; do
    [ "$one" = "$dir/ca.pem" ] || list_one "$(basename "$one" .pem)" || status=3
  done
  exit "$status"
}

# -- arguments ---------------------------------------------------------------------------------------

LC_ALL=C
export LC_ALL
unset CDPATH
their_umask="$(umask)"
umask 077
self="$(quote "$0")"
now="$(date +%s)"
dir='' name='' role=front place='' here='' days='' new_key='' work='' published='' kept='' options=''

command="${1:-}"
case "$command" in
  init) most=2 least=1 known="--days --install-dir" ;;
  add-node) most=2 least=2 known="--back --days --here --install-dir" ;;
  renew) most=2 least=2 known="--days --new-key" ;;
  list) most=1 least=1 known="" ;;
  help | -h | --help) usage; exit 0 ;;
  '') misused "what to do?" ;;
  *) misused "no such command: $command" ;;
esac
shift
given=0
while [ $# -gt 0 ]; do
  case "$options$1" in
    --) options=over ;;
    -*)
      case " $known " in *" $1 "*) ;; *) misused "$command has no option $1" ;; esac
      case "$1" in --days | --install-dir) [ $# -ge 2 ] || misused "$1 needs a value" ;; esac
      case "$1" in
        --back) role=back ;;
        --here) here=yes ;;
        --new-key) new_key=yes ;;
        --days) days="$2"; shift ;;
        --install-dir) place="$2"; check_path "$1" "$2"; shift ;;
        *) misused "no such option: $1" ;;
      esac
      ;;
    *)
      given=$((given + 1))
      case "$given" in 1) dir="$1" ;; 2) name="$1" ;; esac
      ;;
  esac
  shift
done
if [ "$given" -lt "$least" ] || [ "$given" -gt "$most" ]; then misused "$command takes other arguments"; fi
case "$days" in
  '') ;;
  0* | *[!0-9]* | ??????*) misused "--days is a number from 1 to 99999" ;;
esac
case "$place" in '' | /*) ;; *) misused "--install-dir is an absolute path" ;; esac
[ -z "$here" ] || [ -z "$place" ] || misused "--here is this machine, --install-dir another one: not both"
[ "$command" != init ] || [ -n "$place" ] || here=yes

[ "$command" != init ] || [ "$given" -eq 2 ] || name=back
[ "$command" = list ] || is_name "$name" || { [ "$command" = renew ] && [ "$name" = ca ]; } ||
  fail "a node's name is 1 to 63 of A-Z a-z 0-9 . _ -, begins with a letter or digit, and is not \"ca\""
command -v openssl > /dev/null || fail "openssl is not installed"

check_path DIR "$dir"
find_directory
[ "$place" = / ] || place="${place%/}"
if [ -n "$here" ]; then place="$dir"; else place="${place:-$nodes_place}"; fi

case "$command" in add-node) add_node ;; *) "$command" ;; esac
