#include "net/peer_name.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace carillon::net {

namespace {

union socket_address {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un path;
};

} // namespace

peer::address peer_address(int descriptor) noexcept {
    socket_address end{};
    socklen_t size = sizeof end;
    peer::address made;
    if (::getpeername(descriptor, &end.any, &size) != 0) return made;
    if (end.any.sa_family == AF_INET) return peer::of_ipv4(reinterpret_cast<const std::uint8_t*>(&end.v4.sin_addr));
    if (end.any.sa_family == AF_INET6) std::memcpy(made.bytes.data(), &end.v6.sin6_addr, made.bytes.size());
    return made;
}

std::string peer_name(int descriptor) {
    socket_address peer{};
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
