#include "api/rebalance.hpp"

#include <fmt/format.h>
#include <simdjson.h>

namespace carillon::api {

std::variant<rebalance_request, mistake> read_rebalance(std::string_view body) {
    simdjson::dom::parser parser;
    simdjson::dom::object members;
    if (body.empty() || parser.parse(body.data(), body.size()).get(members))
        return mistake{"The body is not a JSON object."};
    rebalance_request made;
    bool has_above = false;
    for (const auto& [name, value] : members) {
        std::uint64_t number = 0;
        if (value.get(number)) return mistake{fmt::format("\"{}\" is not a whole number from 0 on.", name)};
        if (name == "above") {
            made.above = number;
            has_above = true;
        } else if (name == "window_ms") {
            if (number > static_cast<std::uint64_t>(rebalance_window_max.count()))
                return mistake{fmt::format("\"window_ms\" is more than {}.", rebalance_window_max.count())};
            made.window = std::chrono::milliseconds{number};
        } else {
            return mistake{fmt::format("There is no \"{}\" here: above and window_ms are known.", name)};
        }
    }
    if (!has_above) return mistake{"\"above\" is missing: how many clients may stay."};
    return made;
}

} // namespace carillon::api
