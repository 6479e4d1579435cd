#pragma once

#include "bus/broker.hpp"
#include "bus/interest_filter.hpp"
#include "bus/mailbox.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace carillon::bus {

class embedded_bus;

/// A publication on its way between shards: one copy for all.
struct stored_publication {
    std::string channel;
    std::string payload;
    bool is_json = false;
    std::string info;
    std::size_t hash = 0;

    hub::publication view() const noexcept { return {payload, is_json, info}; }
};

/// One shard's end of the embedded bus. Thread: the shard's, but for the mailbox.
class embedded_broker final : public broker {
public:
    embedded_broker(embedded_bus& bus, std::uint32_t shard, boost::asio::io_context& context, hub::hub& subscribers);

    void subscribe(std::string_view channel) override;
    void unsubscribe(std::string_view channel) override;
    std::optional<publish_result> publish(std::string_view channel, const hub::publication& message,
                                          publish_listener& who, publish_ticket ticket) override;
    bool available() const override { return true; }

    /// Publications of this shard that are not answered yet.
    std::uint32_t in_flight() const noexcept { return in_flight_; }

private:
    using shared_publication = std::shared_ptr<const stored_publication>;

    /// Who is to be answered, and where.
    struct publisher {
        std::uint32_t shard = 0;
        publish_listener* listener = nullptr; // only touched by its own shard
        publish_ticket ticket;
        std::size_t bytes = 0; // that the publication holds
    };

    // The messages between shards.
    struct message {
        enum class kind : std::uint8_t {
            sequence,  ///< to the channel's home: put this in order and send it around
            deliver,   ///< from the home: give it to your subscribers
            delivered, ///< to the home: this many got it
            published, ///< to the publisher's shard: this many got it in all
        };
        kind what;
        std::uint32_t from = 0;  // deliver: the home
        std::uint32_t count = 0; // delivered, published
        std::uint32_t tally = 0; // deliver, delivered: which publication at the home
        publisher who{};
        shared_publication publication{};
    };

    // A publication that the home still counts the receivers of.
    struct tally {
        publisher who;
        std::uint32_t waiting = 0;
        std::uint32_t receivers = 0;
        std::uint32_t next_free = 0;
    };

    void send(std::uint32_t shard, message what);
    void receive(std::vector<message>& messages);
    void handle_some();
    void handle(message& what);
    void sequence(const publisher& who, const shared_publication& publication);
    void finish(const publisher& who, std::uint32_t receivers);
    std::uint32_t take_tally();

    embedded_bus* bus_;
    std::uint32_t shard_;
    hub::hub* hub_;
    interest_filter filter_;
    mailbox<message> mailbox_;
    boost::asio::io_context* context_;
    std::deque<message> inbox_; // taken from the mailbox, not handled yet
    std::vector<tally> tallies_;
    std::uint32_t first_free_tally_ = 0;
    std::uint32_t in_flight_ = 0;
    std::size_t in_flight_bytes_ = 0;
};

/// The bus inside of one process: a Redis-like publish/subscribe without a server. With one shard a publication goes
/// straight into its hub. With several, every channel has a home shard (by its hash) that puts its publications in one
/// order for all and sends them only where somebody may listen; the publisher is told how many listened.
class embedded_bus {
public:
    /// At most `in_flight_max` publications of one shard, of at most `in_flight_bytes_max` bytes, may be unanswered;
    /// more are refused as `error::busy`.
    explicit embedded_bus(std::uint32_t shards, std::uint32_t in_flight_max = 65536,
                          std::size_t in_flight_bytes_max = 16 * 1024 * 1024);

    /// Makes the end of shard `shard`; once for each, all of them before any thread runs.
    embedded_broker& connect(std::uint32_t shard, boost::asio::io_context& context, hub::hub& subscribers);

private:
    friend class embedded_broker;

    std::vector<std::unique_ptr<embedded_broker>> brokers_;
    std::uint32_t in_flight_max_;
    std::size_t in_flight_bytes_max_;
};

} // namespace carillon::bus
