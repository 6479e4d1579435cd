#include "clients/address_field.hpp"

#include "http/body_reply.hpp"

#include <fmt/format.h>

namespace carillon::clients {

namespace {

// As RFC 7239 §4 wants it.
std::string forwarded_text(const peer::address& whose) {
    const std::string text = peer::to_text(whose);
    return peer::is_ipv4(whose) ? "for=" + text : fmt::format("for=\"[{}]\"", text);
}

} // namespace

std::optional<std::string> address_field(peer::forwarding field, const http::request_head& head,
                                         const peer::address& whose, bool knows_proxies) {
    const bool said = !http::field_of(head, peer::name_of(field)).empty();
    if (!whose.known() || (said && !knows_proxies)) return std::nullopt;
    return field == peer::forwarding::forwarded ? forwarded_text(whose) : peer::to_text(whose);
}

} // namespace carillon::clients
