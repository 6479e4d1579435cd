#pragma once

#include "config/program.hpp"
#include "config/settings.hpp"

#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace carillon::config {

/// The member of `settings` that an option sets; its type decides how texts are read.
using place = std::variant<bool settings::*, std::size_t settings::*, std::chrono::milliseconds settings::*,
                           std::string settings::*, address settings::*, std::optional<address> settings::*,
                           std::optional<redis_address> settings::*, std::vector<std::string> settings::*,
                           log_level settings::*, log_format settings::*>;

/// Which programs have an option. There is none that only carillon-bus has.
enum class owners : std::uint8_t { gateway, both };

/// Everything there is to know about one option, written once, in config/options.cpp. Flag, variable, file key, --help
/// and docs/configuration.md follow from it; its default is the one `settings` has.
struct option {
    std::string_view key; ///< "client_listen": the key in the file
    place target;
    owners of;
    std::string_view group;
    std::size_t least = 0; ///< for numbers: in `unit`
    std::size_t most = 0;  ///< for numbers: in `unit`; for texts and a bus: bytes
    std::string_view unit; ///< for numbers
    std::string_view help;
};

/// All options, those of one group next to each other.
std::span<const option> options();

/// True if the program has the option.
constexpr bool has(program which, const option& option) noexcept {
    return option.of == owners::both || which == program::gateway;
}

/// The program's options, in the order of the table.
inline auto options_of(program which) {
    return options() | std::views::filter([which](const option& row) { return has(which, row); });
}

/// The option with this file key, whichever program has it, or null.
const option* find_option(std::string_view key);

std::string flag_of(const option& option);     ///< "--client-listen"
std::string variable_of(const option& option); ///< "CARILLON_CLIENT_LISTEN"
std::string default_of(const option& option);  ///< "0.0.0.0:8000"; "none" for an empty text or list
std::string values_of(const option& option);   ///< what may be given: "a whole number from 1 to 65536 (leases)"

/// True for the options whose value is never shown: a password, or a URL that may hold one.
bool is_secret(const option& option);
bool is_boolean(const option& option);
bool is_number(const option& option);
bool is_list(const option& option);

} // namespace carillon::config
