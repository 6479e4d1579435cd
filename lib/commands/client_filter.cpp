#include "commands/client_filter.hpp"

#include "commands/text.hpp"
#include "resp/names.hpp"

#include <fmt/format.h>

namespace carillon::commands {

std::optional<client_filter::kind> kind_of(std::string_view word) noexcept {
    if (resp::equals_ignoring_case(word, "normal")) return client_filter::kind::normal;
    if (resp::equals_ignoring_case(word, "pubsub")) return client_filter::kind::pubsub;
    for (const std::string_view each : {"master", "slave", "replica"}) {
        if (resp::equals_ignoring_case(word, each)) return client_filter::kind::replication;
    }
    return std::nullopt;
}

std::string unknown_kind(std::string_view word) { return fmt::format("ERR Unknown client type '{}'", word); }

std::optional<bool> yes_or_no(std::string_view word, std::string_view yes, std::string_view no) noexcept {
    if (resp::equals_ignoring_case(word, yes)) return true;
    if (resp::equals_ignoring_case(word, no)) return false;
    return std::nullopt;
}

std::string client_filter::add(std::string_view option, std::string_view value, std::uint64_t self) {
    if (resp::equals_ignoring_case(option, "ID")) {
        const auto number = integer_of(value);
        if (!number || *number < 1) return "ERR client-id should be greater than 0";
        ids = {static_cast<std::uint64_t>(*number)};
    } else if (resp::equals_ignoring_case(option, "TYPE")) {
        type = kind_of(value);
        if (!type) return unknown_kind(value);
    } else if (resp::equals_ignoring_case(option, "ADDR")) {
        address = value;
    } else if (resp::equals_ignoring_case(option, "LADDR")) {
        local_address = value;
    } else if (resp::equals_ignoring_case(option, "USER")) {
        if (value != "default") return fmt::format("ERR No such user '{}'", value);
    } else if (resp::equals_ignoring_case(option, "SKIPME")) {
        const auto skip = yes_or_no(value, "yes", "no");
        if (!skip) return std::string{syntax_error};
        but_not = *skip ? self : 0;
    } else {
        return std::string{syntax_error};
    }
    return {};
}

} // namespace carillon::commands
