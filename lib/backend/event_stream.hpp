#pragma once

#include "metrics/outward_facts.hpp"
#include "outward/client.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::backend {

/// What one address of the application is told, in order and in batches, one request after another
/// (docs/events.md). Events are numbered from 1 on, those that are dropped, too, and a batch says its
/// first number: so a receiver sees each gap. A batch that is not taken is sent again for a time, at growing intervals.
/// Costs nothing while nothing happens.
class event_stream {
public:
    struct options {
        std::string name{}; ///< in the log
        std::size_t target = 0;
        std::vector<outward::field> fields{}; ///< of each request
        std::size_t batch_max = 100;
        std::chrono::milliseconds wait{100}; ///< for others to go with an event
        std::size_t waiting_max = 16'384;    ///< events of at most weight_bytes each
        std::chrono::milliseconds retry{30'000};
        std::chrono::milliseconds pause_min{100}; ///< before a batch is sent again; it doubles
        std::chrono::milliseconds pause_max{5'000};
    };
    static constexpr std::size_t weight_bytes = 512;

    event_stream(outward::client& via, options how);
    event_stream(const event_stream&) = delete;
    event_stream& operator=(const event_stream&) = delete;

    /// Before the first event is sent.
    void be_called(std::string_view node, std::string_view boot);

    // Any thread.
    /// Takes an event, one JSON object.
    void add(std::string event);
    /// The number of the last one.
    std::uint64_t last() const;
    metrics::event_counts counts() const;
    /// From now on nothing waits for others.
    void hurry();
    /// Returns when everything has been told, or after `patience`; then nothing is sent any more. Not on the client's
    /// thread.
    void finish(std::chrono::milliseconds patience);

private:
    using clock = std::chrono::steady_clock;
    enum class state : std::uint8_t { idle, gathering, sending, pausing, stopped };

    static std::size_t weight_of(const std::string& event) noexcept { return event.size() / weight_bytes + 1; }
    void wake();
    void go_on();
    void send_next();
    void send();
    void on_answer(const outward::answer& said);
    void after(std::chrono::milliseconds pause, state meanwhile, void (event_stream::*then)());

    outward::client* via_;
    options options_;
    std::string head_; // of each batch

    mutable std::mutex lock_;
    std::condition_variable told_all_;
    std::deque<std::string> waiting_;
    std::size_t weight_ = 0; // of those
    std::uint64_t last_ = 0;
    metrics::event_counts counts_{}; // but for what waits
    bool is_awake_ = false;          // there is something to tell
    bool is_hurried_ = false;

    // The client's thread:
    boost::asio::steady_timer timer_;
    state state_ = state::idle;
    std::string body_; // of the batch that is being told
    std::size_t events_in_body_ = 0;
    clock::time_point begun_{};
    std::chrono::milliseconds pause_{};
    bool has_gap_ = false; // a batch was dropped, and nothing told since
    bool is_failing_ = false;
};

} // namespace carillon::backend
