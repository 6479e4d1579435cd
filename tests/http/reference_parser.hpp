#pragma once

#include "http/request_head.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::http::test {

/// What a slow, obvious reading of the grammar says about a head.
struct reference_head {
    parse_outcome outcome = parse_outcome::need_more;
    status refusal{};
    std::string method, target;
    int minor_version = 0;
    std::vector<std::pair<std::string, std::string>> fields;
    std::size_t size = 0;
};

/// Reads one byte after the other, each in the state that the bytes before it have led to. Shares no code with the
/// library.
reference_head read_by_the_book(std::string_view bytes);

} // namespace carillon::http::test
