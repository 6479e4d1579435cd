#pragma once

#include "bus/broker.hpp"
#include "bus/channel_home.hpp"
#include "bus/interest_filter.hpp"
#include "bus/mailbox.hpp"
#include "bus/survey.hpp"
#include "hub/patterns.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace carillon::bus {

class embedded_bus;

/// Channels and sharded channels are name spaces of their own: the same name in both means two things.
enum class name_space : std::uint8_t { channels, sharded };

/// A publication on its way between shards: one copy for all, which only the home changes, before it sends it around.
struct stored_publication {
    std::string channel;
    std::string payload;
    bool is_json = false;
    std::string info;
    std::size_t hash = 0;
    name_space where{};
    std::string tags{};
    streams::position at{}; ///< in the channel's stream, when the home has seen it
    hub::publication::kind what = hub::publication::kind::message;

    /// For the home, where there are any.
    struct wishes {
        bool skip_history = false;
        std::string idempotency_key{};
        std::uint64_t version = 0;
        std::string version_epoch{};
    };
    std::unique_ptr<const wishes> wished{};

    hub::publication view() const noexcept { return {payload, is_json, info, tags, at.offset, at.epoch.view(), what}; }
};

/// One shard's end of the embedded bus. Thread: the shard's, but for the mailbox.
class embedded_broker final : public broker {
public:
    embedded_broker(embedded_bus& bus, std::uint32_t shard, boost::asio::io_context& context, hub::hub& subscribers);

    interest subscribe(std::string_view channel, bool first, subscription_listener& who, ticket whose) override;
    void unsubscribe(std::string_view channel) override;
    std::optional<publish_result> publish(std::string_view channel, const publication& message, publish_listener& who,
                                          ticket whose) override;
    std::optional<result<home_answer>> ask_home(std::string_view channel, const home_question& asked,
                                                home_listener& who, ticket whose) override;
    void enter(std::string_view channel, const presence::client_id& who, presence::registry::member what) override;
    void leave(std::string_view channel, const presence::client_id& who) override;
    bool congested() const noexcept override { return hub_->waiting().congested(); }
    /// As many publications as allowed wait for other shards: a further one is refused.
    bool full() const noexcept;
    void on_time(std::chrono::steady_clock::time_point now) override {
        if (home_ == nullptr) return;
        home_->on_time(now);
        home_->tell_departed([this](std::string_view channel, const std::string& info) {
            announce(channel, info, hub::publication::kind::leave);
        });
    }

    /// Channels whose home this is have streams; before any thread runs. Without it none has one.
    void be_home(std::unique_ptr<channel_home> what) noexcept { home_ = std::move(what); }
    /// Null: channels have none.
    channel_home* home() noexcept { return home_.get(); }
    const channel_home* home() const noexcept { return home_.get(); }

    /// Sharded channels, as the calls of broker; who subscribes does so in sharded().
    void subscribe_sharded(std::string_view channel);
    void unsubscribe_sharded(std::string_view channel);
    /// The same as publish(), in either name space.
    std::optional<publish_result> publish_in(name_space where, std::string_view channel, const publication& message,
                                             publish_listener& who, ticket whose);
    /// The subscribers of sharded channels on this shard.
    hub::hub& sharded() noexcept { return sharded_; }

    /// The subscribers of patterns on this shard; whoever changes them says so afterwards, before he confirms.
    hub::patterns& patterns() noexcept { return patterns_; }
    void patterns_changed() noexcept;

    /// Who answers the questions that are asked on this or another shard; set before any thread runs.
    void set_respondent(respondent& who) noexcept { respondent_ = &who; }
    /// Asks all other shards, and this one for the rest of `own`, if there is one. Its respondent hears an answer from
    /// each of them.
    void ask(const std::shared_ptr<const question>& what, ticket whose, std::optional<inquiry> own = std::nullopt);
    std::uint32_t shards() const noexcept;

    /// Publications of this shard that are not answered yet.
    std::uint32_t in_flight() const noexcept { return in_flight_; }

private:
    using shared_publication = std::shared_ptr<stored_publication>;

    /// Who is to be answered, and where.
    struct publisher {
        std::uint32_t shard = 0;
        publish_listener* listener = nullptr; // only touched by its own shard
        ticket whose;
        std::size_t bytes = 0; // that the publication holds
    };

    // A question to a stream and its answer.
    struct exchange {
        std::uint32_t from = 0;
        home_listener* listener = nullptr; // only touched by its own shard
        ticket whose{};
        std::string channel;
        home_question asked{};
        home_answer said{};
    };

    // Somebody who enters a channel or leaves it.
    struct passage {
        std::string channel;
        presence::client_id who{};
        presence::registry::member what{};
    };

    // The messages between shards.
    struct message {
        enum class kind : std::uint8_t {
            sequence,  ///< to the channel's home: put this in order and send it around
            deliver,   ///< from the home: give it to your subscribers
            delivered, ///< to the home: this many got it
            published, ///< to the publisher's shard: this many got it in all
            ask,       ///< to the channel's home: what has its stream?
            told,      ///< to who has asked
            enter,     ///< to the channel's home: somebody is there
            leave,     ///< to the channel's home: somebody is there no more
            announce,  ///< from the home: tell your subscribers who came or went
        };
        kind what;
        std::uint32_t from = 0;  // deliver: the home
        std::uint32_t count = 0; // delivered, published
        std::uint32_t tally = 0; // deliver, delivered: which publication at the home
        publisher who{};
        shared_publication publication{};
        streams::position at{}; // published
        std::unique_ptr<exchange> asked{};
        std::unique_ptr<passage> passes{};
    };

    // A publication that the home still counts the receivers of.
    struct tally {
        publisher who;
        std::uint32_t waiting = 0;
        std::uint32_t receivers = 0;
        streams::position at{};
        std::uint32_t next_free = 0;
    };

    publish_result publish_here(name_space where, std::string_view channel, const publication& message);
    std::uint32_t deliver(name_space where, std::string_view channel, const hub::publication& message);
    bool may_want(const stored_publication& publication) const;
    void wildcards_changed() noexcept;
    void send(std::uint32_t shard, message what);
    void receive(std::vector<message>& messages);
    void handle_some();
    void handle(message& what);
    bool number(stored_publication& publication);
    void sequence(const publisher& who, const shared_publication& publication);
    void finish(const publisher& who, std::uint32_t receivers, const streams::position& at);
    void tell(exchange& what);
    void send_passage(bool enters, passage what);
    void pass(bool enters, passage& what);
    void announce(std::string_view channel, const std::optional<std::string>& info, hub::publication::kind what);
    std::uint32_t take_tally();
    void answer(std::shared_ptr<inquiry> of, embedded_broker& asks, ticket whose);

    embedded_bus* bus_;
    std::uint32_t shard_;
    hub::hub* hub_;
    hub::hub sharded_;
    hub::patterns patterns_;
    interest_filter filter_; // of both name spaces
    std::atomic<bool> has_patterns_{false};
    std::atomic<bool> has_wildcards_{false};
    boost::asio::io_context* context_;
    std::unique_ptr<channel_home> home_;
    respondent* respondent_ = nullptr;
    mailbox<message> mailbox_;
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
