// However the bytes of a server are cut, the splitter hears the same messages, stays inside its memory, and hears what
// the assembler hears as a client, which is stricter: it also wants UTF-8 and good close codes, and stops at a close.
// The first two bytes of the input choose the cuts and the message after which the receiver wants no more.

#include "base/check.hpp"
#include "load/message_splitter.hpp"
#include "ws/assembler.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace carillon;
using ws::opcode;

constexpr std::size_t every_message = std::numeric_limits<std::size_t>::max();

/// What was made of a stream, written down.
struct story {
    std::vector<std::pair<opcode, std::string>> messages;
    error_code wrong;
    bool operator==(const story&) const = default;
};

// Every piece lies in memory of exactly its size. A receiver that wants no more destroys the splitter.
story heard(std::string_view wire, std::size_t piece_bytes, std::size_t messages_max = every_message) {
    story found;
    auto splitter = std::make_unique<load::message_splitter>();
    while (!wire.empty() && splitter && !found.wrong) {
        const std::string_view piece = wire.substr(0, piece_bytes);
        wire.remove_prefix(piece.size());
        const std::vector<char> memory{piece.begin(), piece.end()};
        found.wrong = splitter->feed({memory.data(), memory.size()}, [&](opcode op, std::string_view payload) {
            CHECK(op != opcode::continuation);
            CHECK(!ws::is_control(op) || payload.size() <= ws::control_payload_bytes_max);
            found.messages.emplace_back(op, payload);
            if (found.messages.size() < messages_max) return true;
            splitter.reset();
            return false;
        });
    }
    return found;
}

std::string close_payload(const ws::event& said) {
    if (said.close_code == ws::to_number(ws::close_code::no_status)) return {};
    return std::string{static_cast<char>(said.close_code >> 8), static_cast<char>(said.close_code & 0xff)} +
           std::string{as_text(said.payload)};
}

bool is_stricter(ws::error why) {
    return why == ws::error::invalid_utf8 || why == ws::error::close_too_short || why == ws::error::close_code_invalid;
}

// The splitter looks at the order of frames only when they are whole, and at their length first.
bool is_of_message(const error_code& why) {
    return why == ws::error::unexpected_continuation || why == ws::error::message_interrupted ||
           why == ws::error::message_too_big;
}

void check_against_assembler(std::string_view wire, const story& found) {
    std::vector<std::byte> memory(wire.size());
    std::ranges::copy(as_bytes(wire), memory.begin());
    std::span<std::byte> input{memory};
    ws::assembler strict{ws::role::client, {.message_bytes_max = load::message_splitter::message_bytes_max}};
    for (std::size_t count = 0;; ++count) {
        const ws::event said = strict.next(input);
        if (said.what == ws::event::kind::none || said.what == ws::event::kind::failed) {
            if (is_stricter(said.why)) return;
            const error_code wrong = said.why == ws::error::none ? error_code{} : ws::make_error_code(said.why);
            CHECK(found.messages.size() == count);
            CHECK(is_of_message(wrong) ? !found.wrong || is_of_message(found.wrong) : found.wrong == wrong);
            return;
        }
        CHECK(count < found.messages.size());
        const auto& [op, payload] = found.messages[count];
        const bool close = said.what == ws::event::kind::close;
        CHECK(op == said.op && payload == (close ? close_payload(said) : as_text(said.payload)));
        if (close) return;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t piece_bytes = std::size_t{1} + data[0];
    const std::size_t messages_max = std::size_t{1} + data[1] % 8;
    const std::string_view wire{reinterpret_cast<const char*>(data) + 2, size - 2};
    const story whole = heard(wire, wire.size() + 1);
    CHECK(heard(wire, 1) == whole);
    CHECK(heard(wire, piece_bytes) == whole);
    check_against_assembler(wire, whole);

    story some = whole;
    if (some.messages.size() >= messages_max) {
        some.messages.resize(messages_max);
        some.wrong = {};
    }
    CHECK(heard(wire, piece_bytes, messages_max) == some);
    return 0;
}
