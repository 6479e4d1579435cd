#include "control/routes.hpp"

#include <string_view>

namespace carillon::control {

void route_table::add(std::string path, response fixed) {
    routes_[std::move(path)] = [fixed = std::move(fixed)]() -> boost::asio::awaitable<response> {
        // Not a coroutine with captures: the copy is made in a function whose parameter lives in its frame.
        struct make {
            static boost::asio::awaitable<response> ready(response answer) { co_return answer; }
        };
        return make::ready(fixed);
    };
}

bool post_route::joins(std::string_view) const noexcept { return false; }

boost::asio::awaitable<std::vector<response>> post_route::answer_all(std::vector<asked> all) {
    std::vector<response> made;
    for (asked& each : all) {
        response next = co_await answer(*each.head, std::move(each.body));
        made.push_back(std::move(next));
    }
    co_return made;
}

post_route* route_table::find_post(std::string_view path) const {
    for (const auto& [top, whose] : posts_) {
        if (path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/')) return whose;
    }
    return nullptr;
}

const handler* route_table::find(std::string_view path) const {
    const auto found = routes_.find(path);
    return found == routes_.end() ? nullptr : &found->second;
}

std::vector<std::string> route_table::paths() const {
    std::vector<std::string> all;
    for (const auto& [path, answer] : routes_) all.push_back(path);
    for (const auto& [top, whose] : posts_) all.insert(all.end(), {top, top + "/*"});
    return all;
}

} // namespace carillon::control
