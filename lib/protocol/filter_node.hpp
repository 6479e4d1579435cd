#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace carillon::protocol {

/// What a subscriber wants of a channel's publications, by their tags (protocol §3.1), as it was said: nothing in it
/// has been checked. Views are valid as long as the command's.
struct filter_node {
    /// More nodes and texts of lists are read, but not kept.
    static constexpr std::size_t kept_max = 256;

    std::string_view op{}; ///< of what is in `nodes`; empty: it compares
    std::string_view key{};
    std::string_view cmp{};
    std::string_view val{};
    std::vector<std::string_view> vals{};
    std::vector<filter_node> nodes{};
    std::size_t items = 0; ///< of the outermost: nodes and texts of lists below it, those that are not kept among them
};

} // namespace carillon::protocol
