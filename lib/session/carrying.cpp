#include "base/check.hpp"
#include "session/server.hpp"

// What conversations ask of those who carry them.
namespace carillon::session {

client* server::find(net::connection_key whose) noexcept { return static_cast<client*>(link::server::find(whose)); }

std::uint32_t server::for_some(std::uint32_t first, std::uint32_t count, function_ref<void(client&)> look) {
    return link::server::for_some(first, count, [&](link::record& r) { look(static_cast<client&>(r)); });
}

void server::write(client& c, std::string_view bytes) { send(c, bytes); }

void server::write_later(client& c, std::string_view bytes) { send_later(c, bytes); }

void server::look_later(client& c, std::chrono::milliseconds after) { schedule(c, after); }

void server::look_no_later(client& c, std::chrono::milliseconds after) {
    if (!net::timer_wheel::scheduled(c) || shard().wheel.left(c, shard().now()) > after) schedule(c, after);
}

peer::address server::address_of(const client& c) const { return link::server::address_of(c); }

void server::answer(client& c, function_ref<void()> reply) {
    CHECK(c.waits() && replies().served() == nullptr);
    const hold kept{*this, c}; // what waited behind it may end the connection
    replies().serve(c);
    reply();
    if (!c.gone) go_on(c);
    replies().flush();
    replies().serve_nobody();
    if (!c.gone && !c.closing && !c.waits()) resume(c);
}

} // namespace carillon::session
