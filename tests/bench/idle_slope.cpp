// How many bytes of a gateway's memory an idle connection costs: opens connections one after the other, each of which
// connects and subscribes, and compares the resident memory of the gateway's process at two counts.
//
//   idle_slope PORT PID shared|own|resp-shared|resp-own [FROM] [TO]        (defaults 1500 and 18000)
//
// With resp-... it subscribes with RESP instead, at a bus door or a redis-server.
//
// Prints resident bytes at both counts, and the slope in bytes per connection. With TO above 28,000 the client ports
// run out.
#include "ws/frame.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

[[noreturn]] void fail(std::string_view what) {
    fmt::print(stderr, "idle_slope: {}: {}\n", what, std::strerror(errno));
    std::exit(1);
}

void send_all(int socket, std::string_view bytes) {
    if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) fail("send");
}

// Reads until `wanted` has been seen.
void await(int socket, std::string_view wanted) {
    std::string seen;
    std::array<char, 2048> buffer;
    while (seen.find(wanted) == std::string::npos) {
        const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
        if (count <= 0) fail("the gateway closed the connection");
        seen.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

std::string masked_text(std::string_view payload) {
    std::array<std::byte, carillon::ws::header_bytes_max> header;
    const std::size_t size = carillon::ws::encode_header_masked(header, carillon::ws::opcode::text, payload.size(), 0);
    return std::string{reinterpret_cast<const char*>(header.data()), size} + std::string{payload};
}

int connect_to(int port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) fail("socket");
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("connect");
    return socket;
}

int open_subscriber(int port, const std::string& channel) {
    const int socket = connect_to(port);
    send_all(socket, fmt::format("*2\r\n$9\r\nSUBSCRIBE\r\n${}\r\n{}\r\n", channel.size(), channel));
    await(socket, ":1\r\n");
    return socket;
}

int open_websocket(int port, const std::string& channel) {
    const int socket = connect_to(port);
    send_all(socket,
             "GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    await(socket, "\r\n\r\n");
    send_all(socket, masked_text(fmt::format(
                         "{{\"id\":1,\"connect\":{{}}}}\n{{\"id\":2,\"subscribe\":{{\"channel\":\"{}\"}}}}", channel)));
    await(socket, "\"subscribe\":{}");
    return socket;
}

long resident_bytes(const std::string& pid) {
    std::ifstream file{"/proc/" + pid + "/smaps_rollup"};
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("Rss:")) return std::atol(line.c_str() + 4) * 1024;
    }
    fail("cannot read the memory of process " + pid);
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        fmt::print(stderr, "idle_slope PORT PID shared|own|resp-shared|resp-own [FROM] [TO]\n");
        return 2;
    }
    const int port = std::atoi(argv[1]);
    const std::string pid = argv[2];
    const std::string_view mode = argv[3];
    const bool own = mode.ends_with("own");
    const auto open = mode.starts_with("resp") ? open_subscriber : open_websocket;
    const long from = argc > 4 ? std::atol(argv[4]) : 1500;
    const long to = argc > 5 ? std::atol(argv[5]) : 18000;
    std::vector<int> sockets;
    long before = 0;
    for (long i = 0; i < to; ++i) {
        if (i == from) before = resident_bytes(pid);
        sockets.push_back(open(port, own ? fmt::format("user:{}", i) : "news"));
    }
    const long after = resident_bytes(pid);
    fmt::print("{}: {} bytes at {} connections, {} at {}: {:.1f} bytes per connection\n", mode, before, from, after, to,
               static_cast<double>(after - before) / static_cast<double>(to - from));
    return 0;
}
