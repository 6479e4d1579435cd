#pragma once

#include "base/name_hash.hpp"
#include "bus/broker.hpp"
#include "bus/interest_filter.hpp"
#include "bus/mailbox.hpp"
#include "channels/rules.hpp"
#include "hub/hub.hpp"
#include "ledger/node_streams.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::redis {

using bus::error;
using bus::interest;
using bus::publish_listener;
using bus::publish_result;
using bus::subscription_listener;
using bus::ticket;

class redis_link;

/// A message of the bus on its way to the shards: one copy for all. The link counts `held_bytes` for as long as any of
/// them has it.
struct upstream_message {
    upstream_message(redis_link& from, std::size_t bytes, std::string_view name, const hub::publication& what,
                     std::string_view by);
    upstream_message(const upstream_message&) = delete;
    upstream_message& operator=(const upstream_message&) = delete;
    ~upstream_message();

    redis_link& link;
    std::size_t held_bytes;
    std::string channel;
    std::string wildcard; // by which it has come; empty: by its channel's name
    std::string payload;
    bool is_json;
    std::string info;
    std::string tags;
    streams::position at;
    hub::publication::kind kind;

    hub::publication view() const noexcept { return {payload, is_json, info, tags, at.offset, at.epoch.view(), kind}; }
};

/// One shard's end of a Redis deployment. Thread: the shard's.
class redis_broker final : public bus::broker {
public:
    redis_broker(redis_link& link, std::uint32_t shard, boost::asio::io_context& context, hub::hub& subscribers);

    interest subscribe(std::string_view channel, bool first, subscription_listener& who, ticket whose) override;
    void withdraw(std::string_view channel, std::uint64_t connection) override;
    void unsubscribe(std::string_view channel) override;
    std::optional<publish_result> publish(std::string_view channel, const bus::publication& message,
                                          publish_listener& who, ticket whose) override;
    std::optional<result<bus::home_answer>> ask_home(std::string_view channel, const bus::home_question& asked,
                                                     bus::home_listener& who, ticket whose) override;
    void enter(std::string_view channel, const presence::client_id& who, presence::registry::member what) override;
    void leave(std::string_view channel, const presence::client_id& who) override;
    void forget(std::string_view channel, const presence::client_id& who) override;
    std::size_t unanswered() const noexcept override { return waiting_ + asking_.size(); }
    bool congested() const noexcept override { return false; } // a publication too many is refused
    void on_time(std::chrono::steady_clock::time_point now) override;

    std::size_t pending() const noexcept { return waiting_; }

private:
    friend class redis_link;

    // What the link tells a shard.
    struct notice {
        enum class kind : std::uint8_t { subscribed, refused, message, published, away, back, told, lost };
        kind what;
        std::string channel{};                                  // subscribed, refused, lost
        std::uint64_t heard = 0;                                // subscribed, refused: of what this shard has asked
        error why{};                                            // refused
        std::shared_ptr<const upstream_message> message{};      // message
        publish_listener* listener = nullptr;                   // published
        ticket whose{};                                         // published
        publish_result receivers{std::uint32_t{0}};             // published
        std::size_t bytes = 0;                                  // published: that it held
        std::uint64_t question = 0;                             // told
        std::shared_ptr<const result<bus::home_answer>> said{}; // told
    };
    // A question about a stream that is not answered yet.
    struct asking {
        bus::home_listener* who;
        ticket whose;
        std::string channel;
        bool joins;
    };
    // Who has subscribed and not been told yet that nothing will be missed.
    struct waiter {
        subscription_listener* who;
        ticket whose;
        std::chrono::steady_clock::time_point since;
    };
    // They wait for what the link answers to one request; what it has told before is of an earlier interest.
    struct unconfirmed_channel {
        std::uint64_t asked = 0;
        bool nobody_told = false; // that it has this channel, on this shard
        std::vector<waiter> waiters{};
    };

    void receive(std::vector<notice>& notices);
    void handle_some();
    void handle(const notice& what);
    bool outdated(const notice& what) const;
    void deliver(const upstream_message& what);
    std::vector<waiter> take_waiters(std::string_view channel);
    void confirm(std::string_view channel);
    void refuse(std::string_view channel, error why);

    // broker_home.cpp: what is kept at the server
    const channels::name_space* space_of(std::string_view channel) const noexcept;
    std::unique_ptr<ledger::call> call_of(std::string_view channel, const bus::publication& message) const;
    void hold(const std::string& channel);
    void let_go(const std::string& channel);
    ledger::keeping keeping_of(const channels::name_space& space) const noexcept;
    void tell(const notice& what);

    redis_link* link_;
    std::uint32_t shard_;
    hub::hub* hub_;
    boost::asio::io_context* context_;
    subscription_listener* listener_ = nullptr; // of everybody who subscribes on this shard
    bus::interest_filter filter_;
    bus::mailbox<notice> mailbox_;
    std::deque<notice> inbox_; // taken from the mailbox, not handled yet
    boost::unordered_flat_map<std::string, unconfirmed_channel, hash_of_name> unconfirmed_;
    std::size_t waiting_ = 0;              // in all of them
    std::uint64_t asked_ = 0;              // of the link about channels, ever
    std::atomic<std::uint64_t> heard_ = 0; // of these, by the link; written by its thread
    std::size_t in_flight_ = 0;
    std::size_t in_flight_bytes_ = 0;
    bool away_ = true;
    std::optional<channels::rules> rules_; // none: nothing is kept at the server
    boost::unordered_flat_map<std::uint64_t, asking> asking_;
    std::uint64_t last_question_ = 0;
    // Who hears an answer subscribes then, and so many questions are there: until then the channel is wanted for them.
    boost::unordered_flat_map<std::string, std::uint32_t, hash_of_name, std::equal_to<>> joining_;
};

} // namespace carillon::redis
