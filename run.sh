#!/usr/bin/env bash
# Builds Carillon and starts it with the embedded bus and the demo page. Installs what is missing (Debian 12 or 13; as root or
# with sudo). Arguments go to the gateway: ./run.sh --client-listen 127.0.0.1:8080
set -euo pipefail
cd "$(dirname "$0")"
export DEBIAN_FRONTEND=noninteractive
. docker/packages.sh

update_package_lists
# shellcheck disable=SC2046
install_missing $(build_packages) libgtest-dev redis-tools
cmake --preset release >build.log 2>&1 || { cat build.log; exit 1; }
echo "Building (the first time takes a few minutes) ..."
cmake --build --preset release --target carillon >>build.log 2>&1 || { tail -50 build.log; exit 1; }
rm -f build.log

cat <<'TEXT'

  The mailbox of the user "demo":   http://localhost:8000/
  Ring it from another terminal:    redis-cli -p 6390 PUBLISH mail:demo '{"from":"bob","subject":"hi"}'
  Health and metrics:               http://localhost:9000/livez  /readyz  /metrics
  Ctrl-C ends it.

TEXT
exec build/release/app/carillon --dev "$@"
