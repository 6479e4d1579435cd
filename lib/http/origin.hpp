#pragma once

#include <string_view>

namespace carillon::http {

/// Whether the whole `text` matches `pattern` in any case, where '*' stands for any bytes, also none. Time at most the
/// product of both lengths.
[[nodiscard]] bool matches_pattern(std::string_view text, std::string_view pattern) noexcept;

} // namespace carillon::http
