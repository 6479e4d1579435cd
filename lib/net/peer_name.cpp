#include "net/peer_name.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace carillon::net {

std::string peer_name(int descriptor) {
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
        sockaddr_un path;
    } peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(descriptor, &peer.any, &size) != 0) return "unknown";
    std::array<char, INET6_ADDRSTRLEN> text{};
    switch (peer.any.sa_family) {
    case AF_INET:
        ::inet_ntop(AF_INET, &peer.v4.sin_addr, text.data(), text.size());
        return fmt::format("{}:{}", text.data(), ntohs(peer.v4.sin_port));
    case AF_INET6:
        // A socket that serves both families calls an IPv4 address ::ffff:192.0.2.7.
        if (IN6_IS_ADDR_V4MAPPED(&peer.v6.sin6_addr)) {
            ::inet_ntop(AF_INET, peer.v6.sin6_addr.s6_addr + 12, text.data(), text.size());
            return fmt::format("{}:{}", text.data(), ntohs(peer.v6.sin6_port));
        }
        ::inet_ntop(AF_INET6, &peer.v6.sin6_addr, text.data(), text.size());
        return fmt::format("[{}]:{}", text.data(), ntohs(peer.v6.sin6_port));
    case AF_UNIX: return "unix";
    default: return "unknown";
    }
}

} // namespace carillon::net
