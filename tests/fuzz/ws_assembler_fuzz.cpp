// Whatever the bytes are and however they are cut, the assembler tells the same story, stays inside its memory, and
// never gives a text that is not UTF-8 or a message over the limit. The first two bytes of the input choose role and
// cuts.

#include "base/check.hpp"
#include "ws/assembler.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace carillon;
using namespace carillon::ws;

constexpr message_limits limits{.message_bytes_max = 300};

struct spoken {
    event::kind what;
    opcode op;
    std::uint16_t close_code;
    error why;
    std::string payload;
    bool operator==(const spoken&) const = default;
};

void check_promises(const event& said) {
    switch (said.what) {
    case event::kind::none: break;
    case event::kind::message:
        CHECK(said.op == opcode::text || said.op == opcode::binary);
        CHECK(said.payload.size() <= limits.message_bytes_max);
        CHECK(said.op == opcode::binary || is_utf8(said.payload));
        break;
    case event::kind::ping:
    case event::kind::pong: CHECK(said.payload.size() <= control_payload_bytes_max); break;
    case event::kind::close:
        CHECK(said.close_code == to_number(close_code::no_status) || may_be_received(said.close_code));
        CHECK(said.payload.size() <= close_reason_bytes_max && is_utf8(said.payload));
        break;
    case event::kind::failed: CHECK(said.close_code == to_number(close_code_for(said.why))); break;
    }
}

// Every piece lies in memory of exactly its size, and meets a new assembler unless the last one was not idle.
std::vector<spoken> heard(bytes_view wire, role reader, std::size_t piece_bytes) {
    std::vector<spoken> story;
    std::unique_ptr<assembler> kept;
    while (!wire.empty()) {
        const bytes_view piece = wire.first(std::min(piece_bytes, wire.size()));
        wire = wire.subspan(piece.size());
        std::vector<std::byte> memory{piece.begin(), piece.end()};
        assembler here = kept ? std::move(*kept) : assembler{reader, limits};
        kept.reset();
        std::span<std::byte> input{memory};
        while (true) {
            const event said = here.next(input);
            check_promises(said);
            if (said.what == event::kind::none) break;
            story.push_back({said.what, said.op, said.close_code, said.why, std::string{as_text(said.payload)}});
        }
        CHECK(input.empty());
        if (!here.idle()) kept = std::make_unique<assembler>(std::move(here));
    }
    return story;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const role reader = (data[0] & 1) != 0 ? role::client : role::server;
    const std::size_t piece_bytes = std::size_t{1} + data[1];
    const bytes_view wire = std::as_bytes(std::span{data + 2, size - 2});
    const auto whole = heard(wire, reader, wire.size());
    CHECK(heard(wire, reader, 1) == whole);
    CHECK(heard(wire, reader, piece_bytes) == whole);
    return 0;
}
