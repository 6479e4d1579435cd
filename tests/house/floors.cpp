#include "house/floors.hpp"

#include <algorithm>
#include <regex>
#include <sstream>

namespace carillon::house {

plan read_plan(std::string_view architecture) {
    static const std::regex row{R"(\|\s*(\d+)\s*\|\s*`(\w+)`\s*\|\s*(pure)?\s*\|.*)"};
    plan planned;
    for (const std::string_view line : lines_of(architecture)) {
        std::cmatch match;
        if (!std::regex_match(line.data(), line.data() + line.size(), match, row)) continue;
        planned[match[2].str()] = {std::stoi(match[1].str()), match[3].matched};
    }
    return planned;
}

std::optional<std::set<std::string>> declared_dependencies(std::string_view cmake, std::string_view room) {
    static const std::regex declaration{R"(carillon_room\(\s*(\w+)([^)]*)\))"};
    for (std::cregex_iterator at{cmake.data(), cmake.data() + cmake.size(), declaration}, end; at != end; ++at) {
        if ((*at)[1].str() != room) continue;
        std::set<std::string> depends;
        std::istringstream words{(*at)[2].str()};
        bool listed = false;
        for (std::string word; words >> word;) {
            if (word == "DEPENDS" || word == "LIBRARIES" || word == "PRECOMPILE") {
                listed = word == "DEPENDS";
            } else if (listed) {
                depends.insert(word);
            }
        }
        return depends;
    }
    return std::nullopt;
}

complaints check_rooms(const plan& planned, const std::vector<std::string>& folders) {
    complaints found;
    for (const std::string& folder : folders) {
        if (!planned.contains(folder)) found.push_back("lib/" + folder + " has no row in docs/architecture.md");
    }
    for (const auto& [room, place] : planned) {
        if (!std::ranges::count(folders, room))
            found.push_back("docs/architecture.md has a room '" + room + "' too many");
    }
    return found;
}

complaints check_floors(const plan& planned, std::string_view room, const std::set<std::string>& depends) {
    complaints found;
    const auto own = planned.find(room);
    if (own == planned.end()) return {"lib/" + std::string{room} + " stands on no floor"};
    for (const std::string& below : depends) {
        const auto other = planned.find(below);
        if (other == planned.end()) {
            found.push_back("lib/" + std::string{room} + " depends on '" + below + "', which stands on no floor");
        } else if (other->second.floor >= own->second.floor) {
            found.push_back("lib/" + std::string{room} + " depends on '" + below + "', which is not below it");
        }
    }
    return found;
}

complaints check_includes(const source_file& file, std::string_view room, const std::set<std::string>& depends) {
    complaints found;
    for (const std::string& include : includes_of(file.text)) {
        if (include.starts_with('<')) continue;
        const std::string from = include.substr(0, include.find('/'));
        if (from == include) {
            found.push_back(file.path + ": \"" + include + "\" does not name its room");
        } else if (from != room && !depends.contains(from)) {
            found.push_back(file.path + ": \"" + include + "\" is of a room that is not in DEPENDS");
        }
    }
    return found;
}

complaints check_size(std::string_view room, const std::vector<source_file>& files) {
    std::size_t lines = 0;
    for (const source_file& each : files)
        if (each.ends_in(".cpp") || each.ends_in(".hpp") || each.ends_in(".def")) lines += lines_of(each.text).size();
    if (lines <= room_lines_max) return {};
    return {"lib/" + std::string{room} + ": " + std::to_string(lines) + " lines of C++; a room has at most " +
            std::to_string(room_lines_max)};
}

complaints check_purity(const source_file& file) {
    complaints found;
    for (const std::string& include : includes_of(file.text)) {
        if (include.starts_with("<boost/asio") || include.starts_with("<boost/beast") || include == "<sys/socket.h>" ||
            include == "<sys/epoll.h>") {
            found.push_back(file.path + ": " + include + " in a pure room");
        }
    }
    return found;
}

} // namespace carillon::house
