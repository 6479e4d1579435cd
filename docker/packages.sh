# Which Debian packages Carillon is built, tested and run with; sourced by run.sh, test.sh and (with sh) the Dockerfile.
# Debian 12 (bookworm) has Boost 1.81 beside its default 1.74; Debian 13 (trixie) has 1.83.

# Prints the first of the given packages that this release has.
first_available() {
    for package in "$@"; do
        if [ -n "$(apt-cache madison "$package" 2>/dev/null)" ]; then
            echo "$package"
            return
        fi
    done
    echo "$1"
}

build_packages() {
    echo g++ cmake ninja-build libfmt-dev libspdlog-dev libcli11-dev libtomlplusplus-dev libsimdjson-dev \
        prometheus-cpp-dev libssl-dev zlib1g-dev libsodium-dev libre2-dev libprotozero-dev libyaml-cpp-dev "$(first_available libboost1.83-dev libboost1.81-dev)"
}

test_packages() {
    # The last three are what the commands of docs/guide need.
    echo libgtest-dev libbenchmark-dev redis-server redis-tools protobuf-compiler chromium nginx-light haproxy curl openssl python3 python3-venv
    # Debian's npm does not go with a nodejs from elsewhere, which brings its own.
    command -v npm >/dev/null || echo nodejs npm
}

# Installs those of the given packages that are missing. Root, or sudo.
install_missing() {
    missing=
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    echo "Installing:$missing"
    # shellcheck disable=SC2086
    $(as_root) apt-get install -y --no-install-recommends $missing >/dev/null
}

# apt-cache answers nothing before the first update of a new machine.
update_package_lists() {
    [ -n "$(apt-cache madison libfmt-dev 2>/dev/null)" ] || $(as_root) apt-get update -qq
}

as_root() { [ "$(id -u)" = 0 ] || echo "sudo"; }
