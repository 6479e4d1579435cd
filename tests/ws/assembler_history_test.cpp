#include "ws/wire.hpp"

#include <gtest/gtest.h>

#include <random>

namespace carillon::ws {
namespace {

using namespace test;

// Invents what a peer may send and knows, by construction, what must be heard.
class peer {
public:
    peer(unsigned seed, role listener) : random_{seed}, listener_{listener} {}

    void speak() {
        for (std::size_t turn = below(12); turn > 0; --turn) below(3) == 0 ? control() : whole_message();
        switch (below(5)) {
        case 0: close(); break;
        case 1: fault(); break;
        case 2: open_message(); break; // the stream just stops
        default: break;
        }
    }

    const std::string& wire() const { return wire_; }
    const std::vector<spoken>& expected() const { return expected_; }

private:
    std::size_t below(std::size_t end) { return random_() % end; }

    void send(const plain_frame& frame) {
        std::string key(4, '\0');
        for (char& byte : key) byte = static_cast<char>(random_());
        wire_ += listener_ == role::server ? masked(frame, key) : unmasked(frame);
    }

    std::string text(std::size_t size) {
        static constexpr const char* characters[] = {"a", "\u00e9", "\u20ac", "\U0001f514"};
        std::string made;
        while (made.size() < size) made += characters[below(std::size(characters))];
        return made;
    }

    std::string octets(std::size_t size) {
        std::string made(size, '\0');
        for (char& byte : made) byte = static_cast<char>(random_());
        return made;
    }

    std::size_t some_size() { return below(8) == 0 ? below(700) : below(40); }

    void control() {
        const std::string payload = octets(below(4) == 0 ? below(126) : below(6));
        const bool asks = below(2) == 0;
        send({asks ? opcode::ping : opcode::pong, payload});
        expected_.push_back(asks ? ping(payload) : pong(payload));
    }

    // Sends `payload` in fragments cut anywhere, with control frames between them; the last one only if `ends`.
    void fragments(opcode op, std::string_view payload, bool ends) {
        for (std::size_t more = below(4); more > 0 || !ends; --more) {
            const std::size_t size = below(payload.size() + 1);
            send({op, std::string{payload.substr(0, size)}, false});
            payload.remove_prefix(size);
            op = opcode::continuation;
            while (below(3) == 0) control();
            if (more <= 1 && !ends) return;
            if (more == 0) break;
        }
        send({op, std::string{payload}});
    }

    void whole_message() {
        const bool is_text = below(2) == 0;
        const opcode op = is_text ? opcode::text : opcode::binary;
        const std::string payload = is_text ? text(some_size()) : octets(some_size());
        fragments(op, payload, true);
        expected_.push_back(message(op, payload));
    }

    void open_message() { fragments(opcode::text, text(some_size()), false); }

    void close() {
        const std::string reason = text(below(100));
        send({opcode::close, from_hex("0dac") + reason});
        expected_.push_back(closed(3500, reason));
        whole_message_unheard();
    }

    void fault() {
        switch (below(5)) {
        case 0:
            send({opcode::continuation, "x"});
            expected_.push_back(failed(error::unexpected_continuation));
            break;
        case 1:
            open_message();
            send({opcode::binary, "x"});
            expected_.push_back(failed(error::message_interrupted));
            break;
        case 2:
            send({opcode::text, text(below(300)) + "\xed\xa0\x80" + text(below(300))});
            expected_.push_back(failed(error::invalid_utf8));
            break;
        case 3:
            send({opcode::binary, octets(3001)});
            expected_.push_back(failed(error::message_too_big));
            break;
        case 4:
            wire_ += "\xb1";
            expected_.push_back(failed(error::reserved_bits));
            break;
        }
        whole_message_unheard();
    }

    void whole_message_unheard() {
        const auto known = expected_;
        whole_message();
        expected_ = known;
    }

    std::mt19937 random_;
    role listener_;
    std::string wire_;
    std::vector<spoken> expected_;
};

TEST(assembler_history, hears_what_was_said_however_it_was_said_and_cut) {
    constexpr message_limits limits{.message_bytes_max = 3000};
    std::size_t events = 0;
    for (unsigned seed = 0; seed < 4000; ++seed) {
        const role listens = seed % 3 == 0 ? role::client : role::server;
        peer other{seed, listens};
        other.speak();
        const std::string& wire = other.wire();
        std::mt19937 random{seed};
        std::vector<std::size_t> cuts;
        const std::size_t stride = 1 + random() % 200;
        for (std::size_t cut = random() % stride; cut < wire.size(); cut += 1 + random() % stride) cuts.push_back(cut);
        ASSERT_EQ(heard(wire, {}, listens, limits), other.expected()) << "seed " << seed;
        ASSERT_EQ(heard(wire, cuts, listens, limits), other.expected()) << "seed " << seed;
        ASSERT_EQ(heard_by_bytes(wire, listens, limits), other.expected()) << "seed " << seed;
        events += other.expected().size();
    }
    EXPECT_GT(events, 20000U);
}

TEST(assembler_history, survives_noise_and_says_the_same_however_it_is_cut) {
    std::mt19937 random{5};
    for (int round = 0; round < 20000; ++round) {
        // Mostly good first bytes, else nothing would go deeper than the first one.
        std::string noise;
        for (std::size_t frames = 1 + random() % 4; frames > 0; --frames) {
            constexpr char starts[] = {'\x01', '\x02', '\x80', '\x00', '\x81', '\x82', '\x88', '\x89', '\x8a', '\xf0'};
            noise.push_back(starts[random() % std::size(starts)]);
            noise.push_back(static_cast<char>(0x80 + random() % 8));
            for (std::size_t bytes = 4 + random() % 8; bytes > 0; --bytes)
                noise.push_back(static_cast<char>(random() % 4 * 0x55));
        }
        const auto whole = heard(noise);
        ASSERT_EQ(heard_by_bytes(noise), whole) << testing::PrintToString(noise);
        ASSERT_EQ(heard(noise, {random() % noise.size()}), whole) << testing::PrintToString(noise);
    }
}

} // namespace
} // namespace carillon::ws
