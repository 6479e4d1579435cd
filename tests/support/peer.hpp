#pragma once

#include "base/bytes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace carillon::test {

/// The other end of a connection: a non-blocking stream socket of the test.
class peer {
public:
    explicit peer(int descriptor) noexcept : descriptor_{descriptor} {}
    peer(peer&& other) noexcept
        : descriptor_{std::exchange(other.descriptor_, -1)}, far_{other.far_}, received_{std::move(other.received_)},
          ended_{other.ended_} {}
    peer& operator=(peer&&) = delete;
    ~peer() { hang_up(); }

    int descriptor() const noexcept { return descriptor_; }
    /// The server's descriptor, when the test made both.
    int far() const noexcept { return far_; }
    void set_far(int descriptor) noexcept { far_ = descriptor; }

    /// Writes as much as the kernel takes.
    std::size_t write_some(std::string_view bytes) const {
        const auto count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        return count < 0 ? 0 : static_cast<std::size_t>(count);
    }
    /// Writes all of it. A connection that the server has ended takes nothing, and that is no failure.
    void write(std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
            ASSERT_GT(count, 0) << "the socket is full";
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    /// Takes in all that is there. Call it before looking at received() or ended().
    void read() { read_up_to(static_cast<std::size_t>(-1)); }
    void read_up_to(std::size_t bytes_max) {
        std::array<char, 65536> buffer;
        while (bytes_max > 0 && !ended_) {
            const std::size_t wanted = std::min(bytes_max, buffer.size());
            const auto count = ::recv(descriptor_, buffer.data(), wanted, MSG_DONTWAIT);
            if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
            if (count <= 0) {
                ended_ = true;
                return;
            }
            received_.append(buffer.data(), static_cast<std::size_t>(count));
            bytes_max -= static_cast<std::size_t>(count);
        }
    }
    /// What has been read and not been taken.
    std::string& received() noexcept { return received_; }
    std::string take() {
        read();
        return std::exchange(received_, {});
    }
    bool ended() const noexcept { return ended_; }

    void end_sending() const { ::shutdown(descriptor_, SHUT_WR); }
    void hang_up() {
        if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    }

private:
    int descriptor_;
    int far_ = -1;
    std::string received_;
    bool ended_ = false;
};

} // namespace carillon::test
