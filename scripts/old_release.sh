#!/bin/sh
# Builds the proxy of the release before this one, for tests of nodes one release apart (tests/e2e/split_versions_test.cpp),
# into build/old_release/mtproto-proxy; what is there already is kept. Some minutes. Without git or that
# commit (an archive, a shallow clone) it says so, and those tests are skipped.
set -eu
cd "$(dirname "$0")/.."

# The last one of link version 3.
commit=76c0c661a222cd30cf4ba56d1df3b88ae1106979
place=build/old_release
program=$place/mtproto-proxy

if [ -x "$program" ] && [ "$(cat "$place/commit" 2> /dev/null)" = "$commit" ]; then
  echo "$program"
  exit 0
fi
if ! git cat-file -e "$commit^{commit}" 2> /dev/null; then
  echo "$0: no commit $commit here: nothing is built" >&2
  exit 0
fi

rm -rf "$place"
mkdir -p "$place/source"
git archive "$commit" | tar -x -C "$place/source"
cmake -S "$place/source" -B "$place/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O2 -g1 -DNDEBUG" > "$place/log"
cmake --build "$place/build" -j "${JOBS:-$(nproc)}" --target mtproto-proxy >> "$place/log"
cp "$place/build/app/mtproto-proxy" "$program"
echo "$commit" > "$place/commit"
rm -rf "$place/source" "$place/build"
echo "$program"
