#include "session/server.hpp"

#include <algorithm>

// Clients that are sent elsewhere, a few at a time.
namespace carillon::session {

server::shed_outcome server::shed(std::uint32_t from, std::uint32_t most, protocol::disconnect code) {
    shed_outcome done{.next = from < records().used() ? from : 0};
    most = std::min(most, closed_per_turn);
    // No more connections than are wanted are in a stretch of so many records.
    while (done.closed < most && done.looked_at < scanned_per_turn && done.looked_at < records().used()) {
        const std::uint32_t stretch = most - done.closed;
        const std::uint32_t next = for_some(done.next, stretch, [&](client& c) {
            if (c.gone || c.closing || c.where() == stage::upgrading) return;
            disconnect(c, code);
            ++done.closed;
        });
        done.looked_at += std::min(stretch, records().used() - done.next);
        done.next = next == net::no_index ? 0 : next;
    }
    return done;
}

} // namespace carillon::session
