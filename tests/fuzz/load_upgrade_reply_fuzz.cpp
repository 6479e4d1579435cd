// An answer to the request for a WebSocket is read the same way however much has come behind its head, and not before
// its head is whole. The first byte of the input says where it is cut.

#include "base/check.hpp"
#include "load/upgrade_reply.hpp"
#include "sayings.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace carillon::load;
using outcome = upgrade_reply::outcome;

constexpr std::string_view accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr std::string_view head_end = "\r\n\r\n";

// Eight of them and a little are beyond the limit.
constexpr auto thousand = [] {
    std::array<char, 1000> letters{};
    letters.fill('x');
    return letters;
}();

constexpr std::array<std::string_view, 16> sayings{
    "HTTP/1.1 101 Switching Protocols\r\n",
    "HTTP/1.1 503 Service Unavailable\r\n",
    "HTTP/1.0 200 OK\r\n",
    "Upgrade: WebSocket\r\n",
    "Connection: keep-alive, Upgrade\r\n",
    "Connection: close\r\n",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
    "Sec-WebSocket-Accept: s3p\r\n",
    "Sec-WebSocket-Extensions: permessage-deflate\r\n",
    "Content-Length: 18446744073709551616\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Server: x\r\n y\r\n",
    "\r\n",
    "\r\n\r\n\x81\x02{}",
    std::string_view{thousand.data(), thousand.size()},
};

/// In memory of exactly its size.
upgrade_reply read(std::string_view bytes) {
    const std::vector<char> memory{bytes.begin(), bytes.end()};
    return read_upgrade_reply({memory.data(), memory.size()}, accept);
}

bool same(const upgrade_reply& left, const upgrade_reply& right) {
    return left.what == right.what && left.consumed == right.consumed && left.status == right.status &&
           left.why == right.why;
}

void check_promises(std::string_view bytes, const upgrade_reply& reply) {
    const std::size_t end = bytes.find(head_end);
    CHECK((reply.what == outcome::refused) == !reply.why.empty());
    switch (reply.what) {
    case outcome::need_more:
        CHECK(bytes.size() < reply_head_bytes_max && end == bytes.npos);
        CHECK(reply.consumed == 0 && reply.status == 0);
        return;
    case outcome::upgraded:
        CHECK(reply.status == 101 && reply.consumed == end + head_end.size());
        CHECK(reply.consumed <= reply_head_bytes_max);
        CHECK(bytes.substr(0, reply.consumed).find(accept) != bytes.npos);
        return;
    case outcome::refused: CHECK(reply.consumed == 0 && reply.status >= 0 && reply.status <= 999); return;
    }
    CHECK(false);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string bytes = carillon::fuzz::spelled_out({reinterpret_cast<const char*>(data) + 1, size - 1}, sayings);
    const upgrade_reply reply = read(bytes);
    check_promises(bytes, reply);
    const std::string_view part = std::string_view{bytes}.substr(0, bytes.size() * data[0] / 255);
    const upgrade_reply early = read(part);
    check_promises(part, early);
    CHECK(early.what == outcome::need_more || same(early, reply));
    if (reply.what != outcome::upgraded) return 0;
    CHECK(same(read(std::string_view{bytes}.substr(0, reply.consumed)), reply));
    CHECK(read(std::string_view{bytes}.substr(0, reply.consumed - 1)).what == outcome::need_more);
    return 0;
}
