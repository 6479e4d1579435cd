#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::http {

/// Where a request of our own goes: http or https, a host, and what to ask it for. Nothing is decoded.
struct url {
    bool encrypted = false; ///< https
    std::string host{};     ///< without the brackets of an IPv6 address
    std::uint16_t port = 0;
    std::string target{}; ///< path and query, "/" when there is none

    /// What a Host field holds: the port only where it is not the scheme's own.
    std::string authority() const;
    /// "https://app.example.com:8443": the part that is no secret, for labels and logs.
    std::string origin() const;
};

inline constexpr std::size_t url_bytes_max = 2048;

/// Reads `text` into `into`. Empty if it is good, else what is wrong with it, in words that follow "the URL". A user
/// and a password are refused: they would be shown wherever the URL is.
std::string_view read_url(std::string_view text, url& into);

/// Whether `name` may be the name of a header field (RFC 9110 §5.1).
bool is_field_name(std::string_view name) noexcept;
/// Whether `value` may be the value of a header field: no line breaks and no other control bytes (RFC 9110 §5.5).
bool is_field_value(std::string_view value) noexcept;

} // namespace carillon::http
