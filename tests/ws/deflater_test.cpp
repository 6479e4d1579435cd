#include "base/bytes.hpp"
#include "ws/deflater.hpp"
#include "ws/inflater.hpp"

#include <gtest/gtest.h>

#include <random>
#include <zlib.h>

namespace carillon::ws {
namespace {

// Words in no order, so that there is something to find at every distance.
std::string prose(std::size_t bytes, unsigned seed) {
    std::minstd_rand random{seed};
    std::string text;
    while (text.size() < bytes) {
        text += "\"word" + std::to_string(random() % 300) + "\":";
        text += std::to_string(random() % 10'000) + ",";
    }
    text.resize(bytes);
    return text;
}

struct window_case {
    const char* name;
    deflate_window most;
    int bits;
};
const window_case windows[] = {{"narrow", deflate_window::narrow, narrow_window_bits},
                               {"wide", deflate_window::wide, wide_window_bits}};

// As a peer reads it that has no more than that window: byte by byte, so that zlib cannot look back in what it has
// given.
std::string inflated_with(int window_bits, std::string_view payload) {
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, -window_bits), Z_OK);
    std::string input{payload};
    input.append("\0\0\xff\xff", 4);
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    std::string out;
    for (int said = Z_OK; said == Z_OK;) {
        char letter = 0;
        stream.next_out = reinterpret_cast<Bytef*>(&letter);
        stream.avail_out = 1;
        said = ::inflate(&stream, Z_SYNC_FLUSH);
        if (stream.avail_out == 0) out += letter;
        EXPECT_TRUE(said == Z_OK || said == Z_BUF_ERROR) << said << " at byte " << out.size();
    }
    inflateEnd(&stream);
    return out;
}

TEST(deflater, what_it_makes_is_read_with_no_more_than_its_window) {
    for (const window_case& window : windows) {
        for (const int level : {1, 6, 9}) {
            deflater writer{level};
            inflater reader;
            for (const std::size_t bytes : {200u, 511u, 512u, 513u, 4095u, 4096u, 4097u, 32'768u, 200'000u}) {
                SCOPED_TRACE(testing::Message() << window.name << ", level " << level << ", " << bytes << " bytes");
                const std::string message = prose(bytes, static_cast<unsigned>(bytes));
                std::string out = "before";
                ASSERT_TRUE(writer.deflate(message, window.most, out));
                ASSERT_TRUE(out.starts_with("before"));
                const std::string_view payload = std::string_view{out}.substr(6);
                EXPECT_LT(payload.size(), message.size());
                EXPECT_EQ(as_text(reader.inflate(as_bytes(payload), bytes).message), message);
                EXPECT_EQ(inflated_with(window.bits, payload), message);
            }
        }
    }
}

TEST(deflater, makes_the_same_of_a_message_whatever_came_before) {
    deflater writer{1};
    const std::string message = prose(2000, 1);
    std::string alone, after;
    ASSERT_TRUE(deflater{1}.deflate(message, deflate_window::wide, alone));
    for (const std::size_t bytes : {100u, 2000u, 50'000u}) {
        std::string other;
        (void)writer.deflate(prose(bytes, 2), deflate_window::wide, other);
    }
    ASSERT_TRUE(writer.deflate(message, deflate_window::wide, after));
    EXPECT_EQ(after, alone);
}

TEST(deflater, leaves_alone_what_would_not_be_shorter) {
    std::minstd_rand random{1};
    deflater writer{9};
    for (const std::size_t bytes : {0u, 1u, 5u, 100u, 5000u, 100'000u}) {
        std::string noise(bytes, '\0');
        for (char& each : noise) each = static_cast<char>(random() >> 8);
        for (const window_case& window : windows) {
            std::string out = "before";
            EXPECT_FALSE(writer.deflate(noise, window.most, out)) << bytes;
            EXPECT_EQ(out, "before");
        }
    }
    std::string out;
    EXPECT_TRUE(writer.deflate(prose(300, 1), deflate_window::wide, out)) << "and goes on";
}

} // namespace
} // namespace carillon::ws
