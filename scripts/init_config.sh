#!/bin/sh
# Writes a configuration from the template, with a fresh random secret. Leaves an existing one alone.
#   scripts/init_config.sh [FILE]
set -eu
cd "$(dirname "$0")/.."

file="${1:-config/prod.toml}"
[ ! -e "$file" ] || exit 0

secret="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
[ "${#secret}" -eq 32 ] || { echo "no randomness" >&2; exit 1; }
# The file holds the secret: nobody else reads it.
umask 077
sed "s/@SECRET@/$secret/" config/template.toml > "$file.new"
mv "$file.new" "$file"
echo "Wrote $file with a new random secret. Options: doc/config.md"
