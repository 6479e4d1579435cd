#include "ws/wire.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace carillon::ws::test {

std::string from_hex(std::string_view digits) {
    std::string clean;
    std::copy_if(digits.begin(), digits.end(), std::back_inserter(clean), [](char c) { return c != ' '; });
    std::string bytes;
    for (std::size_t i = 0; i + 1 < clean.size(); i += 2)
        bytes.push_back(static_cast<char>(std::stoi(clean.substr(i, 2), nullptr, 16)));
    return bytes;
}

namespace {

std::string start(const plain_frame& frame, unsigned mask_bit) {
    const std::size_t size = frame.payload.size();
    std::string out;
    const auto put = [&out](std::size_t value) { out.push_back(static_cast<char>(value & 0xff)); };
    put((frame.fin ? 0x80U : 0U) + static_cast<unsigned>(frame.op));
    if (size < 126) {
        put(mask_bit + size);
    } else if (size < 65536) {
        put(mask_bit + 126);
        for (int shift = 8; shift >= 0; shift -= 8) put(size >> shift);
    } else {
        put(mask_bit + 127);
        for (int shift = 56; shift >= 0; shift -= 8) put(size >> shift);
    }
    return out;
}

} // namespace

std::string unmasked(const plain_frame& frame) { return start(frame, 0) + frame.payload; }

std::string masked(const plain_frame& frame, std::string_view mask) {
    std::string out = start(frame, 0x80) + std::string{mask};
    for (std::size_t i = 0; i < frame.payload.size(); ++i)
        out.push_back(static_cast<char>(frame.payload[i] ^ mask[i % 4]));
    return out;
}

std::ostream& operator<<(std::ostream& out, const spoken& said) {
    static constexpr const char* names[] = {"none", "message", "ping", "pong", "close", "failed"};
    return out << names[static_cast<std::size_t>(said.what)] << " op=" << static_cast<int>(said.op)
               << " code=" << said.close_code << " why='" << make_error_code(said.why).message() << "' payload("
               << said.payload.size() << ")=" << testing::PrintToString(said.payload.substr(0, 60));
}

spoken message(opcode op, std::string payload) {
    return {event::kind::message, op, 0, error::none, std::move(payload)};
}
spoken ping(std::string payload) { return {event::kind::ping, opcode::ping, 0, error::none, std::move(payload)}; }
spoken pong(std::string payload) { return {event::kind::pong, opcode::pong, 0, error::none, std::move(payload)}; }
spoken closed(std::uint16_t code, std::string reason) {
    return {event::kind::close, opcode::close, code, error::none, std::move(reason)};
}
spoken failed(error why) {
    const bool bad_payload = why == error::invalid_utf8 || why == error::not_deflated;
    const std::uint16_t code = bad_payload ? 1007 : why == error::message_too_big ? 1009 : 1002;
    return {event::kind::failed, opcode::continuation, code, why, {}};
}

void listener::hear(std::string_view piece) {
    // Memory of exactly this size, so that a sanitizer sees a step outside.
    std::vector<std::byte> memory(piece.size());
    std::transform(piece.begin(), piece.end(), memory.begin(), [](char c) { return static_cast<std::byte>(c); });
    assembler here = kept_ ? std::move(*kept_) : assembler{reader_, limits_};
    kept_.reset();
    std::span<std::byte> input{memory};
    while (true) {
        const std::size_t before = input.size();
        const event said = here.next(input);
        if (said.what == event::kind::none) break;
        ASSERT_LT(input.size(), before) << "an event consumes bytes";
        story_.push_back({said.what, said.op, said.close_code, said.why, std::string{as_text(said.payload)}});
        // Whoever uses the payload may write there, and over the input that is consumed.
        std::fill(said.payload.begin(), said.payload.end(), std::byte{0xee});
    }
    ASSERT_TRUE(input.empty()) << "none consumes everything";
    if (!here.idle()) kept_ = std::make_unique<assembler>(std::move(here));
}

std::vector<spoken> heard(std::string_view wire, const std::vector<std::size_t>& cuts, role reader,
                          message_limits limits) {
    listener ear{reader, limits};
    std::size_t begin = 0;
    for (const std::size_t cut : cuts) {
        ear.hear(wire.substr(begin, cut - begin));
        begin = cut;
    }
    ear.hear(wire.substr(begin));
    return ear.story();
}

std::vector<spoken> heard_by_bytes(std::string_view wire, role reader, message_limits limits) {
    listener ear{reader, limits};
    for (const char& byte : wire) ear.hear({&byte, 1});
    return ear.story();
}

} // namespace carillon::ws::test
