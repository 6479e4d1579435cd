#include "net/descriptor_channel.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace carillon::net {

namespace {

constexpr std::size_t rights_max = 253; // of one message: SCM_MAX_FD
constexpr mode_t not_for_others = 0177;

error_code last_error() noexcept { return {errno, boost::system::system_category()}; }
error_code error_of(int number) noexcept { return {number, boost::system::system_category()}; }

bool address_of(const std::string& path, sockaddr_un& into) noexcept {
    into = {};
    into.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof into.sun_path) return false;
    std::copy(path.begin(), path.end(), into.sun_path);
    return true;
}

owned_descriptor open_socket() noexcept {
    return owned_descriptor{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

// Until it may be read or written.
error_code await(int descriptor, short events, descriptor_channel::clock::time_point until) noexcept {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - descriptor_channel::clock::now());
        if (left.count() <= 0) return error_of(ETIMEDOUT);
        pollfd one{descriptor, events, 0};
        const int count = ::poll(&one, 1, static_cast<int>(std::min<long long>(left.count(), 60'000)));
        if (count > 0) return {};
        if (count < 0 && errno != EINTR) return last_error();
    }
}

ino_t socket_file(const std::string& path) noexcept {
    struct stat about {};
    return ::lstat(path.c_str(), &about) == 0 && S_ISSOCK(about.st_mode) ? about.st_ino : 0;
}

} // namespace

owned_descriptor& owned_descriptor::operator=(owned_descriptor&& other) noexcept {
    if (this != &other) {
        close();
        descriptor_ = other.release();
    }
    return *this;
}

void owned_descriptor::close() noexcept {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

// --- one end

result<descriptor_channel> descriptor_channel::connect(const std::string& path) {
    sockaddr_un address;
    if (!address_of(path, address)) return error_of(ENAMETOOLONG);
    owned_descriptor made = open_socket();
    if (!made) return last_error();
    if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return last_error();
    return descriptor_channel{std::move(made)};
}

std::optional<descriptor_channel::peer> descriptor_channel::other_end() const noexcept {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return std::nullopt;
    return peer{who.uid, who.pid};
}

result<void> descriptor_channel::send(std::string_view bytes, std::span<const int> descriptors,
                                      clock::time_point until) {
    if (descriptors.size() > rights_max) return error_of(EINVAL);
    alignas(cmsghdr) std::array<char, CMSG_SPACE(rights_max * sizeof(int))> rights{};
    iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        message.msg_control = rights.data();
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
    }
    for (;;) {
        if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) >= 0) return {};
        // Too many on their way (ETOOMANYREFS) become fewer when the peer has taken some, but nothing tells of it.
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != ENOBUFS) return last_error();
        if (const error_code why = await(socket_.get(), POLLOUT, until)) return why;
    }
}

result<descriptor_channel::received> descriptor_channel::receive(std::size_t bytes_max, std::size_t descriptors_max,
                                                                 clock::time_point until) {
    descriptors_max = std::min(descriptors_max, rights_max);
    received made;
    made.bytes.resize(bytes_max);
    alignas(cmsghdr) std::array<char, CMSG_SPACE(rights_max * sizeof(int))> rights;
    iovec piece{made.bytes.data(), made.bytes.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = rights.data();
    message.msg_controllen = CMSG_SPACE(descriptors_max * sizeof(int));
    ssize_t count = -1;
    for (;;) {
        if (const error_code why = await(socket_.get(), POLLIN, until)) return why;
        count = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
        if (count >= 0) break;
        if (errno != EINTR && errno != EAGAIN) return last_error();
    }
    for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t bytes = each->cmsg_len - CMSG_LEN(0);
        for (std::size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
            int one = -1;
            std::memcpy(&one, CMSG_DATA(each) + at, sizeof one);
            made.descriptors.emplace_back(one);
        }
    }
    if ((message.msg_flags & MSG_TRUNC) != 0) return error_of(EMSGSIZE);
    if ((message.msg_flags & MSG_CTRUNC) != 0) return error_of(EMFILE);
    made.bytes.resize(static_cast<std::size_t>(count));
    return made;
}

// --- where they begin

channel_listener::channel_listener(std::string path) : path_{std::move(path)}, woken_{::eventfd(0, EFD_CLOEXEC)} {
    error_code why = woken_ ? listen() : last_error();
    if (why) throw boost::system::system_error{why, "cannot listen on unix:" + path_};
}

channel_listener::~channel_listener() { close(); }

error_code channel_listener::listen() noexcept {
    sockaddr_un address;
    if (!address_of(path_, address)) return error_of(ENAMETOOLONG);
    owned_descriptor made = open_socket();
    if (!made) return last_error();
    const auto bind = [&] {
        const mode_t before = ::umask(not_for_others);
        const int outcome = ::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
        const int why = errno;
        ::umask(before);
        errno = why;
        return outcome == 0;
    };
    if (!bind()) {
        if (errno != EADDRINUSE) return last_error();
        // A file without anybody behind it is left of a process that has ended.
        const auto trial = descriptor_channel::connect(path_);
        const bool is_left_over = !trial && trial.error() == error_of(ECONNREFUSED) && socket_file(path_) != 0;
        if (!is_left_over || ::unlink(path_.c_str()) != 0 || !bind()) return error_of(EADDRINUSE);
    }
    file_ = socket_file(path_);
    if (::listen(made.get(), 4) != 0) return last_error();
    socket_ = std::move(made);
    return {};
}

std::optional<descriptor_channel> channel_listener::accept() {
    for (;;) {
        std::array<pollfd, 2> both{pollfd{socket_.get(), POLLIN, 0}, pollfd{woken_.get(), POLLIN, 0}};
        if (::poll(both.data(), both.size(), -1) < 0 && errno != EINTR) return std::nullopt;
        if (both[1].revents != 0 || !socket_) return std::nullopt;
        if (both[0].revents == 0) continue;
        owned_descriptor taken{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (taken) return descriptor_channel{std::move(taken)};
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) return std::nullopt;
    }
}

void channel_listener::wake() noexcept {
    const std::uint64_t one = 1;
    (void)!::write(woken_.get(), &one, sizeof one);
}

void channel_listener::close() noexcept {
    // First the name; but not that of one who has taken our place.
    if (file_ != 0 && socket_file(path_) == file_) ::unlink(path_.c_str());
    file_ = 0;
    socket_.close();
}

bool channel_listener::listen_again() noexcept { return !listen(); }

} // namespace carillon::net
