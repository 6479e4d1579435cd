#include "gateway/gateway.hpp"

#include <spdlog/spdlog.h>

#include <stdexcept>
#include <utility>

// One process that takes the place of another (docs/decisions/0059).
namespace carillon::gateway {

// Sockets that the configuration does not name would be served without anybody knowing, and streams of another bus are
// other streams.
void gateway::check_place(const predecessor& before, const config::settings& how, const redis::redis_link* bus) {
    if (before.bus() != (bus != nullptr ? bus->where() : std::string{}))
        throw std::runtime_error{"cannot take over: the running process has its bus at " +
                                 (before.bus().empty() ? "itself" : before.bus()) + "; it goes on"};
    if (before.has_bus_door() != how.bus_listen.has_value())
        throw std::runtime_error{"cannot take over: only one of the two processes has a bus door; the running one goes "
                                 "on"};
}

std::uint16_t gateway::listen_for_control() {
    if (before_ == nullptr)
        return http_.listen(settings_.control_listen.host, settings_.control_listen.port, control_routes_);
    std::uint16_t port = 0;
    for (shards::inheritance::one& each : before_->control_sockets()) {
        const std::uint16_t its = http_.listen_on(each.socket.release(), each.host, control_routes_);
        if (port == 0) port = its;
    }
    return port;
}

void gateway::take_over() {
    const auto began = std::chrono::steady_clock::now();
    const auto made =
        before_->take_clients(shards_, settings_.upgrade_timeout, [this] { return !upstream_ || upstream_->live(); });
    before_->sockets() = {}; // the shards have their own copies, which are to be the last
    http_.take_files();
    const auto length = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    spdlog::info("upgrade: {} clients have been taken over in {} ms; {} subscriptions have to begin anew", made.clients,
                 length.count(), made.lost);
}

void gateway::await_successor() {
    if (settings_.upgrade_socket.empty()) return;
    try {
        successor_.emplace(settings_.upgrade_socket,
                           successor_door::ends{.bus = upstream_ ? upstream_->where() : std::string{},
                                                .patience = settings_.upgrade_timeout,
                                                .control = &control_context_,
                                                .control_sockets = [this] { return http_.sockets(); },
                                                .handed_over = [this] { follow_successor(); }},
                           shards_);
        successor_->start();
        spdlog::info("a new process can take over at unix:{}", settings_.upgrade_socket);
    } catch (const std::exception& why) {
        // It serves all the same.
        successor_.reset();
        spdlog::error("nobody can take over from this process: {}", why.what());
    }
}

// What is left are those that could not go.
void gateway::follow_successor() {
    http_.hand_over();
    if (stopping_.exchange(true)) return;
    outside_->tell("draining");
    departures_->begin({.window = settings_.drain_window, .patience = settings_.shutdown_timeout});
}

} // namespace carillon::gateway
