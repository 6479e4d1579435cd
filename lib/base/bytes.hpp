#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace carillon {

/// Bytes somebody else owns. Valid as long as the owner says.
using bytes_view = std::span<const std::byte>;

inline bytes_view as_bytes(std::string_view text) noexcept {
    return std::as_bytes(std::span{text.data(), text.size()});
}

inline std::string_view as_text(bytes_view bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace carillon
