#include "net/system_calls.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>

namespace carillon::net {

namespace {

io_result outcome(long value) noexcept { return value < 0 ? io_result{0, errno} : io_result{value, 0}; }

io_result accept_one(int listening) {
    return outcome(::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

io_result receive_some(int descriptor, std::span<std::byte> into) {
    return outcome(::recv(descriptor, into.data(), into.size(), MSG_DONTWAIT));
}

io_result peek_some(int descriptor, std::span<std::byte> into) {
    return outcome(::recv(descriptor, into.data(), into.size(), MSG_DONTWAIT | MSG_PEEK));
}

io_result send_some(int descriptor, std::span<const std::byte> bytes) {
    return outcome(::send(descriptor, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

io_result send_pieces(int descriptor, std::span<const iovec> pieces) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data()); // sendmsg only reads it
    message.msg_iovlen = pieces.size();
    return outcome(::sendmsg(descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int shutdown_sending(int descriptor) { return ::shutdown(descriptor, SHUT_WR); }

int close_descriptor(int descriptor) { return ::close(descriptor); }

} // namespace

bool io_result::would_block() const noexcept { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

const system_calls& kernel() noexcept {
    static constexpr system_calls calls{accept_one,  receive_some,     peek_some,       send_some,
                                        send_pieces, shutdown_sending, close_descriptor};
    return calls;
}

} // namespace carillon::net
