#!/bin/busybox sh
# The virtual machine of ../million.sh: its first and only program. Says what it finds in lines that begin with "=", and ends the machine.
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
. /settings
ip link set lo up
# Where the gateway's listener is one, and everybody comes from this machine.
sysctl -q -w net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535 net.ipv4.ip_local_port_range="1024 65535" fs.nr_open=4200000 fs.file-max=8400000
ulimit -n 4200000

say() { echo "= $*" >/dev/console; }
uptime_s() { cut -d' ' -f1 /proc/uptime; }
of_meminfo() { awk -v name="$1:" '$1 == name { print $2 * 1024 }' /proc/meminfo; }
resident() { awk '/^VmRSS:/ { sum += $2 * 1024 } END { print sum + 0 }' "$@" 2>/dev/null; }
# all of those that begin so, in one look
counts() {
    wget -qO /tmp/metrics http://127.0.0.1:9000/metrics
    set -- $(awk '/^carillon_connections_open\{.*websocket/ { open += $NF } /^carillon_subscriptions\{/ { subscribed += $NF }
        /^carillon_deliveries_total/ { delivered += $NF } END { printf "%d %d %d", open, subscribed, delivered }' /tmp/metrics)
    open=$1 subscribed=$2 delivered=$3
}
# look NAME: what everything needs now
look() {
    pids=$(pidof carillon-bench)
    files=; for pid in $pids; do files="$files /proc/$pid/status"; done
    say "look $1 open=$open subscribed=$subscribed gateway=$(resident /proc/$gateway/status) clients=$(resident $files /dev/null)" \
        "free=$(of_meminfo MemFree) available=$(of_meminfo MemAvailable) slab=$(of_meminfo Slab) peak=$(awk '/^VmHWM:/ { print $2 * 1024 }' /proc/$gateway/status) tcp_pages=$(awk '/^TCP:/ { print $NF }' /proc/net/sockstat) uptime=$(uptime_s)"
}

say "machine kernel=$(uname -r) processors=$(nproc) memory=$(of_meminfo MemTotal)"
# With pings as usual, a million clients are 40,000 of them a second, which is more than an emulated processor does beside all this.
carillon --dev --shards "$SHARDS" --client-listen 127.0.0.1:8000 --control-listen 127.0.0.1:9000 --bus-listen 127.0.0.1:6390 \
    --listen-backlog 65535 --client-ping-interval-ms 3600000 --client-handshake-timeout-ms 600000 --client-connect-timeout-ms 600000 \
    >/tmp/gateway.log 2>&1 &
gateway=$!
until wget -qO- http://127.0.0.1:9000/livez >/dev/null 2>&1; do sleep 0.2; done
/bin/ask-livez 9000 /tmp/livez 500 &
watching=$!
sleep 3
counts
look nobody
carillon-bench fanout --connections "$CLIENTS" --warm-up 0 --rate 1 --duration 0.001 --timeout 3000 --payload-bytes 128 \
    --server-pid $gateway --json /tmp/result.json >/tmp/bench.log 2>&1 &
bench=$!
began=$(uptime_s)
# Its first process, which says when to publish, stands still until all are there and have been looked at; the others connect them.
while counts; [ "$open" -lt 1 ]; do kill -0 $bench || break; sleep 0.2; done
kill -STOP $bench
for step in $STEPS; do
    while counts; [ "$open" -lt "$step" ]; do sleep 1; done
    look on_the_way
done
while counts; [ "$subscribed" -lt "$CLIENTS" ]; do
    say "progress open=$open subscribed=$subscribed uptime=$(uptime_s)"
    sleep "$PAUSE_S"
done
say "connected open=$open subscribed=$subscribed seconds=$(awk -v a="$began" -v b="$(uptime_s)" 'BEGIN { print b - a }')"
sleep 5
counts
look all_idle
from=$(uptime_s)
kill -CONT $bench
while counts; [ "$delivered" -lt "$CLIENTS" ] && kill -0 $bench 2>/dev/null; do
    say "progress delivered=$delivered uptime=$(uptime_s)"
    sleep "$PAUSE_S"
done
to=$(uptime_s)
look all_delivered
wait $bench
code=$?
kill $watching
say "bench code=$code"
tail -5 /tmp/bench.log | while read -r line; do say "bench_says $line"; done
say "result $(sed 's/,"histogram".*//' /tmp/result.json)"
awk -v from="$from" -v to="$to" '
    { ++n; if ($2 != 200) ++other; if ($3 > most) { most = $3; at = $1 }
      if ($1 <= to && $3 > most_before) most_before = $3
      if ($1 >= from && $1 <= to) { ++during; if ($3 > most_during) most_during = $3 } }
    END { printf "= livez asked=%d other=%d most_us=%d most_at=%.0f most_before_end_us=%d during=%d most_during_us=%d\n", n, other, most, at, most_before, during, most_during }' /tmp/livez >/dev/console
grep -v -E ' info: ' /tmp/gateway.log | tail -5 | while read -r line; do say "gateway_says $line"; done
say end
poweroff -f
