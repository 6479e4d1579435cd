#!/usr/bin/env bash
# Measures Carillon and other servers, each beside Carillon in turns, one processor each:
#
#   docs/performance/peers/run.sh [OPTION VALUE]...
#
# --results DIRECTORY   for a file of each measurement (build/peers/results); report.mjs makes the page of them
# --built DIRECTORY     what build.sh has built (build/peers)
# --carillon PROGRAM    --bench PROGRAM     the gateway, the load generator
# --peers NAME,...      centrifugo, gobwas, uwebsockets, nchan; all that are there unless told otherwise
# --rounds N            how often everything is done (3); every other round the peer comes first
# --connections N       that are idle (3000)
# --storm N             that connect at once, leave and connect again (1000)
# --subscribers N       of a channel (500); and as many own channels for unicast
# --rate N              publications a second to the channel of all subscribers (16)
# --unicast N           messages a second, to one each (500)
# --seconds N           of each scene (1)
# --server-cpu N        --load-cpus N,...   processors of the servers and of the load generator; without them the system decides
# --port N              this one and the next are free (17900)
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=docs/performance/peers
. "$here/servers.sh"

results=build/peers/results built=build/peers carillon=build/bench/app/carillon bench=build/bench/app/carillon-bench
peers=centrifugo,gobwas,uwebsockets,nchan rounds=3 connections=3000 storm=1000 subscribers=500 rate=16 unicast=500 seconds=1
server_cpu= load_cpus= port=17900 nginx=/usr/sbin/nginx
while [ $# -gt 1 ]; do
    case $1 in
        --results | --built | --carillon | --bench | --peers | --rounds | --connections | --storm | --subscribers | --rate | --unicast | \
            --seconds | --server-cpu | --load-cpus | --port)
            name=${1#--}
            declare "${name//-/_}=$2"; shift 2 ;;
        *) break ;;
    esac
done
[ $# -eq 0 ] || { awk 'NR > 1 { if (!/^#/) exit; print }' "$0"; exit 2; }
client_port=$port control_port=$((port + 1))
here=$(realpath "$here") built=$(realpath -m "$built")
mkdir -p "$results"
rm -f "$results"/beside-*.json "$results"/beside-*.txt
ulimit -n "$(ulimit -Hn)"
began=$(date +%s) failed=
token=$("$carillon" token --user 42 --ttl 1h --token-hmac-secret "$(sed -n 's/^token_hmac_secret = "\(.*\)"$/\1/p' "$here/carillon.toml")")

server=
stop() {
    [ -n "$server" ] || return 0
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
}
trap stop EXIT

await_port() {
    for _ in $(seq 400); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    echo "The server did not start:"; tail -5 "$log"; exit 1
}

start() { # SERVER
    workers= log=$results/$1.log
    "server_$1"
    ${server_cpu:+taskset -c "$server_cpu"} "${command[@]}" >"$log" 2>&1 &
    server=$!
    for each in $ports; do await_port "$each"; done
    counted=(--server-pid "$server")
    [ -n "$workers" ] || return 0
    for _ in $(seq 400); do pgrep -P "$server" >/dev/null && break; sleep 0.05; done
    counted=()
    for each in $(pgrep -P "$server"); do counted+=(--server-pid "$each"); done
}

# one PEER SCENE SERVER ROUND WITH ARGUMENT...: a server, one scene, and its end. WITH: token, or nothing.
one() {
    local peer=$1 name=$2 who=$3 round=$4 with=$5; shift 5
    local file=$results/beside-$peer-$name.$who.$round scene=$1
    printf '%4d s  %s\n' $(($(date +%s) - began)) "$(basename "$file")"
    start "$who"
    [ "$with" != token ] || speak_with_token
    case $scene in fanout | unicast) ;; *) publish=() ;; esac
    "$bench" "$@" "${speak[@]}" "${publish[@]}" "${counted[@]}" ${load_cpus:+--cpus "$load_cpus"} --quiet --json "$file.json" \
        >"$file.txt" 2>&1 || { echo "failed:"; cat "$file.txt"; failed=yes; }
    stop
}

# both PEER SCENE WITH ARGUMENT...: Carillon and the peer, one after the other.
both() {
    local peer=$1 name=$2 with=$3 order=(carillon "${1%%-*}") who; shift 3
    [ $((round % 2)) -eq 1 ] || order=("${order[1]}" carillon)
    for who in "${order[@]}"; do one "$peer" "$name" "$who" "$round" "$with" "$@"; done
}

deliveries() { # PEER [ARGUMENT...]: at a rate, and as fast as one publication follows the other
    local peer=$1; shift
    both "$peer" fanout "" fanout --connections "$subscribers" --rate "$rate" --warm-up 0.5 --duration "$seconds" "$@"
    both "$peer" limit "" fanout --connections "$subscribers" --rate 0 --in-flight 1 --publishers 1 --warm-up 0.5 --duration "$seconds" "$@"
}

for round in $(seq "$rounds"); do
    for peer in ${peers//,/ }; do
        why=$("lacks_$peer")
        [ -z "$why" ] || { [ "$round" -gt 1 ] || echo "$peer is left out: $why"; continue; }
        both "$peer" idle "" idle --connections "$connections" --from $((connections / 10)) --duration 1
        both "$peer" storm "" storm --connections "$storm"
        deliveries "$peer"
        both "$peer" unicast "" unicast --connections "$subscribers" --rate "$unicast" --publishers 16 --warm-up 0.5 --duration "$seconds"
        [ "$peer" = centrifugo ] || continue
        both centrifugo-tokens storm token storm --connections "$storm"
        deliveries centrifugo-history --channel kept:bench
    done
done
echo "Measured in $(($(date +%s) - began)) s."
[ -z "$failed" ] || exit 1
