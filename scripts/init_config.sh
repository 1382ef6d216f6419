#!/bin/sh
# Writes a node's configuration from the template of its role (both, front or back), with a fresh random
# secret and, for a front or back, the address that the Internet sees us by.
#   scripts/init_config.sh ROLE [FILE]
# FILE is config/prod.toml if it is not given. If it is there already, shows how it differs from what
# would be written, secrets masked, and asks; then the old one stays as FILE.bak, and its secret is kept.
#   scripts/init_config.sh --need "[ROLE]" [FILE]   for `make run`: FILE must be there and of ROLE; is
#                                                   written if the role is both
#   scripts/init_config.sh --tell "[ROLE]" [FILE]   for `make`: says if it is not; if the template is not the
#                                                   one that FILE was written from or compared with last, as
#                                                   after `git pull`, asks as above, once
# FILE.template says which template that was, by its SHA-256: times mean nothing after `git clone` or `git pull`.
# IP_LOOKUP_SERVICES: URLs to ask for the address, instead of those below; empty: none is asked.
set -eu
# The file holds secrets: only its owner may read it.
umask 077

root="$(cd "$(dirname "$0")/.." && pwd)"
services="${IP_LOOKUP_SERVICES-http://ipv4.seriyps.com/ https://digitalresistance.dog/myIp}"
# For each of them.
lookup_seconds=2

fail() {
  echo "error: $*" >&2
  exit 1
}

# For a command line that the operator copies.
quote() {
  case "$1" in
    *[!A-Za-z0-9/._-]*) printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf '%s' "$1" ;;
  esac
}

# role_of FILE: as the file says.
role_of() {
  found="$(sed -n "s/^[[:space:]]*node_role[[:space:]]*=[[:space:]]*[\"']\([a-z]*\)[\"'].*/\1/p" "$1" | head -n 1)"
  echo "${found:-both}"
}

# What to type for an order to make about this file.
make_command() {
  if [ "$file" = "$root/config/prod.toml" ] || [ "$file" = config/prod.toml ]; then
    echo "make $1"
  else
    echo "make $1 CONFIG=$(quote "$file")"
  fi
}

# Our IPv4 address as others see it, or nothing.
find_address() {
  command -v curl > /dev/null || return 0
  octet='(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
  for service in $services; do
    found="$(curl -fsS -4 -m "$lookup_seconds" "$service" 2> /dev/null | head -c 100 | tr -d '[:space:]')" || true
    if printf '%s\n' "$found" | grep -Eqx "($octet\.){3}$octet" && [ "$found" != 0.0.0.0 ]; then
      echo "$found"
      return 0
    fi
  done
}

# The secret of the first port, if the file that is there has one: links go on working then.
kept_secret() {
  [ -e "$file" ] || return 0
  sed -n "s/^[[:space:]]*secret[[:space:]]*=[[:space:]]*[\"']\([0-9A-Fa-f]\{32\}\)[\"'].*/\1/p" "$file" | head -n 1
}

# Writes what FILE should be to $new.
render() {
  address="$1"
  secret="$(kept_secret)"
  origin="the secret that it had"
  if [ -z "$secret" ]; then
    origin="a new random secret"
    secret="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
    [ "${#secret}" -eq 32 ] || fail "no randomness"
  fi
  {
    # As a script, so that the secret is not in a command line.
    printf '%s\n' "s/@SECRET@/$secret/"
    [ -z "$address" ] || printf '%s\n' "s/^#external_ip = \"@EXTERNAL_IP@\"/external_ip = \"$address\"/"
    printf '%s\n' "s/@EXTERNAL_IP@/203.0.113.1/"
  } | sed -f - "$template" > "$new"
}

# masked FILE: without the values of secrets, however they are written, well or not.
masked() {
  awk '
    # Inside of what began on a line before.
    closing != "" { if (index($0, closing)) closing = ""; print "(secret)"; next }
    /-----BEGIN/ { if (!index($0, "-----END")) closing = "-----END"; print "(secret)"; next }
    {
      line = tolower($0)
      # A comment may speak of secrets; only what looks like a setting counts there.
      name = "(secret|salt|cookie|tag)[\"\047]?"
      follows = line ~ /^[ \t]*#/ ? "[ \t]*[=:]" : "([ \t]*[]=:.\"\047[]|[ \t]+[^ \t])"
      if (!match(line, name follows)) { print; next }
      start = RSTART
      match(substr(line, start), name "[ \t]*=?")
      rest = substr($0, start + RLENGTH)
      print substr($0, 1, start + RLENGTH - 1) " (secret)"
      sub(/^[ \t]*/, "", rest)
      quotes = substr(rest, 1, 3)
      if (quotes == "\"\"\"" || quotes == "\047\047\047") {
        if (!index(substr(rest, 4), quotes)) closing = quotes
      } else if (substr(rest, 1, 1) == "[" && !index(rest, "]")) closing = "]"
    }' "$1" | sed 's/[0-9A-Fa-f]\{16,\}/(secret)/g'
}

# Shows what would change.
show_changes() {
  masked "$file" > "$work/old"
  masked "$new" > "$work/new"
  echo "$file would change (-: as it is, +: as the template has it):"
  if diff -u "$work/old" "$work/new" > "$work/diff"; then
    echo "  only in secrets, which are not shown"
  else
    # Without the names of our temporary files.
    sed 1,2d "$work/diff"
  fi
}

# Whether the file that is there may be replaced; says so if not.
may_replace() {
  if [ ! -t 0 ]; then
    echo "Left $file as it is: nobody to ask, as the input is no terminal"
    return 1
  fi
  printf 'Replace it? The old one stays as %s.bak. [y/N] ' "$file"
  read -r answer || answer=""
  case "$answer" in
    y | Y | yes | Yes | YES) return 0 ;;
  esac
  echo "Left $file as it is"
  return 1
}

# template_of ROLE
template_of() {
  case "$1" in
    both) echo "$root/config/template.toml" ;;
    *) echo "$root/config/template.$1.toml" ;;
  esac
}

# What FILE.template says if FILE is up to date with the template.
template_mark() { echo "$(sha256sum < "$template" | cut -d ' ' -f 1)  $(basename "$template")"; }

# The operator has the template's content in FILE, or has seen it and said no.
record_template() { template_mark > "$file.template"; }

# write ADDRESS: from the template to FILE, unless that is not wanted. Sets `written` to yes or no. Not to
# be called in a condition: every failure must end the script.
write() {
  written=no
  template="$(template_of "$role")"
  [ -d "$(dirname "$file")" ] || fail "there is no directory $(dirname "$file")"
  [ ! -d "$file" ] || fail "$file is a directory"
  [ ! -L "$file" ] || file="$(readlink -f "$file")"
  [ ! -e "$file" ] || [ -r "$file" ] || fail "$file can't be read"
  work="$(mktemp -d)"
  new=""
  trap 'rm -rf "$work" ${new:+"$new"}' EXIT
  trap 'exit 1' HUP INT TERM
  # Beside the file: it takes its place in one step.
  new="$(mktemp "$file.XXXXXX")"
  render "$1"
  if [ -e "$file" ]; then
    if cmp -s "$new" "$file"; then
      echo "$file is as the template has it"
      record_template
      return
    fi
    show_changes
    if ! may_replace; then
      [ ! -t 0 ] || record_template
      return 0
    fi
    cp -p "$file" "$file.bak"
    chmod 600 "$file.bak"
    chown --reference="$file" "$new" 2> /dev/null || true
  fi
  mv "$new" "$file"
  new=""
  record_template
  written=yes
  case "$role" in
    back) echo "Wrote $file. Options: doc/config.md" ;;
    *) echo "Wrote $file with $origin. Options: doc/config.md" ;;
  esac
}

# The address in the file that is there, if there is one.
kept_address() {
  sed -n "s/^[[:space:]]*external_ip[[:space:]]*=[[:space:]]*[\"']\([0-9.]*\)[\"'].*/\1/p" "$file" | head -n 1
}

# If the template is not the one that FILE was written from, or that the operator has refused since: as
# `make init-config`.
offer_new_template() {
  template="$(template_of "$role")"
  mark="$(readlink -f "$file").template"
  [ -r "$file" ] && [ -w "$(dirname "$mark")" ] || return 0
  if [ ! -e "$mark" ]; then
    echo "It is not known which template $file was written from."
  elif [ "$(cat "$mark")" != "$(template_mark)" ]; then
    echo "config/$(basename "$template") has changed since $file was written."
  else
    return 0
  fi
  write "$(kept_address)"
}

# What is left to do by hand.
tell_next() {
  case "$role" in
    both)
      if [ -n "$1" ]; then
        echo "Clients will reach this server at $1, if nothing else is in front of it."
      else
        echo "This server's address as others see it is not known: the proxy will find out itself."
      fi
      echo "Next: look through $(quote "$file"), then $(make_command run)"
      ;;
    front)
      if [ -n "$1" ]; then
        echo "Links will have the server address $1 (external_ip)."
      else
        echo "This server's address as clients see it is not known: set external_ip, for the links."
      fi
      echo "Next: set back_node and the files of [node_link], then $(make_command "run ROLE=front")"
      ;;
    back)
      if [ -n "$1" ]; then
        echo "Telegram will see this server as $1 (external_ip)."
      else
        echo "This server's address as Telegram sees it is not known: set external_ip if it is behind NAT."
      fi
      echo "Next: make the files of [node_link], list the fronts in allowed_nodes, then $(make_command "run ROLE=back")"
      ;;
  esac
}

mode=init
case "${1-}" in
  --need | --tell)
    mode="${1#--}"
    shift
    ;;
esac
role="${1-}"
file="${2:-$root/config/prod.toml}"
case "$mode:$role" in
  *:both | *:front | *:back | need: | tell:) ;;
  *)
    echo "error: a node is of role both, front or back, not \"$role\"" >&2
    exit 2
    ;;
esac

# What is wrong with FILE for this role; nothing if it will do.
wrong=""
if [ ! -e "$file" ]; then
  wrong="There is no $file yet. Write it with: $(make_command "init-config ROLE=${role:-both}")"
elif [ -n "$role" ] && [ -r "$file" ] && [ "$(role_of "$file")" != "$role" ]; then
  wrong="$file is of a node of role $(role_of "$file"), not $role. Write another with: make init-config ROLE=$role CONFIG=FILE"
fi

case "$mode" in
  init)
    address="$(find_address)"
    write "$address"
    [ "$written" = no ] || tell_next "$address"
    ;;
  need)
    if [ ! -e "$file" ] && [ "${role:-both}" = both ]; then
      role=both
      write ""
    elif [ -n "$wrong" ]; then
      fail "$wrong"
    fi
    ;;
  tell)
    # Without a ROLE there was no question about it.
    [ -z "$role" ] || [ -z "$wrong" ] || echo "$wrong"
    if [ -z "$wrong" ]; then
      role="$(role_of "$file")"
      # Whatever else it is of, there is no template for.
      [ ! -e "$(template_of "$role")" ] || offer_new_template
    fi
    ;;
esac
