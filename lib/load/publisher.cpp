#include "load/publisher.hpp"

#include <utility>

namespace carillon::load {

void publisher::count_started(clock::time_point due) noexcept {
    ++in_flight_;
    if (figures_.first_due == clock::time_point{}) figures_.first_due = due;
}

void publisher::count_answer(clock::time_point due, std::string_view refusal) {
    const clock::time_point now = clock::now();
    --in_flight_;
    if (!refusal.empty()) {
        ++figures_.refused;
        refusal_ = refusal;
        return;
    }
    ++figures_.acknowledged;
    figures_.last_answer = now;
    figures_.latency.record(now - due);
}

publishing_socket connect_publisher(const options& what) {
    resolved to = resolve(*what.publish);
    const std::string failed = "cannot connect to " + what.publish->authority() + " to publish: ";
    if (!to.trouble.empty()) return {{}, failed + to.trouble};
    auto made = begin_connect(to.where, 0);
    if (!made) return {{}, failed + made.error().message()};
    const error_code why = await_connected(*made, clock::now() + what.timeout);
    if (why) return {{}, failed + why.message()};
    return {std::move(*made), {}};
}

std::unique_ptr<publisher> make_publisher(const options& what) {
    return what.publish->scheme == "redis" ? make_resp_publisher(what) : make_http_publisher(what);
}

} // namespace carillon::load
