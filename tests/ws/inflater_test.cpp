#include "ws/inflater.hpp"
#include "ws/padded_buffer.hpp"
#include "ws/wire.hpp"

#include <gtest/gtest.h>

#include <zlib.h>

namespace carillon::ws {
namespace {

using test::from_hex;

constexpr std::size_t plenty = 1 << 20;

struct payload_case {
    const char* name;
    std::string payload;
    std::string message;
    error why = error::none;
};

// RFC 7692 §7.2.3 has the first of them.
const payload_case payloads[] = {
    {"one block", from_hex("f248cdc9c90700"), "Hello"},
    {"a block without compression", from_hex("000500faff48656c6c6f00"), "Hello"},
    {"a block that says it is the last", from_hex("f348cdc9c9070000"), "Hello"},
    {"two blocks", from_hex("f248050000 00ffffcac9c90700"), "Hello"},
    {"the last block, and nothing behind it", from_hex("f348cdc9c90700"), "Hello"},
    {"a block behind the last one", from_hex("f348cdc9c90700f248cdc9c90700"), "HelloHello"},
    {"an empty message", from_hex("00"), ""},
    {"an empty last block", from_hex("0300"), ""},

    {"nothing", "", {}, error::not_deflated},
    {"a kind of block that there is not", from_hex("06"), {}, error::not_deflated},
    {"noise", from_hex("deadbeefdeadbeef"), {}, error::not_deflated},
    {"text", "{\"id\":1}", {}, error::not_deflated},
    {"a block that is cut off", from_hex("f248cd"), {}, error::not_deflated},
    {"a stored block that is cut off", from_hex("000900f6ff4865"), {}, error::not_deflated},
    {"a length that does not go with its complement", from_hex("000500fbff48656c6c6f00"), {}, error::not_deflated},
    {"something that was in the message before", from_hex("f200110000"), {}, error::not_deflated},
    {"noise behind a good block", from_hex("f248cdc9c90706"), {}, error::not_deflated},
    {"a header of gzip", from_hex("1f8b0800000000000003f348cdc9c90700"), {}, error::not_deflated},
};

TEST(inflater, reads_what_the_rfc_shows_and_nothing_that_is_no_deflate) {
    inflater reader; // one for all, so that each comes after another
    for (const payload_case& each : payloads) {
        const auto made = reader.inflate(as_bytes(each.payload), plenty);
        EXPECT_EQ(make_error_code(made.why).message(), make_error_code(each.why).message()) << each.name;
        EXPECT_EQ(as_text(made.message), each.message) << each.name;
    }
}

// By zlib, as a client does it.
std::string deflated(std::string_view message, int level = 9) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(deflateBound(&stream, message.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data()));
    stream.avail_in = static_cast<uInt>(message.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(::deflate(&stream, Z_SYNC_FLUSH), Z_OK);
    out.resize(out.size() - stream.avail_out);
    deflateEnd(&stream);
    EXPECT_TRUE(out.ends_with(std::string_view{"\0\0\xff\xff", 4}));
    out.resize(out.size() - 4);
    return out;
}

TEST(inflater, a_message_of_the_limit_is_read_and_one_byte_more_is_too_big) {
    inflater reader;
    for (const std::size_t limit : {std::size_t{1}, std::size_t{100}, std::size_t{16'383}, std::size_t{16'384},
                                    std::size_t{16'385}, std::size_t{65'536}, std::size_t{400'000}}) {
        SCOPED_TRACE(limit);
        const std::string most(limit, 'x');
        EXPECT_EQ(as_text(reader.inflate(as_bytes(deflated(most)), limit).message), most);
        EXPECT_EQ(reader.inflate(as_bytes(deflated(most + "x")), limit).why, error::message_too_big);
        EXPECT_EQ(as_text(reader.inflate(as_bytes(deflated("small")), limit + 5).message), "small");
    }
}

TEST(inflater, a_bomb_is_given_up_at_the_limit) {
    const std::string bomb = deflated(std::string(16 << 20, '\0'));
    EXPECT_LT(bomb.size(), 20'000u);
    inflater reader;
    EXPECT_EQ(reader.inflate(as_bytes(bomb), 65'536).why, error::message_too_big);
    // What is left of it is not in the next message.
    EXPECT_EQ(as_text(reader.inflate(as_bytes(deflated("next")), 65'536).message), "next");
}

TEST(inflater, what_is_behind_a_message_may_be_read_and_is_zero) {
    inflater reader;
    (void)reader.inflate(as_bytes(deflated(std::string(1000, 'x'))), plenty);
    const auto made = reader.inflate(as_bytes(deflated("short")), plenty);
    const bytes_view behind{made.message.data() + made.message.size(), padded_buffer::padding_bytes};
    for (const std::byte each : behind) EXPECT_EQ(each, std::byte{0});
}

} // namespace
} // namespace carillon::ws
