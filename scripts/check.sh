#!/bin/sh
# Format, layers, shell scripts, and clang-tidy on what differs from BASE (default: the last commit on
# main that is on its remote, else HEAD). "scripts/check.sh all" runs clang-tidy on everything.
set -eu
cd "$(dirname "$0")/.."

ours() { git ls-files -- '*.hpp' '*.cpp' | grep -v '^build/'; }

echo "format"
ours | xargs clang-format --dry-run --Werror

echo "layers"
scripts/check_layers.sh

echo "shell scripts"
shellcheck scripts/*.sh .ci/run

base="${BASE:-$(git rev-parse -q --verify origin/main || git rev-parse HEAD)}"
if [ "${1:-}" = all ]; then
  files="$(ours | grep -E '^(codecs|net|actors|app)/.*\.cpp$')"
else
  files="$(git diff --name-only --diff-filter=d "$base" -- 'codecs/*.cpp' 'net/*.cpp' \
    'actors/*.cpp' 'app/*.cpp')"
fi
if [ -n "$files" ]; then
  echo "clang-tidy"
  # A database without g++'s precompiled headers, which clang can't read.
  cmake -S . -B build/tidy -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER=clang++ \
    -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON > build/tidy.log
  echo "$files" | xargs -n 1 -P "$(nproc)" clang-tidy -p build/tidy --quiet
fi
echo "all good"
