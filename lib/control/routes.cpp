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

const handler* route_table::find(std::string_view target) const {
    const auto found = routes_.find(target.substr(0, target.find('?')));
    return found == routes_.end() ? nullptr : &found->second;
}

} // namespace carillon::control
