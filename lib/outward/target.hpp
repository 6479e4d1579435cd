#pragma once

#include "metrics/outward_facts.hpp"
#include "outward/breaker.hpp"
#include "outward/connection.hpp"
#include "outward/request.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace carillon::outward {

/// One target with its connections and its queue. Thread: the client's, but for `admit` and `refuse`.
class target {
public:
    /// Throws boost::system::system_error if the CA file cannot be read.
    target(boost::asio::io_context& context, const target_options& how);
    target(const target&) = delete;
    target& operator=(const target&) = delete;
    ~target();

    /// Whether one more request is taken: then `ask` must follow. Any thread.
    bool admit() noexcept;
    /// Counts one that was not. Any thread.
    void refuse() noexcept { refused_.fetch_add(1, std::memory_order_relaxed); }

    void ask(request what, completion done);
    void stop();

    /// Whether a name is being looked up.
    bool looks_up() const noexcept;
    metrics::outward_facts facts() const;

private:
    using clock = std::chrono::steady_clock;
    struct job;

    void start_waiting();
    void end(job& of, answer with);
    void on_late(job& of);
    void settle(job& of, const error_code& failed, response& got);
    void keep(std::unique_ptr<connection> idle);
    std::unique_ptr<connection> take_idle();
    void sweep();
    boost::asio::awaitable<void> carry_out(std::shared_ptr<job> of);
    boost::asio::awaitable<error_code> attempt(std::shared_ptr<job> of, std::unique_ptr<connection>& on,
                                               response& into);

    boost::asio::io_context* context_;
    target_options options_;
    std::string authority_;
    std::optional<boost::asio::ssl::context> trust_;
    breaker breaker_;
    std::atomic<std::size_t> admitted_ = 0;
    std::atomic<std::uint64_t> refused_ = 0;
    metrics::outward_facts facts_;
    std::deque<std::shared_ptr<job>> waiting_;     // those that have ended stay until they are first
    std::deque<std::unique_ptr<connection>> idle_; // the one that has been idle longest first
    std::deque<job*> running_;
    boost::asio::steady_timer sweep_;
    bool sweeping_ = false;
    bool stopped_ = false;
};

} // namespace carillon::outward
