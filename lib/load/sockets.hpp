#pragma once

#include "base/result.hpp"
#include "load/clock.hpp"
#include "load/url.hpp"

#include <sys/socket.h>
#include <utility>

namespace carillon::load {

/// A file descriptor that is closed with its owner.
class descriptor {
public:
    descriptor() noexcept = default;
    explicit descriptor(int number) noexcept : number_{number} {}
    descriptor(descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~descriptor();

    int number() const noexcept { return number_; } ///< -1: none
    /// The caller closes it.
    int release() noexcept { return std::exchange(number_, -1); }
    explicit operator bool() const noexcept { return number_ >= 0; }

private:
    int number_ = -1;
};

/// What errno says.
error_code last_error() noexcept;

/// Where a socket connects to.
struct endpoint {
    sockaddr_storage address{};
    socklen_t bytes = 0;

    bool is_loopback_v4() const noexcept;
};

/// The address of a URL's host: a literal, or what the resolver says of a name (which may wait). Error: the resolver's
/// sentence.
struct resolved {
    endpoint where;
    std::string trouble; ///< empty when there is an address
};
resolved resolve(const url& to);

/// A non-blocking TCP socket without Nagle's delay that has begun to connect to `to`. With a `source` above 0 it comes
/// from that one of the loopback addresses 127.1.0.1, 127.1.0.2, ...; its port is chosen when it connects, so that the
/// same port may serve different targets.
result<descriptor> begin_connect(const endpoint& to, std::uint32_t source);

/// Waits until the socket is connected. Error: why it is not, or timed_out.
error_code await_connected(const descriptor& socket, clock::time_point limit);

} // namespace carillon::load
