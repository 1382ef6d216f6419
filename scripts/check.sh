#!/bin/sh
# Format, layers, shell scripts, and clang-tidy on what differs from BASE (default: where this branch
# left origin/main, else the commit before the last): changed sources, and sources that include a
# changed header. "scripts/check.sh all" runs clang-tidy on everything.
set -eu
cd "$(dirname "$0")/.."

ours() { git ls-files -- '*.hpp' '*.cpp' | grep -v '^build/'; }

echo "format"
ours | xargs clang-format --dry-run --Werror

echo "layers"
scripts/check_layers.sh

echo "shell scripts"
shellcheck scripts/*.sh tests/scripts/*.sh .ci/run

base="${BASE:-$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse HEAD~1)}"
if [ "${1:-}" = all ]; then
  files="$(ours | grep -E '^(codecs|net|actors|app)/.*\.cpp$')"
else
  changed="$(git diff --name-only --diff-filter=d "$base" -- codecs net actors app)"
  files="$(
    for one in $changed; do
      case "$one" in
        *.cpp) echo "$one" ;;
        *.hpp) grep -l "#include \"$one\"" codecs/*.cpp net/*.cpp actors/*.cpp app/*.cpp || true ;;
      esac
    done | sort -u
  )"
fi
if [ -n "$files" ]; then
  echo "clang-tidy"
  # A database without g++'s precompiled headers, which clang can't read.
  cmake -S . -B build/tidy -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER=clang++ \
    -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON > build/tidy.log
  echo "$files" | xargs -n 1 -P "$(nproc)" clang-tidy -p build/tidy --quiet
fi
echo "all good"
