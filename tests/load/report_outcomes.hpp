#pragma once

#include "load/outcome.hpp"

namespace carillon::load {

/// An outcome with everything in it, with round figures.
inline outcome full_outcome() {
    using namespace std::chrono_literals;
    outcome of;
    of.scene = "broadcast";
    of.target = "ws://127.0.0.1:8000/connection/websocket?a=1&b=2";
    of.began = "2026-01-02T03:04:05Z";
    of.parameters = {{"connections", "18000"}, {"rate", "2.5"}, {"channel", "news:<all>"}};

    event_figures handshakes{18'000, 17'990, 10, 10s, 900ms, {}};
    event_figures deliveries{1'800'000, 1'799'999, 0, 100s, 3600ms, {}};
    for (int i = 1; i <= 1'000; ++i) {
        handshakes.latency.record(1ms * i);
        deliveries.latency.record(i <= 990 ? 100us + 1us * i : 20ms + 1ms * (i - 990));
    }
    of.handshakes = handshakes;
    of.deliveries = deliveries;
    of.memory = memory_figures{1'500, 19'500, 100'000'000, 101'800'000, 50'000'000, 122'000'000, 0, 18'000};
    of.lost = 1;
    of.load_generator_cpu = 12'345ms;
    of.length = 111s;
    return of;
}

} // namespace carillon::load
