#include "load/sockets.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

namespace carillon::load {

descriptor::~descriptor() {
    if (number_ >= 0) ::close(number_);
}

error_code last_error() noexcept { return {errno, boost::system::system_category()}; }

bool endpoint::is_loopback_v4() const noexcept {
    if (address.ss_family != AF_INET) return false;
    return ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24 == 127;
}

resolved resolve(const url& to) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICSERV;
    // Not looked up, so that it is this machine whatever the resolver thinks.
    const std::string host = to.host == "localhost" ? "127.0.0.1" : to.host;
    addrinfo* found = nullptr;
    const int failed = ::getaddrinfo(host.c_str(), std::to_string(to.port).c_str(), &wanted, &found);
    if (failed != 0) return {{}, host + ": " + ::gai_strerror(failed)};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, &::freeaddrinfo};
    endpoint where;
    where.bytes = std::min<socklen_t>(found->ai_addrlen, sizeof where.address);
    std::copy_n(reinterpret_cast<const char*>(found->ai_addr), where.bytes, reinterpret_cast<char*>(&where.address));
    return {where, {}};
}

result<descriptor> begin_connect(const endpoint& to, std::uint32_t source) {
    descriptor made{::socket(to.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!made) return last_error();
    constexpr int on = 1;
    ::setsockopt(made.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (source > 0) {
        ::setsockopt(made.number(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        constexpr std::uint32_t before_first = 0x7f010000; // 127.1.0.0
        sockaddr_in from{};
        from.sin_family = AF_INET;
        from.sin_addr.s_addr = htonl(before_first + source);
        if (::bind(made.number(), reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) return last_error();
    }
    const auto* address = reinterpret_cast<const sockaddr*>(&to.address);
    if (::connect(made.number(), address, to.bytes) != 0 && errno != EINPROGRESS) return last_error();
    return made;
}

error_code await_connected(const descriptor& socket, clock::time_point limit) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - clock::now()).count();
        pollfd waits{socket.number(), POLLOUT, 0};
        const int ready = ::poll(&waits, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return last_error();
        if (ready == 0) return boost::system::errc::make_error_code(boost::system::errc::timed_out);
        int failed = 0;
        socklen_t bytes = sizeof failed;
        ::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &failed, &bytes);
        return {failed, boost::system::system_category()};
    }
}

} // namespace carillon::load
