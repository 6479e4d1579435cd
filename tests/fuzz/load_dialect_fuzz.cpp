// Any line of a server is understood or passed over, and whatever the gateway's own encoder writes is understood as
// what it is: the first five bytes of the input choose a command and its reply, the rest is text within.

#include "base/check.hpp"
#include "load/dialect.hpp"
#include "protocol/reply.hpp"
#include "ws/assembler.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace carillon;
using namespace carillon::load;
using kind = server_line::kind;

/// From memory of exactly its size.
server_line read(std::string_view line) {
    const std::vector<char> memory{line.begin(), line.end()};
    return read_server_line({memory.data(), memory.size()});
}

bool is(const server_line& line, kind what, std::uint32_t command, bool wants_pongs) {
    return line.what == what && line.command == command && line.wants_pongs == wants_pongs;
}

void check_any(std::string_view line) {
    const server_line found = read(line);
    CHECK((found.what == kind::ping) == (line == "{}"));
    if (found.what == kind::ping || found.what == kind::other) {
        CHECK(found.command == 0 && !found.wants_pongs);
        return;
    }
    constexpr std::string_view before_id = R"({"id":)";
    CHECK(line.starts_with(before_id));
    line.remove_prefix(before_id.size());
    line.remove_prefix(std::min(line.find_first_not_of('0'), line.size()));
    const std::string digits = found.command == 0 ? "" : std::to_string(found.command);
    CHECK(line.starts_with(digits));
    line.remove_prefix(digits.size());
    CHECK(line.empty() || line.front() < '0' || line.front() > '9');
    CHECK(!found.wants_pongs || found.what == kind::reply);
}

void check_replies(std::uint32_t command, std::uint8_t code) {
    const bool pongs = (code & 1) != 0;
    std::string line;
    protocol::append_connect_reply(line, command, {"c", "v", std::chrono::seconds{code}, pongs});
    CHECK(is(read(line), kind::reply, command, pongs));
    line.clear();
    protocol::append_empty_reply(line, command, pongs ? "subscribe" : "publish");
    CHECK(is(read(line), kind::reply, command, false));
    line.clear();
    protocol::append_error_reply(line, command, static_cast<protocol::command_error>(100 + code % 14));
    CHECK(is(read(line), kind::refusal, command, false));
    CHECK(is(read(protocol::ping_line), kind::ping, 0, false));
}

void check_pushes(std::string_view text) {
    if (!ws::is_utf8(as_bytes(text))) return;
    std::string line;
    protocol::append_publication(line, text, {.data = text, .is_json = false});
    CHECK(is(read(line), kind::other, 0, false));
    line.clear();
    protocol::append_unsubscribe_push(line, text, protocol::unsubscription::by_server, text);
    CHECK(is(read(line), kind::other, 0, false));
}

// The pong that answers a server's ping carries what the ping carried.
void check_pong(std::string_view payload) {
    std::string frame = client_frame(ws::opcode::pong, payload.substr(0, ws::control_payload_bytes_max));
    std::span<std::byte> input = std::as_writable_bytes(std::span{frame});
    ws::assembler server{ws::role::server, {}};
    const ws::event said = server.next(input);
    CHECK(said.what == ws::event::kind::pong && input.empty());
    CHECK(as_text(said.payload) == payload.substr(0, ws::control_payload_bytes_max));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    check_any(input);
    std::uint32_t command = 0;
    if (size <= sizeof command) return 0;
    std::memcpy(&command, data, sizeof command);
    check_replies(command, data[sizeof command]);
    check_any(R"({"id":)" + std::to_string(command) + std::string{input.substr(sizeof command)});
    check_pushes(input.substr(sizeof command + 1));
    check_pong(input.substr(sizeof command + 1));
    return 0;
}
