#pragma once

#include "base/check.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/intrusive/list.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace carillon::work {

class work_pool;

/// The right to work: a strand to be resumed on and a buffer to read into. Movable; gives itself back when it ends, and
/// the longest waiting gets it next. Empty when the pool has closed or the wait was over.
class lease {
public:
    lease() noexcept = default;
    lease(lease&& other) noexcept : pool_{std::exchange(other.pool_, nullptr)}, slot_{other.slot_} {}
    lease& operator=(lease&& other) noexcept {
        lease ended{std::move(*this)};
        pool_ = std::exchange(other.pool_, nullptr);
        slot_ = other.slot_;
        return *this;
    }
    ~lease();

    explicit operator bool() const noexcept { return pool_ != nullptr; }

    /// The bytes to read into. `readable_padding` more may be read past them (simdjson), never written by the holder.
    /// Valid as long as the lease.
    std::span<std::byte> buffer() const noexcept;

private:
    friend class work_pool;
    lease(work_pool& pool, std::uint32_t slot) noexcept : pool_{&pool}, slot_{slot} {}

    work_pool* pool_ = nullptr;
    std::uint32_t slot_ = 0;
};

/// The goroutine pool of the article (3.3): a fixed number of leases. Who has none has no buffer and waits in line,
/// first come, first served; the line is as long as there are connections, since each stands in it at most once. A
/// lease that is free is granted on the spot, without a hop; one that somebody waited for is granted on its strand, so
/// that a long line is served between the shard's other events. Thread: its shard's.
class work_pool {
    struct waiter;

public:
    using executor = boost::asio::io_context::executor_type;
    static constexpr std::size_t readable_padding = 64;

    struct counters {
        std::uint64_t waits = 0;    ///< acquires that found no free lease
        std::uint64_t timeouts = 0; ///< of those in acquire_within, that gave up
    };

    work_pool(boost::asio::io_context& context, std::uint32_t leases, std::size_t buffer_bytes);
    work_pool(const work_pool&) = delete;
    work_pool& operator=(const work_pool&) = delete;
    ~work_pool();

    class acquire_awaiter;
    class yield_awaiter;

    /// co_await it for a lease, for as long as it takes; empty only when the pool closes.
    acquire_awaiter acquire() noexcept;
    /// co_await it for a lease that is free within `patience`, which is more than zero; empty otherwise. The article's
    /// ScheduleTimeout.
    acquire_awaiter acquire_within(std::chrono::milliseconds patience) noexcept;
    /// co_await it to let the shard's other events go first, keeping the lease: posts through its strand.
    yield_awaiter yield(const lease& held) noexcept;

    /// A free lease right now, or an empty one.
    lease try_acquire() noexcept;

    /// Everybody in line gets an empty lease, and so does everybody who comes later.
    void close();

    std::uint32_t capacity() const noexcept { return static_cast<std::uint32_t>(slots_.size()); }
    std::uint32_t used() const noexcept { return capacity() - static_cast<std::uint32_t>(free_.size()); }
    std::size_t waiting() const noexcept { return line_.size(); }
    const counters& counts() const noexcept { return counts_; }

private:
    friend class lease;

    struct slot {
        std::unique_ptr<std::byte[]> buffer; // made at first use, kept
        boost::asio::strand<executor> strand;
    };

    struct everybody;
    struct impatient;
    template <class Tag>
    using place_in = boost::intrusive::list_base_hook<boost::intrusive::tag<Tag>>;
    template <class Tag>
    using line_of = boost::intrusive::list<waiter, boost::intrusive::base_hook<place_in<Tag>>>;

    struct waiter : place_in<everybody>, place_in<impatient> {
        std::coroutine_handle<> waiting;
        lease given;
        std::chrono::steady_clock::time_point patient_until = std::chrono::steady_clock::time_point::max();
    };

    void give_back(std::uint32_t returned) noexcept;
    void leave_line(waiter& leaving) noexcept;
    void watch_patience(std::chrono::steady_clock::time_point until);
    void end_impatient_waits();

    boost::asio::io_context* context_;
    std::size_t buffer_bytes_;
    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_; // last in, first out: a warm buffer first
    line_of<everybody> line_;
    line_of<impatient> impatient_;       // those of the line who wait with a limit: the acceptors
    boost::asio::steady_timer patience_; // one for all of them
    std::chrono::steady_clock::time_point patience_watched_ = std::chrono::steady_clock::time_point::max();
    counters counts_;
    bool closed_ = false;
};

class [[nodiscard]] work_pool::acquire_awaiter {
public:
    acquire_awaiter(work_pool& pool, std::chrono::milliseconds patience) noexcept : pool_{pool}, patience_{patience} {}
    acquire_awaiter(const acquire_awaiter&) = delete;
    acquire_awaiter& operator=(const acquire_awaiter&) = delete;

    bool await_ready() noexcept;
    void await_suspend(std::coroutine_handle<> waiting);
    lease await_resume() noexcept { return std::move(place_.given); }

private:
    work_pool& pool_;
    std::chrono::milliseconds patience_; // zero or less: without end
    waiter place_;
};

class [[nodiscard]] work_pool::yield_awaiter {
public:
    explicit yield_awaiter(slot& through) noexcept : through_{through} {}

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting);
    void await_resume() const noexcept {}

private:
    slot& through_;
};

} // namespace carillon::work
