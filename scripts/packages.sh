#!/bin/sh
# Installs the Debian packages that are missing.
#   scripts/packages.sh build   to build and run
#   scripts/packages.sh test    also to test
#   scripts/packages.sh check   also for `make check`
#   scripts/packages.sh sites   only web servers that tests put behind the proxy, if they are there, and a
#                               browser. Debian starts servers as services, so no target of the Makefile
#                               does this.
set -eu

build="ca-certificates g++ cmake ninja-build pkg-config ccache libcaf-dev libssl-dev libfmt-dev libspdlog-dev
  libtomlplusplus-dev libexpected-dev libcurl4-openssl-dev libc-ares-dev libcli11-dev libisal-dev libgmp-dev
  libmimalloc-dev libmicrohttpd-dev
  prometheus-cpp-dev doctest-dev librapidcheck-dev libbenchmark-dev"
# clang builds the fuzz targets; openssl and curl are TLS clients that end-to-end tests run; valgrind
# counts instructions; iproute2 and nftables make the networks of tests, libfaketime clocks that are
# wrong.
test="clang libclang-rt-14-dev openssl curl valgrind iproute2 nftables libfaketime"
check="git clang-format clang-tidy shellcheck"
# qemu-user is an older processor.
if [ "$(dpkg --print-architecture)" = amd64 ]; then
  build="$build libipsec-mb-dev"
  test="$test qemu-user"
fi

case "${1:-build}" in
  build) wanted="$build" ;;
  test) wanted="$build $test" ;;
  check) wanted="$build $test $check" ;;
  sites) wanted="nginx-light caddy chromium" ;;
  *) echo "usage: $0 build|test|check|sites" >&2; exit 2 ;;
esac

missing=""
for package in $wanted; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" ||
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "These packages are missing; install them as root and try again:" >&2
  echo "  apt-get install$missing" >&2
  exit 1
fi
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list of words
apt-get install -q -y --no-install-recommends $missing
