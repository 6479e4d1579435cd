# syntax=docker/dockerfile:1
FROM debian:trixie-slim AS build
ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /src
COPY docker/packages.sh docker/packages.sh
RUN apt-get update -qq && . docker/packages.sh \
 && apt-get install -y --no-install-recommends $(build_packages) >/dev/null && rm -rf /var/lib/apt/lists/*
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY lib lib
COPY app app
RUN cmake --preset release -DCARILLON_TESTS=OFF && cmake --build --preset release --target carillon carillon-bus carillon-bench \
 && strip build/release/app/carillon build/release/app/carillon-bus build/release/app/carillon-bench \
 # The libraries that they are linked with, by the names of their packages, so that the last stage installs just those.
 && ldd build/release/app/carillon build/release/app/carillon-bench | awk '/=> \//{print $3}' | xargs -n1 realpath | sort -u \
  | while read -r file; do dpkg-query -S "$file" 2>/dev/null || dpkg-query -S "$(echo "$file" | sed 's,^/usr,,')" 2>/dev/null || true; done \
  | cut -d: -f1 | sort -u >runtime-packages

FROM debian:trixie-slim
ENV DEBIAN_FRONTEND=noninteractive
COPY --from=build /src/runtime-packages /tmp/runtime-packages
RUN apt-get update -qq && xargs -a /tmp/runtime-packages apt-get install -y --no-install-recommends >/dev/null \
 && rm -rf /var/lib/apt/lists/* /tmp/runtime-packages \
 && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin carillon
COPY --from=build /src/build/release/app/carillon /src/build/release/app/carillon-bus /src/build/release/app/carillon-bench \
    /usr/local/bin/
USER 10001:10001
# Clients, health and metrics, the bus door (on loopback unless --bus-listen says otherwise).
EXPOSE 8000 9000 6390
STOPSIGNAL SIGTERM
# Alive or not; whether it is ready is for balancers. Where the address is not the default one, say so in CARILLON_CONTROL_LISTEN.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["carillon", "--health=livez"]
ENTRYPOINT ["/usr/local/bin/carillon"]
