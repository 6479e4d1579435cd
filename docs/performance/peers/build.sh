#!/usr/bin/env bash
# Builds the servers that docs/performance/measure.sh --peers measures beside Carillon, those that are not there yet:
#   docs/performance/peers/build.sh DIRECTORY
# Needs Go for Centrifugo and for the server on gobwas/ws, npm for uWebSockets; without them it goes without these. Nchan is nginx's module.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=${1:?the directory for what is built}
mkdir -p "$here"
here=$(realpath "$here")

build_with_go() { # NAME MODULE'S DIRECTORY PACKAGE
    [ ! -x "$here/$1" ] || return 0
    echo "Building $1 ..."
    (cd "$2" && nice -n 10 go build -p 1 -o "$here/$1" "$3")
}
if command -v go >/dev/null; then
    build_with_go gobwas docs/performance/peers/gobwas .
    # Its go.mod has no package of its own, and go build may want to write beside it.
    mkdir -p "$here/module"
    cp tests/peers/go.mod tests/peers/go.sum "$here/module/"
    build_with_go centrifugo "$here/module" github.com/centrifugal/centrifugo/v6
else
    echo "Go is missing: neither Centrifugo nor gobwas"
fi

if [ ! -d "$here/uwebsockets/node_modules" ] && command -v npm >/dev/null; then
    echo "Installing uWebSockets ..."
    mkdir -p "$here/uwebsockets"
    cp docs/performance/peers/uwebsockets/package*.json "$here/uwebsockets/"
    (cd "$here/uwebsockets" && npm ci --ignore-scripts --no-audit --no-fund >install.log 2>&1) || { cat "$here/uwebsockets/install.log"; exit 1; }
fi
