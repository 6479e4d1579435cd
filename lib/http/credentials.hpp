#pragma once

#include "http/request_head.hpp"

#include <string_view>

namespace carillon::http {

/// What follows `Bearer` in the Authorization field (RFC 6750 §2.1); empty: there is none, or it is of another scheme.
/// Of several such fields, none. Views are into the head.
[[nodiscard]] std::string_view bearer_token(const request_head& head) noexcept;

/// The value of a cookie (RFC 6265 §4.2), without quotes around it; empty: it is not there. Of several with the name,
/// the first, which is the most specific one.
[[nodiscard]] std::string_view cookie_value(const request_head& head, std::string_view name) noexcept;

/// The value of the first `name=value` of a query's parts between '&', byte by byte; empty: it is not there.
[[nodiscard]] std::string_view query_value(std::string_view query, std::string_view name) noexcept;

} // namespace carillon::http
