# syntax=docker/dockerfile:1
FROM debian:trixie-slim AS build
ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /src
COPY docker/packages.sh docker/packages.sh
RUN apt-get update -qq && . docker/packages.sh \
 && apt-get install -y --no-install-recommends $(build_packages) ca-certificates >/dev/null && rm -rf /var/lib/apt/lists/*
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY lib lib
COPY app app
RUN cmake --preset release -DCARILLON_TESTS=OFF && cmake --build --preset release --target carillon carillon-bus carillon-bench \
 && strip build/release/app/carillon build/release/app/carillon-bus build/release/app/carillon-bench
COPY docker/rootfs.sh docker/rootfs.sh
RUN sh docker/rootfs.sh /rootfs "$(build/release/app/carillon --version | cut -d' ' -f2)" \
    build/release/app/carillon build/release/app/carillon-bus build/release/app/carillon-bench

# What the programs need and nothing else: neither a shell nor a package manager. What it is made of: /usr/share/sbom/carillon.spdx.json.
FROM scratch
COPY --from=build /rootfs/ /
ENV PATH=/usr/local/bin
USER 10001:10001
# Clients, health and metrics (on loopback with --dev unless --client-listen and --control-listen say otherwise), the bus door (on
# loopback unless --bus-listen says otherwise).
EXPOSE 8000 9000 6390
STOPSIGNAL SIGTERM
# Alive or not; whether it is ready is for balancers. Where the address is not the default one, say so in CARILLON_CONTROL_LISTEN.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["carillon", "--health=livez"]
ENTRYPOINT ["/usr/local/bin/carillon"]
