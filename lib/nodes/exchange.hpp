#pragma once

#include "nodes/message.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::nodes {

/// How nodes speak to each other. See docs/configuration.md.
struct exchange_options {
    std::string prefix = "carillon"; ///< of the channels on which they do
    std::string uid{};               ///< this node's
    std::size_t bytes_max = 65'536;  ///< of a message
    std::size_t orders_max = 256;    ///< of this node's that wait for answers, and of others' carried out here
    std::size_t sayings_max = 4'096; ///< of clients, on their way to other nodes
    std::chrono::milliseconds patience{2'000}; ///< for the answers of all
};

/// Where an exchange is heard, and what is done here.
struct exchange_ends {
    /// Says `text` on `channel`; `then`, if any, is told how many nodes listen there: 0 if the bus cannot be reached.
    /// Both on any thread.
    std::function<void(std::string channel, std::string text, std::function<void(std::uint32_t nodes)> then)> say;
    /// Carries out an order on this node. On the thread of `control`.
    std::function<boost::asio::awaitable<api::reply>(api::command)> carry_out;
    /// What a client of this node has said elsewhere. On the thread of `control`.
    std::function<void(std::string session, std::string data)> hear;
};

/// What has become of what a client said.
enum class passing : std::uint8_t { taken, too_many, too_large, nobody };

/// What the gateways that share a bus outside ask of each other. An order goes to all of them, this one included, on
/// `PREFIX.control`; how many they are is what the bus says. Each answers on `PREFIX.node.UID` of who has asked.
/// Thread: that of `control`, unless it is said.
class exchange {
public:
    exchange(boost::asio::io_context& control, exchange_options how, exchange_ends ends);
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;

    /// The channels on which this node is spoken to.
    std::vector<std::string> channels() const;
    /// Whether nobody but nodes may speak, or listen, there: every channel on which any node is spoken to. Any thread.
    static bool is_ours(std::string_view prefix, std::string_view channel) noexcept;
    /// What has come on one of them. Any thread.
    void heard(std::string_view text);

    struct tally {
        bool too_many = false;    ///< so many orders wait that this one was not given
        std::uint32_t asked = 0;  ///< nodes; 0: nobody could be reached
        std::vector<answer> said; ///< of each node at most one
        bool all() const noexcept { return asked > 0 && said.size() >= asked; }
    };
    /// Asks all nodes, or the one named `uid`, and waits until all have answered, or for as long as its patience lasts.
    boost::asio::awaitable<tally> ask(api::command what, std::string uid = {});

    /// Gives what a client said to the node that it is of, in its time. Any thread.
    passing pass_on(std::string_view node, saying what);

    struct counters {
        std::uint64_t nodes = 0;      ///< that the last order to all has reached
        std::uint64_t orders = 0;     ///< of this node
        std::uint64_t incomplete = 0; ///< of these, that not all have carried out in time
        std::uint64_t refused = 0;    ///< orders and messages, because too many were under way
        std::uint64_t carried_out = 0;
        std::uint64_t ignored = 0; ///< messages that were not understood
        std::uint64_t sayings = 0;
        std::uint64_t sayings_lost = 0; ///< of these, that nobody heard or that were refused
    };
    counters counts() const;

private:
    struct collection {
        explicit collection(boost::asio::io_context& context) : ended{context} {}
        bool complete() const noexcept { return expected && found.said.size() >= *expected; }
        boost::asio::steady_timer ended;
        std::optional<std::uint32_t> expected{};
        tally found{};
    };

    void on_message(std::string_view text);
    void on_answer(answer what);
    void on_order(order what);
    boost::asio::awaitable<void> carry_out(order what);
    void reply(const std::string& to, std::uint64_t number, api::reply what);
    std::string channel_of(std::string_view uid) const;

    boost::asio::io_context* context_;
    exchange_options options_;
    exchange_ends ends_;
    api::decoder decoder_;
    boost::unordered_flat_map<std::uint64_t, std::shared_ptr<collection>> waiting_;
    std::uint64_t last_number_ = 0;
    std::size_t carrying_out_ = 0;
    counters counts_;
    std::atomic<std::size_t> heard_waiting_ = 0; // messages that have come and are not looked at yet
    std::atomic<std::uint64_t> dropped_ = 0;     // of these, because there were too many
    std::atomic<std::size_t> sayings_waiting_ = 0;
    std::atomic<std::uint64_t> sayings_ = 0;
    std::atomic<std::uint64_t> sayings_lost_ = 0;
};

} // namespace carillon::nodes
