#pragma once

#include "net/descriptor_channel.hpp"
#include "shards/shard.hpp"
#include "takeover/records.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace carillon::succession {

/// The process that this one takes over from (docs/decisions/0059): what it listens on, and then its clients. Blocking:
/// for the thread that starts the program.
class predecessor {
public:
    using all_shards = std::vector<std::unique_ptr<shards::shard>>;

    /// Finds it at `path` and takes copies of its listening sockets. Throws boost::system::system_error if there is
    /// nobody, or std::runtime_error with its words if it refuses; then it goes on.
    explicit predecessor(const std::string& path);

    shards::inheritance& sockets() noexcept { return sockets_; }
    std::vector<shards::inheritance::one>& control_sockets() noexcept { return control_; }
    bool has_bus_door() const noexcept { return !sockets_.buses.empty(); }
    /// Where its bus is; empty: inside of the process.
    const std::string& bus() const noexcept { return bus_; }

    struct outcome {
        std::uint64_t clients = 0;
        std::uint64_t lost = 0; ///< subscriptions whose clients have to begin anew
    };
    /// Takes its clients to shards that run and have not begun, and lets them begin. `is_ready` is asked until it says
    /// so. Throws std::runtime_error if nothing comes of it: then the clients are the other process', and the shards
    /// have none.
    outcome take_clients(all_shards& into, std::chrono::milliseconds patience, const std::function<bool()>& is_ready);

private:
    using clock = std::chrono::steady_clock;

    void take_sockets(std::uint32_t count);
    std::uint64_t receive_clients(all_shards& into, clock::time_point until);
    void take(all_shards& into, takeover::clients what, std::vector<net::owned_descriptor> descriptors,
              clock::time_point until);
    takeover::message next(clock::time_point until, std::vector<net::owned_descriptor>& descriptors);
    void send(const takeover::message& what);

    net::descriptor_channel channel_;
    shards::inheritance sockets_;
    std::vector<shards::inheritance::one> control_;
    std::string bus_;
    std::string build_;
    std::size_t next_shard_ = 0;
};

} // namespace carillon::succession
