#pragma once

#include "base/result.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace carillon::net {

/// A descriptor that is closed by whoever has it last. Move-only.
class owned_descriptor {
public:
    owned_descriptor() noexcept = default;
    explicit owned_descriptor(int descriptor) noexcept : descriptor_{descriptor} {}
    owned_descriptor(owned_descriptor&& other) noexcept : descriptor_{std::exchange(other.descriptor_, -1)} {}
    owned_descriptor& operator=(owned_descriptor&& other) noexcept;
    ~owned_descriptor() { close(); }

    int get() const noexcept { return descriptor_; } ///< -1: none
    int release() noexcept { return std::exchange(descriptor_, -1); }
    void close() noexcept;
    explicit operator bool() const noexcept { return descriptor_ >= 0; }

private:
    int descriptor_ = -1;
};

/// Messages between two processes of this machine, with descriptors beside them (unix(7): SOCK_SEQPACKET, SCM_RIGHTS).
/// Blocking, with a deadline for each call: for a thread that has nothing else to do.
class descriptor_channel {
public:
    using clock = std::chrono::steady_clock;

    descriptor_channel() noexcept = default;
    explicit descriptor_channel(owned_descriptor connected) noexcept : socket_{std::move(connected)} {}
    /// To whoever listens at `path`. Error: the system's; nobody may listen there.
    static result<descriptor_channel> connect(const std::string& path);

    /// Who is at the other end (SO_PEERCRED); none: the kernel does not say.
    struct peer {
        uid_t user = 0;
        pid_t process = 0;
    };
    std::optional<peer> other_end() const noexcept;

    /// One message. The descriptors stay the caller's; the peer gets some of its own.
    result<void> send(std::string_view bytes, std::span<const int> descriptors, clock::time_point until);

    struct received {
        std::string bytes; ///< empty: the peer has ended
        std::vector<owned_descriptor> descriptors;
    };
    /// One message of at most `bytes_max`, with at most `descriptors_max` of them. One that is larger is an error, and
    /// one of whose descriptors the process has no room for.
    result<received> receive(std::size_t bytes_max, std::size_t descriptors_max, clock::time_point until);

    bool open() const noexcept { return static_cast<bool>(socket_); }
    void close() noexcept { socket_.close(); }

private:
    owned_descriptor socket_;
};

/// Where such channels begin: a socket at a path that only this user may connect to (mode 0600).
class channel_listener {
public:
    /// A file that is left of a process that has ended is replaced. Throws boost::system::system_error.
    explicit channel_listener(std::string path);
    channel_listener(channel_listener&&) = delete;
    ~channel_listener();

    /// Waits for somebody; none: wake() was called, or it failed.
    std::optional<descriptor_channel> accept();
    /// Ends accept(), now and from now on. Any thread.
    void wake() noexcept;

    /// Takes the name away, so that another process may have it.
    void close() noexcept;
    /// After close(): listens again. False: another process has the name now.
    bool listen_again() noexcept;

private:
    error_code listen() noexcept;

    std::string path_;
    owned_descriptor socket_;
    owned_descriptor woken_; // an eventfd
    ino_t file_ = 0;         // whose removal is ours; 0: none
};

} // namespace carillon::net
