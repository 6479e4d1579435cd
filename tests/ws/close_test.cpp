#include "ws/close.hpp"
#include "ws/utf8.hpp"
#include "ws/wire.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <set>

namespace carillon::ws {
namespace {

std::string close_frame(std::uint16_t code, std::string_view reason) {
    std::array<std::byte, close_frame_bytes_max> out;
    const std::size_t size = encode_close(out, code, reason);
    return std::string{as_text(bytes_view{out}.first(size))};
}

TEST(close_codes, the_ones_that_may_be_received_are_those_of_the_rfc_the_registry_and_applications) {
    const auto range = [](std::uint16_t code) {
        struct {
            std::uint16_t first, last;
        } const allowed[] = {{1000, 1003}, {1007, 1014}, {3000, 4999}};
        for (const auto& r : allowed)
            if (code >= r.first && code <= r.last) return true;
        return false;
    };
    for (std::uint32_t code = 0; code <= 0xffff; ++code)
        ASSERT_EQ(may_be_received(static_cast<std::uint16_t>(code)), range(static_cast<std::uint16_t>(code))) << code;
    for (const std::uint16_t never :
         std::initializer_list<std::uint16_t>{0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000})
        EXPECT_FALSE(may_be_received(never)) << never;
}

TEST(close_codes, every_fault_has_its_answer_and_its_own_sentence) {
    std::set<std::string> sentences;
    for (int value = 1; value <= static_cast<int>(error::close_code_invalid); ++value) {
        const auto why = static_cast<error>(value);
        EXPECT_TRUE(sentences.insert(make_error_code(why).message()).second) << value;
        const bool bad_payload = why == error::invalid_utf8 || why == error::not_deflated;
        const auto expected = bad_payload                     ? close_code::invalid_payload
                              : why == error::message_too_big ? close_code::message_too_big
                                                              : close_code::protocol_error;
        EXPECT_EQ(close_code_for(why), expected) << value;
    }
    EXPECT_EQ(boost::system::error_code{error::masked}.category().name(), std::string{"carillon.ws"});
}

TEST(encode_close, writes_code_and_reason) {
    EXPECT_EQ(close_frame(1000, ""), test::from_hex("88 02 03e8"));
    EXPECT_EQ(close_frame(3500, "bye"), test::from_hex("88 05 0dac 627965"));
    EXPECT_EQ(close_frame(1005, "not said"), test::from_hex("88 00"));
}

TEST(encode_close, cuts_a_long_reason_between_code_points) {
    struct {
        const char* name;
        std::string character;
    } const alphabets[] = {
        {"one byte", "a"}, {"two bytes", "\u00e9"}, {"three bytes", "\u20ac"}, {"four bytes", "\U0001f514"}};
    for (const auto& [name, character] : alphabets)
        for (std::size_t before = 0; before < 4; ++before) {
            SCOPED_TRACE(name);
            std::string reason(before, '.');
            while (reason.size() < 200) reason += character;
            const std::string frame = close_frame(4000, reason);
            const std::string said = frame.substr(4);
            EXPECT_EQ(static_cast<unsigned char>(frame[1]), 2 + said.size());
            EXPECT_EQ(said, reason.substr(0, said.size()));
            EXPECT_TRUE(is_utf8(as_bytes(said)));
            EXPECT_LE(said.size(), close_reason_bytes_max);
            EXPECT_GT(said.size() + character.size(), close_reason_bytes_max) << "no more is cut than must be";
        }
    EXPECT_EQ(close_frame(4000, std::string(123, 'a')).size(), 127U);
    EXPECT_EQ(close_frame(4000, std::string(124, 'a')).size(), 127U);
}

} // namespace
} // namespace carillon::ws
