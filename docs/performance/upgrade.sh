#!/bin/bash
# A new binary in the middle of everything (docs/operations.md): clients with a channel each, publications by way of another gateway.
#   docs/performance/upgrade.sh FOLDER_OF_PROGRAMS [CONNECTIONS [PUBLICATIONS_A_SECOND [SCENE [SHARDS]]]]
# Needs redis-server and curl, and the ports 7301 to 7304 and 7399. Exit code of carillon-bench: 0 if nothing was lost, doubled or dropped.
set -u
programs=$1 connections=${2:-15000} rate=${3:-500} scene=${4:-unicast} shards=${5:-1}
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$folder"' EXIT
cat >"$folder/carillon.toml" <<'T'
api_key = "open-sesame"
anonymous = true
drain_window_ms = 0
[[namespace]]
subscribe = ["anonymous"]
history_size = 100
recovery = "stream"
T
common=(--config "$folder/carillon.toml" --bus redis://127.0.0.1:7399)
upgraded=("${common[@]}" --client-listen 127.0.0.1:7303 --control-listen 127.0.0.1:7304 --shards "$shards" --upgrade-socket "$folder/upgrade")
redis-server --port 7399 --save '' --appendonly no --dir "$folder" >/dev/null &
until redis-cli -p 7399 ping >/dev/null 2>&1; do sleep 0.1; done
"$programs/carillon" "${common[@]}" --client-listen 127.0.0.1:7301 --control-listen 127.0.0.1:7302 2>/dev/null &
"$programs/carillon" "${upgraded[@]}" 2>"$folder/old.log" &
old=$!
until curl -sf localhost:7302/readyz && curl -sf localhost:7304/readyz; do sleep 0.1; done
"$programs/carillon-bench" "$scene" --connections "$connections" --rate "$rate" --duration 25 --url ws://127.0.0.1:7303/connection/websocket \
  --publish http://127.0.0.1:7302/api/publish --publish-header 'X-API-Key: open-sesame' \
  --publish-body '{"channel":"{channel}","data":{payload}}' &
bench=$!
open() { curl -s localhost:7304/metrics | awk '/^carillon_connections_open.*websocket/ { all += $2 } END { print int(all) }'; }
until [ "$(open)" -ge "$connections" ]; do sleep 0.2; done
sleep 4
"$programs/carillon" upgrade "${upgraded[@]}" 2>"$folder/new.log" &
wait $old
echo "the old process has ended with $?"
wait $bench
code=$?
grep -h 'upgrade:' "$folder/old.log" "$folder/new.log"
exit $code
