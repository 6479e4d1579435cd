#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::commands {

inline constexpr std::string_view syntax_error = "ERR syntax error";

/// Which connections of the door a CLIENT LIST or CLIENT KILL means.
struct client_filter {
    enum class kind : std::uint8_t { normal, pubsub, replication };

    std::vector<std::uint64_t> ids; ///< empty: any
    std::optional<kind> type;
    std::string address; ///< of the peer as IP:PORT; empty: any
    std::string local_address;
    std::uint64_t but_not = 0; ///< 0: no exception

    /// Takes one OPTION VALUE of CLIENT KILL, which connection `self` has sent. Empty, or Redis' words for what is
    /// wrong with it.
    std::string add(std::string_view option, std::string_view value, std::uint64_t self);
};

/// What stands after TYPE. Empty: unknown_kind() says so.
std::optional<client_filter::kind> kind_of(std::string_view word) noexcept;
std::string unknown_kind(std::string_view word);

/// Empty: neither of the two words, in whatever case.
std::optional<bool> yes_or_no(std::string_view word, std::string_view yes, std::string_view no) noexcept;

} // namespace carillon::commands
