
#include "base/bytes.hpp"
#include "base/check.hpp"
#include "http/ascii.hpp"
#include "http/upgrade.hpp"
#include "peer/forwarded.hpp"
#include "session/server.hpp"

#include <array>
#include <ctime>

// Who comes in: whose connection it is, and whether it may.
namespace carillon::session {

namespace {

using metrics::connection_refusal;

// What the peer is told, or only the log.
std::string_view reason_of(connection_refusal why) noexcept {
    switch (why) {
    case connection_refusal::proxy_header: return "There is no PROXY header, or it is malformed.";
    case connection_refusal::untrusted_proxy: return "This proxy is not trusted.";
    case connection_refusal::memory: return "Too little memory is left. Try again later.";
    case connection_refusal::handshakes: return "Too many connections in this second. Try again later.";
    case connection_refusal::handshakes_of_address:
        return "Too many connections from this address in this second. Try again later.";
    case connection_refusal::connections_of_address: return "Too many connections from this address.";
    }
    CHECK(false);
}

// Of rates the next second is another one.
unsigned retry_after_s(connection_refusal why) noexcept {
    return why == connection_refusal::handshakes || why == connection_refusal::handshakes_of_address ? 1 : 5;
}

} // namespace

// Before anything is made for it, or as soon as its proxy has said whose it is.
void server::on_turned_away(int descriptor, connection_refusal why, const peer::address& whose, bool hears) {
    const unsigned status = hears ? static_cast<unsigned>(http::status::service_unavailable) : 0;
    tell_refusal({descriptor, status, reason_of(why), {}, whose});
    if (!hears) return;
    ++counters().upgrade_refused(static_cast<int>(status));
    std::array<char, http::reply_bytes_max> reply;
    const std::size_t size = http::write_refusal(
        reply, http::status::service_unavailable, reason_of(why),
        {.unix_time_s = static_cast<std::int64_t>(std::time(nullptr)), .retry_after_s = retry_after_s(why)});
    (void)shard().calls.send(descriptor, as_bytes({reply.data(), size}));
}

// From a trusted proxy, whose connection it is stands in the head. False: that may not come in, and has been told.
bool server::identify(client& c, const http::request_head& head) {
    if (!is_of_proxy(c)) return true;
    for (const peer::forwarding each : options_.door.forwardings) {
        peer::forwarded_chain said{each, *options_.door.proxies};
        bool there = false;
        for (const http::header_field& field : head.headers()) {
            if (!http::same_ignoring_case(field.name, peer::name_of(each))) continue;
            there = true;
            said.take(field.value);
        }
        if (!there) continue;
        if (!said.client()) return true;
        const auto why = learn_address(c, *said.client());
        if (!why) return true;
        ++counters().connections_refused(*why);
        refuse_upgrade(c, http::status::service_unavailable, reason_of(*why), &head);
        return false;
    }
    return true;
}

} // namespace carillon::session
