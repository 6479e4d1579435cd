#!/usr/bin/env bash
# The clock of the wall jumps under a gateway with 200 clients: half an hour on, a day back, to where it was, three seconds back and on. In a virtual machine,
# where it can be set without a bother to anybody; docs/performance/million.sh says what that needs. For people, not part of the tests:
#
#     [BINARIES=build/release/app] tests/drills/clock.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
GUEST=tests/drills/clock_guest.sh WORK=build/clock MEMORY_MB=1024 CLIENTS=5000 docs/performance/million.sh
