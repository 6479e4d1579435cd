#!/usr/bin/env bash
# Builds and runs every test. Installs what is missing (Debian 12 or 13; as root or with sudo).
#   ./test.sh [--preset release|dev|asan|tsan|clang] [ctest arguments, such as -R hub]
set -euo pipefail
cd "$(dirname "$0")"
export DEBIAN_FRONTEND=noninteractive
. docker/packages.sh

preset=release
if [ "${1:-}" = --preset ]; then preset=$2; shift 2; fi

update_package_lists
# shellcheck disable=SC2046
install_missing $(build_packages) $(test_packages)
if [ "$preset" = clang ]; then install_missing clang-19; fi

# The npm clients need Node 20. Debian 12 has 18: a newer one is a package of npm's.
node=$(command -v node)
if [ "$("$node" -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
    tools=$PWD/build/tools
    arch=$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
    [ -x "$tools/node_modules/.bin/node" ] || [ -x "$tools/node_modules/node-linux-$arch/bin/node" ] ||
        npm install --silent --no-audit --no-fund --prefix "$tools" "node-linux-$arch@20"
    node=$tools/node_modules/node-linux-$arch/bin/node
fi
if ! cmp -s tests/node/package-lock.json tests/node/node_modules/.installed; then
    npm ci --silent --no-audit --no-fund --prefix tests/node
    cp tests/node/package-lock.json tests/node/node_modules/.installed
fi

# The clients of Python; with sanitizers those of Node have the same conversations.
python=
if [ "$preset" != asan ] && [ "$preset" != tsan ]; then
    # Where their packages cannot be had, everything else is tested all the same.
    if tests/sdk/environment; then
        python=$PWD/build/sdk/bin/python
    else
        echo "The clients of Python could not be installed: their tests are left out."
    fi
fi

mkdir -p build
echo "Building $preset ..."
cmake --preset "$preset" -DCARILLON_NODE="$node" -DCARILLON_PYTHON="$python" >"build/$preset.log" 2>&1 || { cat "build/$preset.log"; exit 1; }
cmake --build --preset "$preset" >>"build/$preset.log" 2>&1 || { tail -80 "build/$preset.log"; exit 1; }
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:alloc_dealloc_mismatch=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
ctest --preset "$preset" -j "$(nproc)" --timeout 600 --output-on-failure "$@"
