#include "http/upgrade.hpp"

#include "http/accept_key.hpp"
#include "http/body_reply.hpp"
#include "http/host.hpp"

#include <algorithm>

namespace carillon::http {
namespace {

/// Calls visitor(value) for each field line of a known name until one returns true; says whether one did.
template <class Visitor>
bool any_line(const request_head& head, known_header known, std::string_view name, Visitor visitor) {
    if (!head.has(known)) return false;
    if (!head.repeated(known)) return visitor(head.first(known));
    return std::ranges::any_of(head.headers(), [&](const header_field& field) {
        return same_ignoring_case(field.name, name) && visitor(field.value);
    });
}

bool upgrade_lists_websocket(const request_head& head) noexcept {
    return any_line(head, known_header::upgrade, "upgrade", [](std::string_view list) {
        if (is_word(list, "websocket")) return true; // nearly always the whole list
        return any_element(list, [](std::string_view protocol) { return is_word(protocol, "websocket"); });
    });
}

bool connection_lists_upgrade(const request_head& head) noexcept {
    return any_line(head, known_header::connection, "connection", [](std::string_view list) {
        if (is_word(list, "upgrade")) return true;
        return any_element(list, [](std::string_view option) { return is_word(option, "upgrade"); });
    });
}

bool has_body(const request_head& head) noexcept {
    return head.has(known_header::transfer_encoding) ||
           (head.has(known_header::content_length) && head.first(known_header::content_length) != "0");
}

std::string_view choose_subprotocol(const request_head& head, std::span<const std::string_view> known) noexcept {
    std::string_view chosen;
    any_line(head, known_header::websocket_protocol, "sec-websocket-protocol", [&](std::string_view list) {
        return any_element(list, [&](std::string_view offered) {
            const auto found = std::ranges::find(known, offered);
            if (found == known.end()) return false;
            chosen = *found; // the server's own text, which outlives the parsed buffer
            return true;
        });
    });
    return chosen;
}

} // namespace

bool wants_upgrade(const request_head& head) noexcept {
    if (head.has(known_header::websocket_key) || head.has(known_header::websocket_version)) return true;
    return head.has(known_header::upgrade) ? upgrade_lists_websocket(head) : connection_lists_upgrade(head);
}

upgrade_verdict decide_upgrade(const request_head& head, const upgrade_rules& rules) noexcept {
    const auto refuse = [](status code, std::string_view reason) { return upgrade_verdict{code, reason, {}, {}, {}}; };
    const std::string_view key = head.first(known_header::websocket_key);
    if (head.minor_version() < 1)
        return refuse(status::http_version_not_supported, "A WebSocket handshake needs HTTP/1.1.");
    if (!is_host(head.first(known_header::host)))
        return refuse(status::bad_request, "The Host header field is missing or malformed.");
    if (head.path() != rules.path) return refuse(status::not_found, "There is nothing at this path.");
    if (head.method() != "GET") return refuse(status::method_not_allowed, "A WebSocket handshake is a GET request.");
    if (has_body(head)) return refuse(status::bad_request, "A WebSocket handshake has no body.");
    if (!upgrade_lists_websocket(head))
        return refuse(status::upgrade_required, "The Upgrade header field does not list websocket.");
    if (!connection_lists_upgrade(head))
        return refuse(status::upgrade_required, "The Connection header field does not list Upgrade.");
    if (head.first(known_header::websocket_version) != "13")
        return refuse(status::upgrade_required, "Only version 13 of the WebSocket protocol is spoken here.");
    if (!is_websocket_key(key)) return refuse(status::bad_request, "The Sec-WebSocket-Key is not 16 bytes in base64.");
    if (!origin_is_allowed(head, rules.allowed_origins))
        return refuse(status::forbidden, "This origin may not connect.");
    deflate_agreement deflate{};
    if (rules.deflate && !choose_deflate(head, deflate))
        return refuse(status::bad_request, "The Sec-WebSocket-Extensions are malformed.");
    return {status::switching_protocols, {}, key, choose_subprotocol(head, rules.subprotocols), deflate};
}

bool offers_subprotocol(const request_head& head, std::string_view name) noexcept {
    return any_line(head, known_header::websocket_protocol, "sec-websocket-protocol", [&](std::string_view list) {
        return any_element(list, [&](std::string_view offered) { return offered == name; });
    });
}

bool query_has(std::string_view query, std::string_view parameter) noexcept {
    while (!query.empty()) {
        const std::size_t end = query.find('&');
        if (query.substr(0, end) == parameter) return true;
        query = end == query.npos ? std::string_view{} : query.substr(end + 1);
    }
    return false;
}

} // namespace carillon::http
