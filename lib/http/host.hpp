#pragma once

#include <string_view>

namespace carillon::http {

/// Whether `host` is uri-host [ ":" port ] with a host that is not empty (RFC 9112 §3.2, RFC 3986 §3.2.2): what a Host
/// field may hold, and the authority of an absolute-form target, which has no userinfo (RFC 9110 §4.2.4).
[[nodiscard]] bool is_host(std::string_view host) noexcept;

} // namespace carillon::http
