#!/usr/bin/env bash
# Measures Carillon beside the floor and the idiomatic baseline in one run, then rewrites the tables of docs/performance.md
# and the charts in docs/performance/. Debian 12 or 13, two processors or more, root or sudo for what is missing.
#
#   docs/performance/measure.sh [--rounds N] [--results DIRECTORY] [--no-build] [--only SCENE,...] [--peers]
#
# The servers have one processor, the load generator another. What the targets compare with the floor is measured in pairs, Carillon and
# the floor at the same time; figures are of servers that run alone. Rounds of both: 8 unless told otherwise; of the rest there are
# at most 3. About 18 minutes, with the build.
# --only: fanout, burst, echo, unicast, pair, idle, storm, churn, growth, shards, ablation, redis, carriers, peers; the results of the
# others stay.
# --peers measures other servers, too (docs/performance/peers), which adds 5 minutes; with --only peers nothing else.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DEBIAN_FRONTEND=noninteractive
. docker/packages.sh

rounds=8 results=build/measure build=yes only= peers=
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift 2 ;;
        --results) results=$2; shift 2 ;;
        --no-build) build=; shift ;;
        --only) only=,$2,; shift 2 ;;
        --peers) peers=yes; shift ;;
        *) awk 'NR > 1 { if (!/^#/) exit; print }' "$0"; exit 2 ;;
    esac
done
all_scenes="fanout burst echo unicast pair idle storm churn growth shards ablation redis carriers peers"
for scene in ${only//,/ }; do
    case " $all_scenes " in *" $scene "*) ;; *) echo "--only $scene: there is no such scene; there are $all_scenes"; exit 2 ;; esac
done
case $only in *,peers,*) peers=yes ;; esac
began=$(date +%s)
few=$((rounds < 3 ? rounds : 3))

if [ -n "$build" ]; then
    update_package_lists
    # shellcheck disable=SC2046
    install_missing $(build_packages) libbenchmark-dev
    [ -z "$peers" ] || install_missing nginx-light libnginx-mod-nchan
    command -v node >/dev/null || install_missing nodejs
    mkdir -p build
    echo "Building ..."
    cmake --preset bench -DCARILLON_TESTS=OFF >build/bench.log 2>&1 && cmake --build --preset bench >>build/bench.log 2>&1 ||
        { tail -50 build/bench.log; exit 1; }
    [ -z "$peers" ] || docs/performance/peers/build.sh build/peers
fi
command -v node >/dev/null || { echo "node, which writes the tables, is missing"; exit 2; }
[ -r /proc/slabinfo ] || echo "Only root may read /proc/slabinfo: the kernel's share of the memory will be in whole pages."

# Nothing is removed but from a directory of this script's own.
mark=$results/.made-by-measure.sh
if [ -n "$(ls -A "$results" 2>/dev/null)" ] && [ ! -e "$mark" ]; then
    echo "$results has files of somebody else's in it"
    exit 2
fi
mkdir -p "$results"
touch "$mark"
# What an earlier run left would be taken for this one's.
remove() { local each; for each in "$@"; do rm -f "$results"/$each; done; }
if [ -z "$only" ]; then remove '*.json' '*.txt' '*.csv' '*.log'; fi
for scene in ${only//,/ }; do
    case $scene in
        pair) remove 'pair-*.json' ;;
        idle) remove 'idle.floor.*' 'idle.carillon.*' 'idle.idiomatic.*' 'own.*' ;;
        growth) remove 'connections-*' 'bytes-*' 'each-*' 'channels-*' ;;
        shards) remove 'shards-*' ;;
        ablation) remove '*.carillon-*' ;;
        redis) remove 'redis.csv' ;;
        carriers | peers) ;; # they write all of theirs anew
        *) remove "$scene.floor.*" "$scene.carillon.*" "$scene.idiomatic.*" ;;
    esac
done

ulimit -n "$(ulimit -Hn)"
# As many connections as one process may have, and a few descriptors for the rest.
connections=$(($(ulimit -n) - 2000))
[ "$connections" -le 18000 ] || connections=18000
# Channels share them evenly.
connections=$((connections / 1000 * 1000))
[ "$connections" -gt 4000 ] || { echo "Too few files may be open: ulimit -Hn says $(ulimit -Hn)"; exit 2; }
# One processor for the servers and one for the load generator: of those that this shell may use, two that are not halves of one core.
core_of() { cat "/sys/devices/system/cpu/cpu$1/topology/physical_package_id" "/sys/devices/system/cpu/cpu$1/topology/core_id" 2>/dev/null || echo "$1"; }
mapfile -t processors < <(awk '$1 == "Cpus_allowed_list:" { n = split($2, parts, ",")
    for (i = 1; i <= n; ++i) { m = split(parts[i], ends, "-"); for (c = ends[1]; c <= ends[m]; ++c) print c } }' /proc/self/status)
[ "${#processors[@]}" -ge 2 ] || { echo "Two processors are needed"; exit 2; }
server_cpus=${processors[0]} load_cpus=
for each in "${processors[@]:1}"; do
    if [ "$(core_of "$each")" != "$(core_of "$server_cpus")" ]; then load_cpus=$each; break; fi
done
if [ -z "$load_cpus" ]; then
    load_cpus=${processors[1]}
    echo "Processors $server_cpus and $load_cpus are halves of one core: servers and load generator will be in each other's way."
fi
one_cpu=$server_cpus both_cpus=$server_cpus,$load_cpus
bench=build/bench/app/carillon-bench

# A server's ports, one after another; in a pair each has its own.
at_ports() { client_port=$1 bus_port=$(($1 + 1)) control_port=$(($1 + 2)); }
at_ports 17800

running=()
stop() {
    local each
    for each in "${running[@]}"; do
        kill "$each" 2>/dev/null || true
        wait "$each" 2>/dev/null || true
    done
    running=()
}
trap stop EXIT

await_port() {
    for _ in $(seq 200); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    echo "The server did not start:"; tail -5 "$log"; exit 1
}

# start carillon|floor|idiomatic|... [argument...]: on the server's processors; sets `server` and how to reach it.
start() {
    local name=$1 command; shift
    local websocket="ws://127.0.0.1:$client_port/connection/websocket"
    publish=(--publish "redis://127.0.0.1:$bus_port")
    case $name in
        floor)
            command=(build/bench/tests/bench/carillon-floor --port "$client_port" --bus-port "$bus_port")
            speak=(--protocol plain --url "ws://127.0.0.1:$client_port/{channel}") ;;
        idiomatic)
            command=(build/bench/tests/bench/carillon-idiomatic --port "$client_port" --bus-port "$bus_port")
            speak=(--protocol centrifuge --url "$websocket") ;;
        *)
            local program=build/bench/app/carillon
            [ "$name" = carillon ] || program=build/bench/tests/bench/$name
            command=("$program" --dev --shards "${shards:-1}" --client-listen "127.0.0.1:$client_port"
                --bus-listen "127.0.0.1:$bus_port" --control-listen "127.0.0.1:$control_port"
                --connections-max $((connections + 500)))
            speak=(--protocol centrifuge --url "$websocket") ;;
    esac
    log=$results/$name.log
    taskset -c "$server_cpus" "${command[@]}" "$@" >"$log" 2>&1 &
    server=$!
    running+=("$server")
    await_port "$client_port"
    await_port "$bus_port"
    counted=(--server-pid "$server")
}

# load FILE SCENE [argument...]: one scene against the server that was started last.
load() {
    local file=$1 scene=$2; shift 2
    case $scene in fanout | unicast) ;; *) publish=() ;; esac
    "$bench" "$scene" "${speak[@]}" "${publish[@]}" "${counted[@]}" --cpus "$load_cpus" \
        --quiet --json "$results/$file.json" "$@" >"$results/$file.txt" 2>&1 ||
        { echo "failed:"; cat "$results/$file.txt"; return 1; }
}

# measure FILE SCENE [argument...]: the same, then the server's end.
measure() {
    printf '%4d s  %s\n' $(($(date +%s) - began)) "$1"
    load "$@" || failed=yes
    stop
}

# pair ROUND NAME SCENE [argument...]: the floor and Carillon at the same time, each with a load generator of its own, so that whatever
# disturbs the machine disturbs both alike. The system divides the processor; CPU time is each server's own. With NAME greeting the floor
# also gets one message of each connection and answers it, as whoever knows who subscribes must.
pair() {
    local round=$1 name=$2 scene=$3 order=(floor carillon) each loads=(); shift 3
    printf '%4d s  pair-%s.%d\n' $(($(date +%s) - began)) "$name" "$round"
    [ $((round % 2)) -eq 1 ] || order=(carillon floor)
    for each in "${order[@]}"; do
        local by_path=() hello=()
        if [ "$each" = floor ]; then
            at_ports 17810
            [ "$name" != unicast ] || by_path=(--by-path)
            [ "$name" != greeting ] || hello=(--hello '{"id":1,"connect":{}}' --hello-reply connect)
        fi
        start "$each" "${by_path[@]}"
        speak+=("${hello[@]}")
        load "pair-$name.$each.$round" "$scene" "$@" &
        loads+=($!)
        at_ports 17800
    done
    for each in "${loads[@]}"; do wait "$each" || failed=yes; done
    stop
}

wanted() { [ -z "$only" ] || case $only in *,$1,*) ;; *) return 1 ;; esac; }

all="floor carillon idiomatic"
failed=

# The scenes that the targets speak of, once.
targets_of() { # SERVER ROUND
    local name=$1 round=$2
    if wanted fanout; then
        start "$name"
        measure "fanout.$name.$round" fanout --connections "$connections" --rate 4 --warm-up 0.5 --duration 2
    fi
    if wanted burst && [ "$round" -le "$few" ]; then
        start "$name"
        measure "burst.$name.$round" fanout --connections "$connections" --rate 8 --burst 20 --warm-up 1 --duration 2.5 --timeout 30
    fi
    if wanted echo; then
        start "$name"
        measure "echo.$name.$round" echo --connections 64 --warm-up 0.3 --duration 1.5
    fi
    if wanted unicast; then
        if [ "$name" = floor ]; then start floor --by-path; else start "$name"; fi
        measure "unicast.$name.$round" unicast --connections "$connections" --rate 15000 --warm-up 0.5 --duration 2
    fi
}

# In turns, and in the opposite order every other time, so that what changes on the machine meets all alike.
for round in $(seq "$rounds"); do
    if [ $((round % 2)) -eq 1 ]; then order="floor carillon"; else order="carillon floor"; fi
    [ "$round" -gt "$few" ] || order="$order idiomatic"
    for name in $order; do targets_of "$name" "$round"; done
    if wanted pair; then
        pair "$round" fanout fanout --connections "$connections" --rate 2 --warm-up 0.5 --duration 3
        pair "$round" greeting idle --connections "$connections" --from 1 --duration 0.5
        pair "$round" echo echo --connections 64 --warm-up 0.5 --duration 2
        pair "$round" unicast unicast --connections "$connections" --rate 7500 --warm-up 0.5 --duration 2
    fi
done

# What an idle connection costs, and to hold it through one ping (25 s).
if wanted idle; then
    for name in $all; do
        length=26
        [ "$name" != floor ] || length=1 # it sends none
        start "$name"
        measure "idle.$name.1" idle --connections "$connections" --from 1500 --duration "$length"
    done
    start carillon
    measure "own.carillon.1" idle --connections "$connections" --from 1500 --duration 1 --own-channels
fi

# Everybody at once, and coming and going.
for round in $(seq "$few"); do
    for name in $all; do
        if wanted storm; then
            start "$name"
            measure "storm.$name.$round" storm --connections "$connections"
        fi
        if wanted churn; then
            start "$name"
            measure "churn.$name.$round" churn --connections 5000 --rate 1000 --duration 4
        fi
    done
done

# How cost grows.
grow() { # NAME ROUND SCENE [argument...]
    local name=$1 round=$2; shift 2
    start carillon
    measure "$name.carillon.$round" "$@" --warm-up 0.5 --duration 2
}
if wanted growth; then
    for round in $(seq "$few"); do
        for count in 1000 4000; do
            grow "connections-$count" "$round" fanout --connections "$count" --rate $((72000 / count))
        done
        for size in 1024 8192; do
            grow "bytes-$size" "$round" fanout --connections 4000 --payload-bytes "$size" --rate 20
        done
        # The same number of deliveries a second over fewer channels with more subscribers each, then over fewer connections.
        for each in 10 100 1000; do
            grow "each-$each" "$round" unicast --connections "$connections" --channels $((connections / each)) --rate $((15000 / each))
        done
        for count in 1000 4000; do
            grow "channels-$count" "$round" unicast --connections "$count" --rate 15000
        done
    done
fi

# Two floors with half of the connections and a processor each, at the same time: what the second processor is worth to servers that
# share nothing.
two_floors() { # ROUND
    local each loads=()
    printf '%4d s  shards-floors-2.%d\n' $(($(date +%s) - began)) "$1"
    for each in 1 2; do
        if [ "$each" = 1 ]; then server_cpus=$one_cpu; else server_cpus=$load_cpus; at_ports 17810; fi
        start floor
        load "shards-floors-2-$each.floor.$1" fanout --connections $((connections / 2)) "${alone[@]}" &
        loads+=($!)
    done
    for each in "${loads[@]}"; do wait "$each" || failed=yes; done
    stop
    at_ports 17800
}

# Two shards beside one, left to the kernel, and each on a processor of its own; and the same of floors. Nobody reads while the server
# is measured, so that it has both processors.
if wanted shards; then
    alone=(--read-later --rate 0 --in-flight 1 --warm-up 0.5 --duration 2)
    for round in $(seq "$rounds"); do
        server_cpus=$both_cpus
        for name in 1 2 2-pinned; do
            pin=()
            [ "$name" != 2-pinned ] || pin=(--pin-shards)
            shards=${name%%-*} start carillon "${pin[@]}"
            measure "shards-$name.carillon.$round" fanout --connections "$connections" "${alone[@]}"
        done
        start floor
        measure "shards-floors-1.floor.$round" fanout --connections "$connections" "${alone[@]}"
        two_floors "$round"
    done
    server_cpus=$one_cpu
fi

# The article's optimisations, each compiled out.
if wanted ablation; then
    for name in carillon-parked-readers carillon-parked-writers carillon-parked carillon-single-sends; do
        # A parked reader keeps its lease.
        pool=()
        case $name in carillon-parked-readers | carillon-parked) pool=(--work-pool $((connections + 500)) --read-buffer-bytes 4096) ;; esac
        start "$name" "${pool[@]}"
        measure "idle.$name.1" idle --connections "$connections" --from 1500 --duration 1
        for round in $(seq "$few"); do
            start "$name" "${pool[@]}"
            measure "fanout.$name.$round" fanout --connections "$connections" --rate 4 --warm-up 0.5 --duration 2
        done
        start "$name" "${pool[@]}"
        measure "burst.$name.1" fanout --connections "$connections" --rate 8 --burst 20 --warm-up 1 --duration 2.5 --timeout 30
    done
fi

# Publishing at the bus door beside redis-server. redis-benchmark has the second processor, and so have the subscribers.
against_redis() { # ROW SUBSCRIBERS COUNT ARGUMENT...
    local row=$1 listeners=$2 count=$3 subscribers= before after; shift 3
    if [ "$listeners" -gt 0 ]; then
        taskset -c "$load_cpus" node docs/performance/subscribers.mjs "$bus_port" "$listeners" channel >"$results/ready" &
        subscribers=$!
        for _ in $(seq 200); do grep -q ready "$results/ready" && break; sleep 0.05; done
        if ! grep -q ready "$results/ready"; then
            echo "failed: $listeners subscribers are not ready"
            failed=yes
            kill "$subscribers" || true
            return
        fi
    fi
    before=$(awk '{ print $14 + $15 }' "/proc/$server/stat")
    local rate
    rate=$(taskset -c "$load_cpus" redis-benchmark -p "$bus_port" -n "$count" --csv "$@" | awk -F'"' 'NR == 2 { print $4 }')
    after=$(awk '{ print $14 + $15 }' "/proc/$server/stat")
    [ -z "$subscribers" ] || kill "$subscribers"
    echo "$row,$name,$rate,$(((after - before) * 10000000 / count))" >>"$results/redis.csv"
}
if wanted redis && command -v redis-benchmark >/dev/null && command -v redis-server >/dev/null; then
    echo "row,server,per_second,cpu_ns" >"$results/redis.csv"
    for round in $(seq "$few"); do
        for name in redis carillon; do
            printf '%4d s  redis.%s.%d\n' $(($(date +%s) - began)) "$name" "$round"
            if [ "$name" = redis ]; then
                log=$results/redis.log
                taskset -c "$server_cpus" redis-server --port "$bus_port" --save '' --appendonly no >"$log" 2>&1 &
                server=$!
                running+=("$server")
                await_port "$bus_port"
            else
                start carillon
            fi
            against_redis ping 0 200000 -t ping_mbulk
            against_redis ping-16 0 2000000 -P 16 -t ping_mbulk
            against_redis publish-16-0 0 1000000 -P 16 PUBLISH channel message
            against_redis publish-16-1 1 500000 -P 16 PUBLISH channel message
            against_redis publish-16-100 100 100000 -P 16 PUBLISH channel message
            stop
        done
    done
fi

if wanted carriers; then
    node docs/performance/carriers.mjs --carillon build/bench/app/carillon --results "$results/carriers.txt" --rounds "$few" \
        --server-cpu "$server_cpus" || failed=yes
fi

if [ -n "$peers" ]; then
    docs/performance/peers/run.sh --results "$results/peers" --built build/peers --carillon build/bench/app/carillon --bench "$bench" \
        --rounds "$few" --server-cpu "$server_cpus" --load-cpus "$load_cpus" || failed=yes
fi

echo "Measured in $(($(date +%s) - began)) s."
if [ -n "$failed" ]; then
    echo "Some scenes failed, see above: tables and charts stay as they were. Without what failed they are written by"
    echo "    node docs/performance/render.mjs $results"
    echo "    node docs/performance/peers/report.mjs $results/peers"
    exit 1
fi
case $only in ,carriers, | ,peers, | ,carriers,peers, | ,peers,carriers,) ;; *) node docs/performance/render.mjs "$results" ;; esac
[ -z "$peers" ] || node docs/performance/peers/report.mjs "$results/peers"
