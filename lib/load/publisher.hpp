#pragma once

#include "load/latencies.hpp"
#include "load/options.hpp"
#include "load/sockets.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace carillon::load {

/// What has become of publications.
struct publish_figures {
    std::uint64_t acknowledged = 0;
    std::uint64_t refused = 0;
    clock::time_point first_due{};
    clock::time_point last_answer{};
    latencies latency; ///< from due until acknowledged
};

/// Where publications go. Keeps their order within a channel, and waits only in wait().
class publisher {
public:
    explicit publisher(std::uint32_t in_flight_max) noexcept : in_flight_max_{in_flight_max} {}
    publisher(const publisher&) = delete;
    publisher& operator=(const publisher&) = delete;
    virtual ~publisher() = default;

    /// Whether one more publication may be on its way.
    bool is_ready() const noexcept { return in_flight_ < in_flight_max_ && trouble_.empty(); }
    std::uint32_t in_flight() const noexcept { return in_flight_; }

    /// Takes a copy; it leaves in wait() at the latest.
    virtual void publish(std::uint32_t channel, std::string_view payload, clock::time_point due) = 0;

    /// Sends what is to be sent, reads answers, and returns at `until`, or earlier when an answer has come.
    virtual void wait(clock::time_point until) = 0;

    /// Why nothing can be published any more; empty while it can.
    const std::string& trouble() const noexcept { return trouble_; }
    /// What the last refusal said; empty when there was none.
    const std::string& refusal() const noexcept { return refusal_; }

    const publish_figures& figures() const noexcept { return figures_; }
    void forget_figures() { figures_ = {}; }

protected:
    void count_answer(clock::time_point due, std::string_view refusal);
    void count_started(clock::time_point due) noexcept;
    void break_with(std::string why) {
        if (trouble_.empty()) trouble_ = std::move(why);
    }

private:
    const std::uint32_t in_flight_max_;
    std::uint32_t in_flight_ = 0;
    publish_figures figures_;
    std::string trouble_;
    std::string refusal_;
};

/// Connects to where `what.publish` says, within its timeout; whether that went well is in trouble().
std::unique_ptr<publisher> make_publisher(const options& what);
std::unique_ptr<publisher> make_resp_publisher(const options& what);
std::unique_ptr<publisher> make_http_publisher(const options& what);

/// A connected socket, or what is wrong.
struct publishing_socket {
    descriptor socket;
    std::string trouble;
};
publishing_socket connect_publisher(const options& what);

} // namespace carillon::load
