#include "base/bytes.hpp"
#include "base/check.hpp"
#include "link/server.hpp"
#include "net/peer_name.hpp"
#include "peer/proxy_header.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace carillon::link {

namespace {

using refusal = metrics::connection_refusal;

std::optional<refusal> refusal_of(peer::verdict said) noexcept {
    switch (said) {
    case peer::verdict::admitted: return std::nullopt;
    case peer::verdict::memory: return refusal::memory;
    case peer::verdict::handshakes: return refusal::handshakes;
    case peer::verdict::handshakes_of_address: return refusal::handshakes_of_address;
    case peer::verdict::connections_of_address: return refusal::connections_of_address;
    }
    CHECK(false);
}

} // namespace

// Without one of these nobody asks a socket, and nothing is kept.
bool server::needs_addresses(const options& how) noexcept {
    return how.proxy_header || (how.proxies != nullptr && !how.proxies->empty()) ||
           (how.admission != nullptr && how.admission->counts_addresses());
}

bool server::is_trusted(const peer::address& whose) const noexcept {
    return options_.proxies != nullptr && options_.proxies->has(whose);
}

// Before anything is made for it. A proxy brings the connections of others, of whom nothing is known yet.
std::optional<refusal> server::judge(int descriptor, newcomer& who) {
    if (!keeps_addresses_ && options_.admission == nullptr) return std::nullopt;
    if (keeps_addresses_) who.whose = net::peer_address(descriptor);
    const bool trusted = is_trusted(who.whose);
    if (options_.admission != nullptr && options_.admission->closed()) return refusal::memory;
    if (options_.proxy_header && options_.proxies != nullptr && !options_.proxies->empty() && !trusted)
        return refusal::untrusted_proxy;
    return options_.proxy_header || trusted ? std::nullopt : enter(who);
}

std::optional<refusal> server::enter(newcomer& who) {
    if (options_.admission == nullptr) return std::nullopt;
    const auto answer = options_.admission->enter(who.whose, std::chrono::steady_clock::now());
    who.counted = answer.counted;
    return refusal_of(answer.said);
}

void server::part(const newcomer& who) {
    if (who.counted) options_.admission->leave(who.whose, std::chrono::steady_clock::now());
}

void server::turn_away(int descriptor, refusal why, const peer::address& whose, bool encrypted) {
    ++counters().connections_refused(why);
    on_turned_away(descriptor, why, whose, !encrypted); // in the middle of a handshake nothing can be said
    refused_.take(descriptor);
}

void server::greet(record& r, const newcomer& who) {
    if (!keeps_addresses_) return;
    const std::uint32_t index = records().index_of(r);
    if (index >= addresses_.size()) addresses_.resize(index + 1);
    addresses_[index] = who.whose;
    r.counted = who.counted;
    r.unannounced = options_.proxy_header;
}

peer::address server::kept_address(const record& r) const noexcept {
    return keeps_addresses_ ? addresses_[shard_.records.index_of(r)] : peer::address{};
}

peer::address server::address_of(const record& r) const noexcept {
    return keeps_addresses_ ? kept_address(r) : net::peer_address(r.descriptor);
}

bool server::is_of_proxy(const record& r) const noexcept {
    return keeps_addresses_ && !r.counted && is_trusted(kept_address(r));
}

std::optional<refusal> server::learn_address(record& r, const peer::address& whose) {
    CHECK(keeps_addresses_ && !r.counted);
    newcomer who{whose};
    addresses_[records().index_of(r)] = whose;
    // A proxy that speaks for itself wants to know whether we are there.
    const auto why = is_trusted(whose) ? std::nullopt : enter(who);
    r.counted = who.counted;
    return why;
}

// What its proxy says before the first byte of the connection. It stays in the kernel until it is whole, so that
// nothing is kept of it here. True: it has been heard, and what follows it is next.
bool server::hear_proxy(record& r, std::span<std::byte> buffer, reading& outcome) {
    buffer = buffer.first(std::min(buffer.size(), peer::proxy_header_bytes_max));
    const net::io_result seen = shard_.calls.peek(r.descriptor, buffer);
    if (seen.would_block()) {
        outcome = seen.error == EINTR ? reading::more : reading::drained;
        return false;
    }
    outcome = reading::ended;
    if (seen.error != 0 || seen.value == 0) return drop(r, seen.error ? ending::by_error : ending::by_peer), false;
    peer::proxy_header said;
    switch (peer::read_proxy_header(as_text(buffer.first(static_cast<std::size_t>(seen.value))), said)) {
    case peer::header_outcome::need_more:
        // Nothing follows, if its end has been announced.
        if (r.read_to_end) return drop(r, ending::by_peer), false;
        outcome = reading::drained;
        return false;
    case peer::header_outcome::refused: return expel(r, refusal::proxy_header), false;
    case peer::header_outcome::complete: break;
    }
    const net::io_result taken = shard_.calls.receive(r.descriptor, buffer.first(said.bytes));
    if (taken.would_block()) return outcome = reading::more, false;
    if (taken.error != 0 || static_cast<std::size_t>(taken.value) != said.bytes)
        return drop(r, ending::by_error), false;
    counters().bytes_received += said.bytes;
    r.unannounced = false;
    const auto why = learn_address(r, said.source.known() ? said.source : kept_address(r));
    if (why) expel(r, *why);
    return !why;
}

// It was let in to hear whose it is.
void server::expel(record& r, refusal why) {
    ++counters().connections_refused(why);
    on_turned_away(r.descriptor, why, kept_address(r), !r.encrypted && why != refusal::proxy_header);
    if (r.encrypted || why == refusal::proxy_header) return drop(r, ending::by_us);
    shard_.poll.forget(r);
    leave(r);
    on_gone(r, ending::by_us);
    refused_.take(std::exchange(r.descriptor, -1));
    release_if_unused(r);
}

} // namespace carillon::link
