#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace carillon::http {

/// How long an answer with this Cache-Control may be used (RFC 9111 §5.2.2): its max-age; zero for no-store, no-cache
/// and what is no number. Empty: it does not say.
std::optional<std::chrono::seconds> max_age_of(std::string_view cache_control) noexcept;

} // namespace carillon::http
