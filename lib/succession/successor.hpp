#pragma once

#include "net/descriptor_channel.hpp"
#include "shards/shard.hpp"
#include "takeover/records.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace carillon::succession {

/// The door for a new process that takes over (docs/decisions/0059): a socket where it says so, and a thread that gives
/// it listeners and clients. Until it has been told that they are its own, everything can go on here as if nothing had
/// happened, and does when anything fails.
class successor_door {
public:
    using all_shards = std::vector<std::unique_ptr<shards::shard>>;

    struct ends {
        std::string bus; ///< where it is; empty: inside of the process
        std::chrono::milliseconds patience{10'000};
        boost::asio::io_context* control = nullptr;
        /// The control port's sockets, on the control plane's thread.
        std::function<std::vector<std::pair<std::string, int>>()> control_sockets;
        /// On the control plane's thread: the process has another one's clients from now on, and ends.
        std::function<void()> handed_over;
    };

    /// Throws boost::system::system_error when it cannot listen at `path`. `all` may be filled later, before start().
    successor_door(std::string path, ends how, const all_shards& all);
    successor_door(const successor_door&) = delete;
    successor_door& operator=(const successor_door&) = delete;
    ~successor_door() { stop(); }

    void start();
    /// Waits for what is under way. The socket's name goes. Any thread but its own.
    void stop();

private:
    using clock = std::chrono::steady_clock;
    using complaint = std::optional<std::string>;
    class standstill;

    void run();
    bool serve(net::descriptor_channel& to);
    complaint greet(net::descriptor_channel& to, std::string& build);
    complaint give_listeners(net::descriptor_channel& to);
    complaint prepare(clock::time_point until);
    complaint give_clients(net::descriptor_channel& to, clock::time_point until, std::uint64_t& given);
    complaint settle(clock::time_point until);
    complaint commit(net::descriptor_channel& to, clock::time_point until);
    void give_up();
    std::uint64_t let_go();
    complaint send(net::descriptor_channel& to, const takeover::message& what, std::span<const int> descriptors,
                   clock::time_point until);

    net::channel_listener door_;
    ends ends_;
    const all_shards* shards_;
    std::thread thread_;
    std::atomic<bool> stopping_ = false;
};

} // namespace carillon::succession
