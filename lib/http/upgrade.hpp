#pragma once

#include "http/ascii.hpp"
#include "http/deflate_offer.hpp"
#include "http/request_head.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace carillon::http {

/// What an upgrade must match. Views what its owner keeps alive, usually the configuration.
struct upgrade_rules {
    std::string_view path; ///< compared with request_head::path() byte by byte
    std::span<const std::string_view>
        subprotocols; ///< those the server speaks; tokens of at most subprotocol_bytes_max
    /// Patterns for the Origin, as matches_origin reads them: "https://*.example.org". An empty list refuses every
    /// Origin. A request without Origin comes from no browser and passes.
    std::span<const std::string> allowed_origins;
    bool deflate = false; ///< whether permessage-deflate may be agreed upon; else every extension is declined
};

/// Whether the request asks for a WebSocket, well or badly, and is to be judged by decide_upgrade: its Upgrade lists
/// "websocket", or it has a Sec-WebSocket-Key or -Version, or its Connection lists "upgrade" though it names no
/// protocol. All else is plain HTTP, even an Upgrade to h2c: a server may ignore that one (RFC 9110 §7.8).
[[nodiscard]] bool wants_upgrade(const request_head& head) noexcept;

struct upgrade_verdict {
    status code{};                  ///< switching_protocols, or the refusal
    std::string_view reason{};      ///< one sentence for the client, static text; empty if accepted
    std::string_view key{};         ///< Sec-WebSocket-Key: 24 bytes in the parsed buffer; empty if refused
    std::string_view subprotocol{}; ///< one of upgrade_rules::subprotocols; empty if none was agreed upon
    deflate_agreement deflate{};    ///< what was agreed upon of compression
};

/// Judges an opening handshake (RFC 6455 §4.2.1 and §4.2.2). The first rule that is broken names the refusal, in this
/// order: HTTP/1.1 or later (505); one Host that looks like one (400); the path (404); GET (405); no body (400);
/// Upgrade: websocket and Connection: upgrade (426); Sec-WebSocket-Version 13 (426); a Sec-WebSocket-Key of 16 bytes in
/// base64 (400); Origin (403); with upgrade_rules::deflate, Sec-WebSocket-Extensions that are a list of extensions
/// (400).
///
/// The subprotocol is the first of the client's that the server knows; without one the handshake goes on and names
/// none. Without upgrade_rules::deflate Sec-WebSocket-Extensions is ignored, which declines every extension. `head`
/// must be complete. Allocates nothing.
[[nodiscard]] upgrade_verdict decide_upgrade(const request_head& head, const upgrade_rules& rules) noexcept;

/// Enough for every reply written here.
inline constexpr std::size_t reply_bytes_max = 640;
/// A longer subprotocol would not fit in a reply; configuration refuses it.
inline constexpr std::size_t subprotocol_bytes_max = 256;
/// A longer reason is cut.
inline constexpr std::size_t reason_bytes_max = 200;

/// Writes the 101 response for an accepted verdict and returns its size in bytes; 0 if `out` is too small, which
/// reply_bytes_max never is.
[[nodiscard]] std::size_t write_switching_protocols(std::span<char> out, const upgrade_verdict& verdict) noexcept;

/// What a refusal depends on beside its status.
struct refusal_form {
    std::int64_t unix_time_s = 0; ///< for its Date (RFC 9110 §6.6.1); 0: not known, no Date
    bool head_only = false;       ///< the answer to HEAD, which has no content (RFC 9110 §9.3.2)
    unsigned retry_after_s = 0;   ///< when to try again (RFC 9110 §10.2.3); 0: nothing is said of it
};

/// Writes a complete HTTP/1.1 response that closes the connection, with `reason` as its text, and returns its size in
/// bytes; 0 if `out` is too small, which reply_bytes_max never is. A 426 says which protocol and version are spoken
/// here, a 405 which method is.
[[nodiscard]] std::size_t write_refusal(std::span<char> out, status code, std::string_view reason,
                                        refusal_form form = {}) noexcept;

/// Whether a subprotocol of that name is among those that the client offers.
[[nodiscard]] bool offers_subprotocol(const request_head& head, std::string_view name) noexcept;

/// Whether `parameter`, such as "format=protobuf", is one of a query's parts between '&', byte by byte.
[[nodiscard]] bool query_has(std::string_view query, std::string_view parameter) noexcept;

} // namespace carillon::http
