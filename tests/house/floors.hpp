#pragma once

#include "house/source_tree.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::house {

/// A row of the table of rooms in docs/architecture.md, which is the plan that the house is held against:
/// | floor | room | pure | ... |
struct planned_room {
    int floor = 0;
    bool pure = false; ///< bytes and values only: no Asio, no sockets
};
using plan = std::map<std::string, planned_room, std::less<>>;

/// Reads the rows that look like "| 3 | `hub` | pure | ... |"; the third column is "pure" or empty.
plan read_plan(std::string_view architecture);

/// The DEPENDS of carillon_room(name ...) in a CMakeLists.txt; nothing when the room is not declared there.
std::optional<std::set<std::string>> declared_dependencies(std::string_view cmake, std::string_view room);

/// Every room has a place in the plan, and the plan has no other rooms.
complaints check_rooms(const plan& planned, const std::vector<std::string>& folders);
/// A room depends only on rooms of lower floors.
complaints check_floors(const plan& planned, std::string_view room, const std::set<std::string>& depends);
/// A file includes only from its own room and from those that its room depends on.
complaints check_includes(const source_file& file, std::string_view room, const std::set<std::string>& depends);
/// A room that one can get to know in an afternoon: its C++ has at most `room_lines_max` lines.
complaints check_size(std::string_view room, const std::vector<source_file>& files);
inline constexpr std::size_t room_lines_max = 2'000;
/// A file of a pure room includes neither Asio nor sockets.
complaints check_purity(const source_file& file);

} // namespace carillon::house
