#pragma once

#include "net/acceptor.hpp"
#include "net/detached.hpp"
#include "net/system_calls.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>

namespace carillon::net {

struct listen_options {
    std::string host;       ///< a numeric address, or the path of a unix socket
    std::uint16_t port = 0; ///< 0: any that is free
    int backlog = 4096;     ///< connections the kernel keeps while none may be accepted
    /// TCP_DEFER_ACCEPT: the kernel keeps a connection until its first bytes have come, at most about this long, so
    /// that they can be read when it is accepted. Zero: off. For protocols in which the client speaks first.
    std::chrono::seconds bytes_first{0};
    bool share_port = false;           ///< SO_REUSEPORT: one listener a shard, the kernel spreads connections over them
    std::chrono::seconds keepalive{0}; ///< of silence, after which the kernel asks whether the peer is there; 0: never
    /// TCP_USER_TIMEOUT: what was sent and is not acknowledged, or not taken by a peer that reads nothing, ends the
    /// connection after this time. Keepalive asks only where nothing is on its way. 0: the kernel's quarter of an hour.
    std::chrono::milliseconds unacknowledged{0};
};

/// A listening socket of one shard. Thread: the shard's.
class listener {
public:
    struct counters {
        std::uint64_t accepted = 0;
        std::uint64_t no_lease = 0; ///< times that a connection was left in the backlog for want of a lease
        std::uint64_t fd_limit = 0; ///< EMFILE and its kin
        std::uint64_t failed = 0;   ///< other errors of accept
    };

    /// Throws boost::system::system_error with the address in its text when it cannot listen.
    listener(boost::asio::io_context& context, const listen_options& options, const system_calls& calls = kernel());
    /// Listens on the socket of another shard's listener: unix sockets know no SO_REUSEPORT, so that all shards accept
    /// from one. Whoever is first gets a connection; the others find none.
    listener(boost::asio::io_context& context, const listener& other);

    /// Listens on a socket that another process has had, as acceptor.
    listener(boost::asio::io_context& context, int descriptor, const std::string& host);

    std::uint16_t port() const noexcept { return acceptor_.port(); }
    const std::string& where() const noexcept { return acceptor_.where(); }

    /// Ends accept_connections; the port is free again.
    void stop();
    /// The same, where another process goes on with the socket.
    void hand_over() {
        acceptor_.leave_file();
        stop();
    }
    /// Nobody else has the socket any more.
    void take_file() noexcept { acceptor_.take_file(); }
    int descriptor() { return acceptor_.descriptor(); }
    const std::string& host() const noexcept { return acceptor_.host(); }
    bool stopped() const noexcept { return stopped_; }

    counters& counts() noexcept { return counts_; }
    const counters& counts() const noexcept { return counts_; }

    class wait_awaiter;
    /// co_await it until a connection can be accepted. False: stopped.
    wait_awaiter acceptable() noexcept;
    /// co_await it to leave the backlog alone for a while. False: stopped.
    wait_awaiter pause(std::chrono::milliseconds length) noexcept;

    /// One connection's descriptor, or why there is none.
    io_result accept() { return calls_->accept(acceptor_.descriptor()); }

    gate& coroutines() noexcept { return coroutines_; }

private:
    acceptor acceptor_;
    boost::asio::steady_timer timer_;
    const system_calls* calls_;
    gate coroutines_;
    counters counts_;
    bool stopped_ = false;
};

// References and plain values only: g++ 12 and awaiters (docs/decisions/0002).
class [[nodiscard]] listener::wait_awaiter {
public:
    wait_awaiter(listener& owner, std::chrono::milliseconds pause) noexcept : owner_{owner}, pause_{pause} {}
    wait_awaiter(const wait_awaiter&) = delete;
    wait_awaiter& operator=(const wait_awaiter&) = delete;

    bool await_ready() const noexcept { return owner_.stopped_; }
    void await_suspend(std::coroutine_handle<> waiting);
    bool await_resume() const noexcept { return !owner_.stopped_; }

private:
    listener& owner_;
    std::chrono::milliseconds pause_; // zero: wait for a connection instead
};

struct accept_policy {
    std::chrono::milliseconds patience{
        1}; ///< how long a connection may wait for a lease before it stays in the backlog
    std::chrono::milliseconds fd_pause{100}; ///< how long the backlog is left alone when descriptors have run out
    int batch = 64; ///< connections accepted with one lease, before other events get their turn
};

/// What has become of one readiness of the listener.
enum class accept_outcome : std::uint8_t { drained, more, out_of_descriptors };

/// Accepts up to `batch` connections and hands each to `accepted(descriptor, lease)`.
template <class Lease, class Accepted>
accept_outcome accept_batch(listener& from, int batch, Lease& held, Accepted& accepted) {
    // It may have been stopped while the lease was waited for, or by who was given a connection.
    for (int i = 0; i < batch && !from.stopped(); ++i) {
        const io_result result = from.accept();
        if (result.error == 0) {
            ++from.counts().accepted;
            accepted(static_cast<int>(result.value), held);
            continue;
        }
        if (result.error == EAGAIN || result.error == EWOULDBLOCK) return accept_outcome::drained;
        if (result.error == EMFILE || result.error == ENFILE || result.error == ENOBUFS || result.error == ENOMEM) {
            ++from.counts().fd_limit;
            return accept_outcome::out_of_descriptors;
        }
        // That connection has failed (ECONNABORTED, EPROTO, a network error): accept(2) says to go on with the next.
        if (result.error != EINTR) ++from.counts().failed;
    }
    return accept_outcome::more;
}

/// The accept loop of the article (3.3): lease first, then accept. With no lease within `patience` the connection stays
/// in the backlog, where a load balancer notices; when descriptors have run out the loop pauses instead of spinning,
/// and the listener stays open. `pool.acquire_within(patience)` gives the lease; ends when the listener is
/// stopped, which must come before the pool is closed.
template <class Pool, class Accepted>
detached accept_connections(listener& from, Pool& pool, accept_policy policy, Accepted& accepted) {
    const auto pass = from.coroutines().enter();
    for (;;) {
        const bool acceptable = co_await from.acceptable();
        if (!acceptable) break;
        auto outcome = accept_outcome::more;
        {
            auto held = co_await pool.acquire_within(policy.patience);
            if (held) {
                outcome = accept_batch(from, policy.batch, held, accepted);
            } else {
                ++from.counts().no_lease;
            }
        }
        if (outcome == accept_outcome::out_of_descriptors) {
            const bool go_on = co_await from.pause(policy.fd_pause);
            if (!go_on) break;
        }
    }
}

} // namespace carillon::net
