#!/bin/busybox sh
# The clock of the wall is set, in a virtual machine of its own, while a gateway has clients. See clock.sh.
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
. /settings
ip link set lo up
ulimit -n 20000
say() { echo "= $*" >/dev/console; }
carillon --dev --shards 1 --client-listen 127.0.0.1:8000 --control-listen 127.0.0.1:9000 --bus-listen 127.0.0.1:6390 \
    --client-ping-interval-ms 2000 --client-pong-timeout-ms 1900 >/tmp/gateway.log 2>&1 &
gateway=$!
until wget -qO- http://127.0.0.1:9000/livez >/dev/null 2>&1; do sleep 0.2; done
/bin/ask-livez 9000 /tmp/livez 200 &
watching=$!
carillon-bench fanout --connections 200 --warm-up 0 --rate 2 --duration 60 --timeout 60 --json /tmp/result.json >/tmp/bench.log 2>&1 &
bench=$!
sleep 10
# Half an hour on, a day back, and where it was; three seconds back, and where it was.
for jump in 1800 -86400 84600 -3 3; do
    date -s "@$(($(date +%s) + jump))" >/dev/null
    sleep 10
done
wait $bench
code=$?
pings=$(wget -qO- http://127.0.0.1:9000/metrics | awk '/^carillon_pings_sent_total/ { sent += $NF } /^carillon_pongs_received_total/ { got += $NF }
    /^carillon_pong_timeouts_total/ { late += $NF } END { print "sent=" sent, "answered=" got, "late=" late }')
say "carillon-bench exit=$code $(sed 's/,"histogram".*//' /tmp/result.json | grep -oE '"(lost|duplicated|disordered|dropped)":[0-9]+' | tr '\n' ' ') deliveries $(grep -oE '"deliveries":\{"expected":[0-9]+,"counted":[0-9]+' /tmp/result.json)"
say "pings $pings"
say "livez $(awk '{ ++n; if ($2 != 200) ++other; if ($3 > most) most = $3 } END { printf "asked=%d other=%d most_ms=%d", n, other, most / 1e3 }' /tmp/livez)"
kill $watching
kill -TERM $gateway
wait $gateway
say "gateway exit=$?"
say end
poweroff -f
