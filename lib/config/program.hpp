#pragma once

#include <cstdint>
#include <string_view>

namespace carillon::config {

/// The programs that read a configuration.
enum class program : std::uint8_t {
    gateway, ///< carillon
    bus,     ///< carillon-bus: the bus door alone, for gateways that have it as their external bus
};

/// "carillon", "carillon-bus"
constexpr std::string_view name_of(program which) noexcept {
    return which == program::gateway ? "carillon" : "carillon-bus";
}

} // namespace carillon::config
