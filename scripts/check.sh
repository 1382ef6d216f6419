#!/bin/sh
# Format, length, layers, shell scripts, and clang-tidy on what differs from BASE (default: where this
# branch left origin/main, else the commit before the last): changed sources, then sources that include
# a changed header; at most TIDY_MAX of them, if that is set. "scripts/check.sh all" runs clang-tidy on
# everything.
set -eu
cd "$(dirname "$0")/.."

ours() { git ls-files -- '*.hpp' '*.cpp' | grep -v '^build/'; }

echo "format"
ours | xargs clang-format --dry-run --Werror

echo "length"
most_lines=400
ours | xargs awk -v most="$most_lines" '
  FNR == most + 1 { print "error: " FILENAME " has more than " most " lines"; long = 1 }
  END { exit long }' >&2

echo "layers"
scripts/check_layers.sh

echo "shell scripts"
shellcheck scripts/*.sh tests/scripts/*.sh .ci/run

rooms="codecs config net actors app"
# shellcheck disable=SC2086 # a list of words
sources() { ours | grep -E "^($(echo $rooms | tr ' ' '|'))/.*\.cpp$"; }
# The latest first, as not all may be checked. A base that is no commit has no log.
# shellcheck disable=SC2086 # a list of words
changed() {
  {
    git diff --name-only HEAD -- $rooms
    git log --name-only --format= "$base..HEAD" -- $rooms 2> /dev/null || true
    git diff --name-only "$base" -- $rooms
  } | awk '!seen[$0]++' | while read -r file; do [ ! -e "$file" ] || echo "$file"; done
}
# Sources that include a changed header themselves.
users() {
  changed | grep '\.hpp$' | while read -r header; do
    # shellcheck disable=SC2086 # a list of words
    grep -rlF --include='*.cpp' "#include \"$header\"" $rooms || true
  done
}

if [ "${1:-}" = all ]; then
  files="$(sources)"
else
  base="${BASE:-$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse HEAD~1)}"
  git cat-file -e "$base" || { echo "error: there is no commit $base to compare with" >&2; exit 1; }
  files="$({ changed | grep '\.cpp$' || true; users; } | awk '!seen[$0]++')"
fi
if [ -n "$files" ]; then
  echo "clang-tidy"
  if [ -n "${TIDY_MAX:-}" ] && [ "$(echo "$files" | wc -l)" -gt "$TIDY_MAX" ]; then
    echo "Of these, as more than $TIDY_MAX would take too long, nothing is checked by it:"
    echo "$files" | tail -n "+$((TIDY_MAX + 1))" | sed 's/^/  /'
    files="$(echo "$files" | head -n "$TIDY_MAX")"
  fi
  # A database without g++'s precompiled headers, which clang can't read.
  mkdir -p build
  cmake -S . -B build/tidy -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER=clang++ \
    -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DMTP_GROUP_SOURCES=OFF > build/tidy.log
  echo "$files" | xargs -r -n 1 -P "$(scripts/jobs.sh)" clang-tidy -p build/tidy --quiet
fi
echo "all good"
