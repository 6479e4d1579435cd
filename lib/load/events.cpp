#include "load/events.hpp"

namespace carillon::load {

std::vector<named_events> events_of(const outcome& of) {
    std::vector<named_events> found;
    const auto look = [&](std::string_view name, const std::optional<event_figures>& figures) {
        if (figures) found.push_back({name, *figures});
    };
    look("handshakes", of.handshakes);
    look("publishes", of.publishes);
    look("deliveries", of.deliveries);
    look("round_trips", of.round_trips);
    look("holding", of.holding);
    return found;
}

std::optional<named_events> main_events(const outcome& of) {
    const auto has_latency = [](const std::optional<event_figures>& figures) {
        return figures && figures->latency.count() > 0;
    };
    if (has_latency(of.deliveries)) return named_events{"deliveries", *of.deliveries};
    if (has_latency(of.round_trips)) return named_events{"round_trips", *of.round_trips};
    if (has_latency(of.publishes)) return named_events{"publishes", *of.publishes};
    if (has_latency(of.handshakes)) return named_events{"handshakes", *of.handshakes};
    if (has_latency(of.holding)) return named_events{"holding", *of.holding};
    return std::nullopt;
}

std::optional<double> per_second(const event_figures& of) {
    if (of.length <= std::chrono::nanoseconds::zero()) return std::nullopt;
    return static_cast<double>(of.counted) / std::chrono::duration<double>(of.length).count();
}

std::optional<std::chrono::nanoseconds> server_cpu_each(const event_figures& of) {
    if (!of.server_cpu || of.counted == 0) return std::nullopt;
    return *of.server_cpu / static_cast<std::int64_t>(of.counted);
}

std::optional<connection_bytes> bytes_per_connection(const memory_figures& of) {
    if (of.from_connections == of.to_connections) return std::nullopt;
    const double connections = static_cast<double>(of.to_connections) - static_cast<double>(of.from_connections);
    const std::int64_t resident = of.resident_bytes_to - of.resident_bytes_from;
    const std::int64_t slab = of.kernel_slab_bytes_to - of.kernel_slab_bytes_from;
    const std::int64_t sockets = of.socket_bytes_to - of.socket_bytes_from;
    return connection_bytes{static_cast<double>(resident) / connections,
                            static_cast<double>(slab + sockets) / connections};
}

} // namespace carillon::load
