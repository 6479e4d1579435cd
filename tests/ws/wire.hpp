#pragma once

#include "ws/assembler.hpp"

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

/// What the tests of ws share: bytes written by hand, and the story an assembler tells about them.
namespace carillon::ws::test {

/// Bytes from hexadecimal digits; spaces are ignored.
std::string from_hex(std::string_view digits);

/// One frame, written plainly and without the code under test. `mask` is the key, in the order of the wire.
struct plain_frame {
    opcode op = opcode::text;
    std::string payload;
    bool fin = true;
};
std::string masked(const plain_frame& frame, std::string_view mask = "\x37\xfa\x21\x3d");
std::string unmasked(const plain_frame& frame);

/// An event whose payload is a copy.
struct spoken {
    event::kind what{};
    opcode op{};
    std::uint16_t close_code{};
    error why{};
    std::string payload;

    bool operator==(const spoken&) const = default;
};
std::ostream& operator<<(std::ostream& out, const spoken& said);

spoken message(opcode op, std::string payload);
spoken ping(std::string payload);
spoken pong(std::string payload);
spoken closed(std::uint16_t code, std::string reason = {});
spoken failed(error why);

/// Reads pieces as a session does: each in memory of its own, an assembler made for each one unless the last was not
/// idle, and moved away if it is not. `none` is left out of the story.
class listener {
public:
    explicit listener(role reader = role::server, message_limits limits = {}) : reader_{reader}, limits_{limits} {}

    void hear(std::string_view piece);
    const std::vector<spoken>& story() const { return story_; }
    bool idle() const { return kept_ == nullptr; }

private:
    role reader_;
    message_limits limits_;
    std::unique_ptr<assembler> kept_;
    std::vector<spoken> story_;
};

/// The story of `wire`, cut at the given places.
std::vector<spoken> heard(std::string_view wire, const std::vector<std::size_t>& cuts = {}, role reader = role::server,
                          message_limits limits = {});

/// The story of `wire` given byte by byte.
std::vector<spoken> heard_by_bytes(std::string_view wire, role reader = role::server, message_limits limits = {});

} // namespace carillon::ws::test
