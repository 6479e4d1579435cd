#pragma once

#include "base/name_hash.hpp"
#include "bus/broker.hpp"
#include "bus/home_question.hpp"
#include "ledger/envelope.hpp"
#include "ledger/script.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::ledger {

/// What node_streams has others do.
class node_listener : public call_taker {
public:
    /// The answer to what a shard has asked under this number.
    virtual void on_told(std::uint32_t shard, std::uint64_t number, const result<bus::home_answer>& said) = 0;
    /// For all who have subscribed to the channel: they have missed it.
    virtual void on_missed(std::string_view channel, const envelope& what) = 0;
    /// All who have subscribed to the channel have missed something that nobody can give them: they must be told.
    virtual void on_lost(std::string_view channel) = 0;

protected:
    ~node_listener() = default;
};

/// The streams at a Redis as one process sees them. All is read on the connection that brings the publications, so that
/// an answer stands among them where it belongs: what came before it is in it, what comes behind it is not. Who
/// subscribes when he hears the answer has missed nothing and hears nothing twice.
///
/// It knows where each channel stands that somebody here relies on. A publication that does not follow the one before
/// it (the connection was lost, Redis has lost its data) makes it read what is missing and give it to all, or say that
/// it cannot be had. What several ask of a channel at the same time is read once. Pure; time is given. Not thread-safe.
class node_streams {
public:
    using clock = std::chrono::steady_clock;

    struct limits {
        std::size_t reads_max = 32;               ///< that the server has not answered
        std::chrono::milliseconds patience{4000}; ///< with the answer to a question
        streams::page_limits page{};
    };

    node_streams(const limits& how, names in, node_listener& listener)
        : limits_{how}, names_{std::move(in)}, listener_{&listener} {}

    struct question {
        std::uint32_t shard = 0;
        std::uint64_t number = 0; ///< the shard's own
        std::string channel;
        bus::home_question what{};
        keeping how{};
    };
    /// on_told follows. `subscribed`: the process has the channel's subscription just now. If the question joins, the
    /// process has said that it wants it.
    void ask(question what, bool subscribed, clock::time_point now);

    /// A publication has come. True: its subscribers get it now.
    bool on_publication(std::string_view channel, const envelope& what);

    void on_subscribed(std::string_view channel);
    void on_refused(std::string_view channel, bus::error why);
    /// Nobody in this process relies on the channel any more.
    void on_released(std::string_view channel);
    /// An answer to the call of that number, which is forgotten; false: it is none of ours. `otherwise`: why there is
    /// none that makes sense.
    bool on_answer(std::uint64_t number, std::span<const resp::node> said, bus::error otherwise = bus::error::refused);
    /// The server does not know the script: the call is made again, with its text.
    const call* call_of(std::uint64_t number) const;
    /// Says whether a channel is meant.
    using which = std::function<bool(std::string_view channel)>;
    /// The connection is lost, and with it what is not answered: that is asked for again. Without `whose` that of all
    /// channels.
    void on_away(const which& whose = {});
    /// Sends what waits, as much as may be under way. To be called again after all that happens.
    void pump();
    void on_time(clock::time_point now);
    /// When on_time is due; max: nothing waits.
    clock::time_point wake_at() const noexcept;

    struct counters {
        std::uint64_t reads = 0;        ///< that were sent
        std::uint64_t reads_shared = 0; ///< questions that another one's answer was for, too
        std::uint64_t gaps = 0;         ///< times that something was missing
        std::uint64_t lost = 0;         ///< of these, times that it could not be had
        std::uint64_t repeated = 0;     ///< publications that had been here before
    };
    const counters& counts() const noexcept { return counts_; }
    std::size_t channels() const noexcept { return channels_.size(); }
    /// Some of what waits has not been looked at, since what stood before it could not be sent.
    bool has_more() const noexcept { return has_more_; }
    std::size_t waiting() const noexcept { return waiting_.size() + out_.size(); }

private:
    // What somebody here relies on.
    struct standing {
        bool subscribed = false;
        bool known = false;       // `last` is where it stands
        bool catching_up = false; // what is missing is being read
        streams::position last{};
        keeping how{};
        std::vector<std::uint64_t> joins{}; // questions that wait for that, or for the subscription
    };
    struct open_question {
        question what;
        clock::time_point until;
    };
    struct reading {
        std::string channel;
        bus::home_question what{};
        keeping how{};
        bool catches_up = false;
        std::vector<std::uint64_t> whose{}; // questions
        call sent{};
    };
    using shared_reading = std::shared_ptr<reading>;

    void enqueue(std::uint64_t number);
    void catch_up(const std::string& channel, standing& of);
    void read_on(const std::string& channel, standing& of);
    void settle(const std::string& channel, standing& of);
    void lose(const std::string& channel, standing& of);
    void on_read(reading& what, const result<bus::home_answer>& said);
    void on_caught_up(const reading& what, const result<bus::home_answer>& said);
    void tell(const std::vector<std::uint64_t>& whose, const result<bus::home_answer>& said);

    limits limits_;
    names names_;
    node_listener* listener_;
    boost::unordered_flat_map<std::string, std::unique_ptr<standing>, hash_of_name, std::equal_to<>> channels_;
    boost::unordered_flat_map<std::uint64_t, open_question> open_; // by our own numbers
    std::deque<std::uint64_t> by_time_;                            // of these; some are answered
    std::deque<shared_reading> waiting_;
    boost::unordered_flat_map<std::uint64_t, shared_reading> out_;
    boost::unordered_flat_map<std::string, std::weak_ptr<reading>, hash_of_name, std::equal_to<>> shared_;
    std::uint64_t last_number_ = 0;
    std::uint64_t last_call_ = 0;
    bool has_more_ = false;
    counters counts_;
};

} // namespace carillon::ledger
