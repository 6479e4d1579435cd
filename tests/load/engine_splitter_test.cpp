#include "load/message_splitter.hpp"
#include "ws/frame.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace carillon::load {
namespace {

using ws::opcode;
using heard = std::vector<std::pair<opcode, std::string>>;

std::string frame(opcode op, std::string_view payload, bool fin = true) {
    std::array<std::byte, ws::header_bytes_max> header;
    const std::size_t size = ws::encode_header(header, op, payload.size(), fin);
    return std::string{as_text(std::span{header}.first(size))} + std::string{payload};
}

struct listener {
    message_splitter splitter;
    heard messages;

    // Each piece in memory of its own, so that a view that is kept too long is found by the sanitizers.
    error_code feed(std::string_view piece) {
        const std::vector<char> bytes{piece.begin(), piece.end()};
        return splitter.feed({bytes.data(), bytes.size()}, [this](opcode op, std::string_view payload) {
            messages.emplace_back(op, payload);
            return true;
        });
    }
};

struct stream_case {
    const char* name;
    std::string bytes;
    heard messages;
};

std::vector<stream_case> streams() {
    const std::string middle(300, 'm'), large(70'000, 'l');
    return {
        {"one", frame(opcode::text, "bell"), {{opcode::text, "bell"}}},
        {"an empty one", frame(opcode::text, ""), {{opcode::text, ""}}},
        {"three kinds",
         frame(opcode::binary, "b") + frame(opcode::ping, "p") + frame(opcode::text, middle),
         {{opcode::binary, "b"}, {opcode::ping, "p"}, {opcode::text, middle}}},
        {"fragments with a ping between",
         frame(opcode::text, "fra", false) + frame(opcode::ping, "") + frame(opcode::continuation, "gmen", false) +
             frame(opcode::continuation, "ts") + frame(opcode::text, "next"),
         {{opcode::ping, ""}, {opcode::text, "fragments"}, {opcode::text, "next"}}},
        {"fragments twice",
         frame(opcode::text, "a", false) + frame(opcode::continuation, "b") + frame(opcode::binary, "c", false) +
             frame(opcode::continuation, ""),
         {{opcode::text, "ab"}, {opcode::binary, "c"}}},
        {"the end",
         frame(opcode::text, "last") + frame(opcode::close, std::string{"\x03\xe8", 2}),
         {{opcode::text, "last"}, {opcode::close, std::string{"\x03\xe8", 2}}}},
    };
}

TEST(message_splitter, finds_the_same_messages_wherever_the_bytes_are_cut) {
    for (const auto& [name, bytes, messages] : streams()) {
        for (std::size_t first = 0; first <= bytes.size(); ++first) {
            const std::size_t step = bytes.size() > 100 ? 37 : 1;
            for (std::size_t second = first; second <= bytes.size(); second += step) {
                listener one;
                EXPECT_FALSE(one.feed(std::string_view{bytes}.substr(0, first)));
                EXPECT_FALSE(one.feed(std::string_view{bytes}.substr(first, second - first)));
                EXPECT_FALSE(one.feed(std::string_view{bytes}.substr(second)));
                ASSERT_EQ(one.messages, messages) << name << " cut at " << first << " and " << second;
            }
        }
    }
}

TEST(message_splitter, finds_them_byte_by_byte_and_all_at_once) {
    std::string all;
    heard messages;
    for (const stream_case& each : streams()) {
        all += each.bytes;
        messages.insert(messages.end(), each.messages.begin(), each.messages.end());
    }
    listener slow, quick;
    for (const char byte : all) EXPECT_FALSE(slow.feed({&byte, 1}));
    EXPECT_FALSE(quick.feed(all));
    EXPECT_EQ(slow.messages, messages);
    EXPECT_EQ(quick.messages, messages);
}

struct wrong_case {
    const char* name;
    std::string bytes;
    ws::error why;
};

TEST(message_splitter, says_what_is_wrong_wherever_the_bytes_are_cut) {
    const auto long_one = [](std::uint64_t bytes) {
        std::array<std::byte, ws::header_bytes_max> header;
        const std::size_t size = ws::encode_header(header, opcode::binary, bytes);
        return std::string{as_text(std::span{header}.first(size))};
    };
    const wrong_case cases[] = {
        {"a masked frame",
         "\x81\x81"
         "abcde",
         ws::error::masked},
        {"a reserved opcode",
         "\x83\x01"
         "a",
         ws::error::reserved_opcode},
        {"a fragment of nothing", frame(opcode::continuation, "a"), ws::error::unexpected_continuation},
        {"a message within another", frame(opcode::text, "a", false) + frame(opcode::text, "b"),
         ws::error::message_interrupted},
        {"too long by one", long_one(message_splitter::message_bytes_max + 1), ws::error::message_too_big},
    };
    for (const auto& [name, bytes, why] : cases) {
        for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
            listener one;
            error_code wrong = one.feed(std::string_view{bytes}.substr(0, cut));
            if (!wrong) wrong = one.feed(std::string_view{bytes}.substr(cut));
            EXPECT_EQ(wrong, why) << name << " cut at " << cut;
            EXPECT_TRUE(one.messages.empty());
        }
    }
    listener just_enough;
    EXPECT_FALSE(just_enough.feed(long_one(message_splitter::message_bytes_max)));
}

TEST(message_splitter, a_message_in_fragments_has_the_same_limit) {
    const std::string half(message_splitter::message_bytes_max / 2, 'h');
    listener one;
    EXPECT_FALSE(one.feed(frame(opcode::text, half, false)));
    EXPECT_FALSE(one.feed(frame(opcode::continuation, half, false)));
    EXPECT_EQ(one.feed(frame(opcode::continuation, "x")), ws::error::message_too_big);
}

TEST(message_splitter, a_sink_that_says_no_ends_it_and_may_destroy_the_splitter) {
    auto splitter = std::make_unique<message_splitter>();
    const std::string bytes = frame(opcode::text, "one") + frame(opcode::text, "two");
    EXPECT_FALSE(splitter->feed(bytes.substr(0, 3), [](opcode, std::string_view) { return true; }));
    int calls = 0;
    EXPECT_FALSE(splitter->feed(bytes.substr(3), [&](opcode, std::string_view payload) {
        EXPECT_EQ(payload, "one");
        ++calls;
        splitter.reset();
        return false;
    }));
    EXPECT_EQ(calls, 1);
}

TEST(message_splitter, forgets_what_is_unfinished_when_told) {
    listener one;
    EXPECT_FALSE(one.feed(frame(opcode::text, "half").substr(0, 4)));
    one.splitter.reset();
    EXPECT_FALSE(one.feed(frame(opcode::text, "whole")));
    EXPECT_EQ(one.messages, (heard{{opcode::text, "whole"}}));
}

} // namespace
} // namespace carillon::load
