#pragma once

#include "metrics/histogram.hpp"
#include "metrics/labelled.hpp"
#include "metrics/labels.hpp"

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <type_traits>

namespace carillon::metrics {

using open_counts = by<connection_kind, std::int64_t>;

/// The statuses an upgrade can be refused with.
using refused_counts = by_code<400, 403, 404, 405, 408, 414, 426, 431, 503, 505>;

/// The error codes of the client protocol.
using command_error_counts = by_code<100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113>;

/// Of the first namespaces of which there is something to count.
using name_space_counts = by_text<32>;

/// How connections ended: `++counters.connections_closed(close_code)` for a WebSocket,
/// `++counters.connections_closed.resp()` for a connection of the bus door, which has no code. 1006 stands for an end
/// without a Close frame (RFC 6455 §7.1.5), 0 for a connection that never was a WebSocket. Each connection that was
/// accepted is counted once, when it is closed or given away.
class closed_counts {
public:
    constexpr std::uint64_t& operator()(int close_code) noexcept { return websocket_(close_code); }
    constexpr std::uint64_t operator()(int close_code) const noexcept { return websocket_(close_code); }
    constexpr std::uint64_t& resp() noexcept { return resp_; }

    /// Calls visit({kind, code}, number) for every slot; the labels are valid during the call.
    template <class Visit>
    void each(Visit&& visit) const {
        websocket_.each([&](std::initializer_list<std::string_view> code, std::uint64_t number) {
            visit(std::initializer_list<std::string_view>{"websocket", *code.begin()}, number);
        });
        visit(std::initializer_list<std::string_view>{"resp", "none"}, resp_);
    }

private:
    // RFC 6455 §7.4.1, then the disconnect codes of the client protocol.
    by_code<0, 1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, //
            3000, 3001, 3004, 3005, 3006, 3008, 3009, 3010, 3011, 3012, 3013, 3014,          //
            3500, 3501, 3502, 3503, 3504, 3505, 3506, 3507, 3508, 3509>
        websocket_;
    std::uint64_t resp_ = 0;
};

/// What one shard counts. Plain numbers: only the shard's own thread touches them, and a scrape gets a copy that the
/// shard made. The members are listed in metrics/shard_metrics.def: `++counters.upgrades;`, `counters.outbox_bytes -=
/// sent;`,
/// `++counters.commands(command_method::publish);`, `counters.shard_loop_lag.observe(late);`.
struct shard_counters {
#define COUNTER(member, help) std::uint64_t member = 0;
#define GAUGE(member, help) std::int64_t member = 0;
#define HISTOGRAM(member, help) duration_histogram member{};
#define LABELLED_COUNTER(type, member, ...) type member{};
#define LABELLED_GAUGE(type, member, ...) type member{};
#include "metrics/shard_metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
#undef LABELLED_COUNTER
#undef LABELLED_GAUGE
};

static_assert(std::is_trivially_copyable_v<shard_counters>);

} // namespace carillon::metrics
