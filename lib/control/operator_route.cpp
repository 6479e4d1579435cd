#include "control/operator_route.hpp"

#include <fmt/format.h>

#include <utility>

namespace carillon::control {

std::optional<response> operator_route::refuse(const request_facts& head) {
    method_set may;
    if (auto why = refuse_stranger(head, *keys_, may)) return why;
    if (!may.all()) return response{.status = 403, .body = "This needs a key that is for all methods.\n", .fields = {}};
    if (head.body_bytes && *head.body_bytes > body_bytes_max_) return too_large(head);
    return std::nullopt;
}

response operator_route::too_large(const request_facts&) {
    return {.status = 413, .body = fmt::format("The body is larger than {} bytes.\n", body_bytes_max_), .fields = {}};
}

boost::asio::awaitable<response> operator_route::answer(const request_facts&, std::string body) {
    response made = co_await what_(std::move(body));
    co_return made;
}

} // namespace carillon::control
