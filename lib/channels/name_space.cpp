#include "channels/name_space.hpp"

#include <algorithm>

namespace carillon::channels {
namespace {

constexpr bool in_name(char byte) noexcept {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '_' || byte == '.';
}

} // namespace

std::optional<std::string_view> check_name_space_name(std::string_view name) {
    if (name.empty()) return std::nullopt;
    if (name.size() < 2) return "is too short; give at least 2 characters, or none for channels without a namespace";
    if (!std::ranges::all_of(name, in_name)) return "has another character than letters, digits, -, _ and .";
    return std::nullopt;
}

} // namespace carillon::channels
