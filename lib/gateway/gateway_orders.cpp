#include "api/rebalance.hpp"
#include "gateway/gateway.hpp"

#include <utility>
#include <variant>

// What operators ask of this gateway itself.
namespace carillon::gateway {

namespace asio = boost::asio;

// With the keys of the server API, and so only where there is one.
void gateway::offer_departures() {
    rebalance_route_.emplace(api_route_->keys(), api::rebalance_bytes_max,
                             [this](std::string body) { return rebalance(std::move(body)); });
    control_routes_.add("/api/rebalance", *rebalance_route_);
}

asio::awaitable<control::response> gateway::drain_progress() {
    const departures::progress now = co_await departures_->look();
    co_return control::response{
        .status = 200, .content_type = "application/json", .body = text_of(now) + "\n", .fields = {}};
}

asio::awaitable<control::response> gateway::rebalance(std::string body) {
    const auto asked = api::read_rebalance(body);
    if (const auto* wrong = std::get_if<api::mistake>(&asked))
        co_return control::response{.status = 400, .body = wrong->sentence + "\n", .fields = {}};
    std::string done = co_await departures_->rebalance(std::get<api::rebalance_request>(asked));
    co_return control::response{
        .status = 200, .content_type = "application/json", .body = std::move(done) + "\n", .fields = {}};
}

} // namespace carillon::gateway
