#include "link/server.hpp"

#include <utility>

// Connections that go from one process to another (docs/decisions/0059).
namespace carillon::link {

bool server::is_at_rest(const record& r) const noexcept {
    return !r.gone && !r.closing && !r.doomed && !r.encrypted && !r.unannounced && !r.in_line && !r.put_aside &&
           !r.receiving && !r.writing && r.busy == nullptr;
}

void server::give_away(record& r) {
    CHECK(is_at_rest(r));
    // The epoll set goes by the open file, which stays open: closing our descriptor would not take it out.
    shard_.poll.forget(r);
    leave(r);
    shard_.calls.close(std::exchange(r.descriptor, -1));
    on_given_away(r);
    release_if_unused(r);
}

record* server::adopt(int descriptor, const peer::address& whose) {
    record* const r = open_ < options_.connections_max ? make_record() : nullptr;
    if (r == nullptr) return nullptr;
    r->descriptor = descriptor;
    newcomer who{whose};
    if (keeps_addresses_ && whose.known() && !is_trusted(whose) && options_.admission != nullptr)
        who.counted = options_.admission->adopt(whose, std::chrono::steady_clock::now());
    greet(*r, who);
    r->unannounced = false; // it has been said already
    r->paused = true;
    ++open_;
    ++counters().connections_open(options_.kind);
    ++counters().connections_taken_over;
    return r;
}

bool server::begin(record& r) {
    r.paused = false;
    if (shard_.poll.watch(r)) return true;
    drop(r, ending::by_error);
    return false;
}

} // namespace carillon::link
