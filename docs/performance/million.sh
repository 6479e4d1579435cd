#!/usr/bin/env bash
# A million subscribed clients in one process: starts a virtual machine with one gateway and CLIENTS clients of carillon-bench, publishes to
# all of them, and prints what that needed in the process and in the kernel, whether each client heard it exactly once, how long /livez took to
# answer meanwhile, and what three times as many would need.
#
#   [CLIENTS=1000000] [SHARDS=1] [BINARIES=build/release/app] [MEMORY_MB=...] [ACCEL=kvm|tcg] docs/performance/million.sh
#
# Debian 12 or 13, root or sudo for what is missing. A guest of 12 GB for a million; the machine itself should have 2 GB more. Without KVM the
# processors are emulated (TCG), and a million take from a quarter of an hour to an hour; everything but times is the same.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DEBIAN_FRONTEND=noninteractive
. docker/packages.sh

clients=${CLIENTS:-1000000} shards=${SHARDS:-1} binaries=${BINARIES:-build/release/app} work=${WORK:-build/million}
# What runs in the guest; another script says what it finds in lines of its own.
guest=${GUEST:-docs/performance/million/guest.sh}
# Both ends of each connection are in the guest: some 9 KB in the kernel, and the load generator's record.
memory_mb=${MEMORY_MB:-$((768 + clients * 105 / 10240))}
[ "$clients" -ge 5000 ] || { echo "CLIENTS: at least 5000"; exit 2; }

update_package_lists
install_missing qemu-system-x86 busybox-static cpio g++ binutils
kernel_package=$(apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" { print $2; exit }')
mkdir -p "$work"
if ! ls "$work"/kernel/boot/vmlinuz-* >/dev/null 2>&1; then
    echo "Fetching $kernel_package, which is unpacked and not installed"
    (cd "$work" && apt-get download -q "$kernel_package" >/dev/null 2>&1 && dpkg-deb -x "$kernel_package"_*.deb kernel && rm "$kernel_package"_*.deb)
fi
if [ ! -x "$binaries/carillon" ] || [ ! -x "$binaries/carillon-bench" ]; then
    [ -z "${BINARIES:-}" ] || { echo "$binaries has no carillon and carillon-bench"; exit 2; }
    # shellcheck disable=SC2046
    install_missing $(build_packages)
    echo "Building ..."
    cmake --preset release -DCARILLON_TESTS=OFF >"$work/build.log" 2>&1 &&
        cmake --build --preset release --target carillon carillon-bench >>"$work/build.log" 2>&1 || { tail -50 "$work/build.log"; exit 1; }
fi

# --- what the guest starts with
root=$work/root
rm -rf "$root"
mkdir -p "$root"/bin "$root"/proc "$root"/sys "$root"/tmp "$root"/dev "$root"/etc
cp /bin/busybox "$root/bin/"
cp "$guest" "$root/init"
chmod +x "$root/init"
for program in carillon carillon-bench; do
    strip -o "$root/bin/$program" "$binaries/$program"
    ldd "$binaries/$program" | grep -oE '/[^ ]+' | while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -nL "$library" "$root$library" 2>/dev/null || true
    done
done
g++ -std=c++20 -O2 -static -o "$root/bin/ask-livez" docs/performance/million/ask_livez.cpp
cat >"$root/settings" <<EOF
CLIENTS=$clients
SHARDS=$shards
STEPS="$((clients / 10)) $((clients / 2))"
PAUSE_S=$((clients > 100000 ? 10 : 1))
EOF
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initramfs.gz"

# --- the machine
kernel=$(ls "$work"/kernel/boot/vmlinuz-* | tail -1)
machine() { # ACCEL MEGABYTES COMMAND_LINE...
    # What a processor that has to wait for others finds wrong with its clock is of no interest.
    local accel=$1 megabytes=$2
    shift 2
    qemu-system-x86_64 -accel "$accel" -cpu max -smp 2 -m "$megabytes" -nographic -no-reboot -nic none -kernel "$kernel" \
        -initrd "$work/initramfs.gz" -append "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check nowatchdog rcupdate.rcu_cpu_stall_suppress=1 $*" </dev/null
}
accel=${ACCEL:-}
if [ -z "$accel" ]; then
    accel=tcg
    # Where KVM is there, it may still not be able to run a whole machine (inside of other virtual machines).
    if [ -w /dev/kvm ] && timeout 30 qemu-system-x86_64 -accel kvm -cpu max -m 256 -nographic -no-reboot -nic none -kernel "$kernel" \
        -append "console=ttyS0 panic=-1" </dev/null 2>&1 | grep -q 'Kernel panic'; then accel=kvm; fi
fi
[ "$accel" = tcg ] && accel_full=tcg,thread=multi,tb-size=512 || accel_full=$accel
echo "$clients clients, $shards shard(s), a guest of $memory_mb MB, 2 processors by $accel"
log=$work/console.log
machine "$accel_full" "$memory_mb" "thash_entries=$((clients > 500000 ? 2097152 : 262144))" 2>&1 | sed -u 's/\r//g' | tee "$log" |
    grep --line-buffered -oE '= (machine|look|connected|delivered|bench_says|gateway_says|livez|progress).*' |
    awk '{ if ($2 != "progress" || ++n % 10 == 0) print; fflush() }' || true
if [ -n "${GUEST:-}" ]; then grep -oE '= [a-z].*' "$log"; exit; fi
grep -q '^= end' "$log" || { echo "The machine did not come to its end:"; tail -20 "$log"; exit 1; }

# --- what it said, as a table
awk -v clients="$clients" '
    function value(name,   i, pair) { for (i = 1; i <= NF; ++i) { split($i, pair, "="); if (pair[1] == name) return pair[2] + 0 } return 0 }
    function member(of, name,   rest) { rest = substr($0, index($0, "\"" of "\":{")); sub(/^.*/, rest)
        return match(rest, "\"" name "\":[0-9]+") ? substr(rest, RSTART + length(name) + 3, RLENGTH - length(name) - 3) + 0 : -1 }
    function plain(name) { return match($0, "\"" name "\":[0-9]+") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3) + 0 : -1 }
    $2 == "look" { name = $3; if (name == "on_the_way") name = name (++seen)
        open[name] = value("open"); gateway[name] = value("gateway"); loads[name] = value("clients")
        peak = value("peak"); free[name] = value("free"); slab[name] = value("slab"); tcp[name] = value("tcp_pages") * 4096 }
    $2 == "connected" { connect_s = value("seconds") }
    $2 == "bench" { code = value("code") }
    $2 == "livez" { asked = value("asked"); other = value("other"); most = value("most_us"); most_at = value("most_at"); most_before = value("most_before_end_us"); during = value("during"); most_during = value("most_during_us") }
    $2 == "result" { lost = plain("lost"); duplicated = plain("duplicated"); disordered = plain("disordered"); dropped = plain("dropped")
        line = $0; counted = member("deliveries", "counted"); $0 = line; expected = member("deliveries", "expected"); $0 = line
        longest = member("deliveries", "max_ns"); $0 = line; cpu = member("deliveries", "server_cpu_ns_each") }
    END {
        n = open["all_idle"]; few = open["on_the_way1"]
        user = gateway["all_idle"]; slope = (user - gateway["on_the_way1"]) / (n - few); base = user - slope * n
        # What is gone from the machine and is in no process.
        kernel = (free["nobody"] - free["all_idle"]) - (user - gateway["nobody"]) - (loads["all_idle"] - loads["nobody"])
        kernel_slope = kernel / n
        printf "\n%-66s %d\n", "clients connected and subscribed", n
        printf "%-66s %.1f MB\n", "gateway, resident, nobody there", gateway["nobody"] / 1e6
        printf "%-66s %.1f MB\n", "gateway, resident, all there and idle", user / 1e6
        printf "%-66s %.1f bytes\n", "... for each, from nobody to " n, (user - gateway["nobody"]) / n
        printf "%-66s %.1f bytes\n", "... for each, from " few " to " n, slope
        printf "%-66s %.1f MB\n", "... at most, with the publication to all", peak / 1e6
        printf "%-66s %.0f MB, %.0f bytes each\n", "kernel, both ends (MemFree less what the processes grew)", kernel / 1e6, kernel_slope
        printf "%-66s %.0f MB, %.0f bytes each\n", "... of that slab", (slab["all_idle"] - slab["nobody"]) / 1e6, (slab["all_idle"] - slab["nobody"]) / n
        printf "%-66s %.1f MB\n", "... buffers of TCP, everybody idle", tcp["all_idle"] / 1e6
        printf "%-66s %d of %d; lost %d, twice %d, out of order %d, dropped %d\n", "deliveries of one publication", counted, expected, lost, duplicated, disordered, dropped
        printf "%-66s %.0f s (%.0f a second)\n", "connecting took", connect_s, n / connect_s
        printf "%-66s %.1f s\n", "longest delivery", longest / 1e9
        printf "%-66s %d times, %d not with 200; longest %.0f ms, at %d s\n", "/livez asked", asked, other, most / 1e3, most_at
        printf "%-66s longest %.0f ms\n", "... until the publication was with all", most_before / 1e3
        printf "%-66s %d times; longest %.0f ms\n", "... while the publication went to all", during, most_during / 1e3
        printf "%-66s gateway %.0f MB, kernel %.1f GB (this side only: about %.1f GB)\n", "three times as many, by these slopes",
            (base + 3 * n * slope) / 1e6, 3 * n * kernel_slope / 1e9, 1.5 * n * kernel_slope / 1e9
        exit !(code == 0 && n == clients && counted == clients && expected == clients && lost == 0 && duplicated == 0 && other == 0)
    }' "$log"
