#pragma once

#include "tls/stream.hpp"

#include <cerrno>
#include <cstddef>
#include <span>
#include <sys/socket.h>

namespace carillon::tls {

/// A connected socket, as where encrypted bytes come from and go to. Never waits; the socket is somebody else's.
class socket_wire final : public wire {
public:
    explicit socket_wire(int descriptor) : descriptor_{descriptor} {}

    long read(std::span<std::byte> into) override {
        const ssize_t count = ::recv(descriptor_, into.data(), into.size(), MSG_DONTWAIT);
        return count < 0 ? -errno : count;
    }
    long write(std::span<const std::byte> bytes) override {
        const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        return count < 0 ? -errno : count;
    }

private:
    int descriptor_;
};

} // namespace carillon::tls
