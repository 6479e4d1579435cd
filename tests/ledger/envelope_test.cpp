#include "ledger/envelope.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::ledger {
namespace {

using kind = hub::publication::kind;

TEST(envelope, what_is_put_in_comes_out) {
    struct row {
        const char* name;
        streams::draft what;
        kind of;
    };
    const std::vector<row> rows{
        {"json", {"{\"a\":1}", true}, kind::message},
        {"text", {"hello there", false}, kind::message},
        {"nothing_at_all", {"", false}, kind::message},
        {"with_info_and_tags", {"1", true, "{\"user\":\"42\"}", "{\"k\":\"v\"}"}, kind::message},
        {"blanks_and_breaks", {" 1 2 \n", false, "0 0 ", "j0 0 "}, kind::message},
        {"a_coming", {"{\"client\":\"c\"}", true}, kind::join},
        {"a_going", {"{\"client\":\"c\"}", true}, kind::leave},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        const std::string bytes = envelope_of(body_of(each.what, each.of));
        ASSERT_TRUE(is_envelope(bytes));
        const auto found = open_envelope(bytes);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->what, each.of);
        EXPECT_EQ(found->at, streams::position{});
        EXPECT_EQ(found->published.payload, each.what.payload);
        EXPECT_EQ(found->published.is_json, each.what.is_json);
        EXPECT_EQ(found->published.info, each.what.info);
        EXPECT_EQ(found->published.tags, each.what.tags);
        EXPECT_LE(bytes.size(),
                  envelope_overhead_bytes + each.what.payload.size() + each.what.info.size() + each.what.tags.size());
        // Cut anywhere before the payload, it is none.
        for (std::size_t i = 0; i < bytes.size() - each.what.payload.size(); ++i)
            EXPECT_FALSE(open_envelope(std::string_view{bytes}.substr(0, i))) << i;
    }
}

TEST(envelope, has_a_place_if_the_server_gives_it_one) {
    const std::string bytes = "\377C1"
                              "18446744073709551615 abcdefghijklmno j0 0 1";
    const auto found = open_envelope(bytes);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->at.offset, 18446744073709551615u);
    EXPECT_EQ(found->at.epoch.view(), "abcdefghijklmno");
}

TEST(envelope, others_are_none) {
    for (const char* each : {"", "{}", "\377",
                             "\377C2"
                             "1 e j0 0 1",
                             "\377C1"
                             "x e j0 0 1",
                             "\377C1"
                             "1 e x0 0 1",
                             "\377C1"
                             "1 an-epoch-too-long j0 0 1",
                             "\377C1"
                             "1 e j9 0 1",
                             "\377C1"
                             "1 e j1 9 1",
                             "\377C1"
                             "1 e j-1 0 1",
                             "\377C1"
                             "1 e ",
                             "\377C1"
                             "1 e j99999999999999999999 0 1"})
        EXPECT_FALSE(open_envelope(each)) << each;
}

// What stands in a body whose payload nobody has looked at before (library.hpp), or that somebody made up.
TEST(envelope, only_what_clients_can_read_is_settled) {
    struct row {
        const char* name;
        std::string body;
        bool settles;
        bool is_json;
    };
    const std::vector<row> rows{
        {"json", "j0 0 {}", true, true},
        {"text", "t0 0 {", true, false},
        {"data_that_is_json", "d0 0 [1]", true, true},
        {"data_that_is_text", "d0 0 [1", true, false},
        {"no_data", "d0 0 ", true, false},
        {"data_that_is_no_text", "d0 0 \xff", false, false},
        {"data_that_is_too_deep", "d0 0 " + std::string(501, '[') + std::string(501, ']'), false, false},
        {"json_that_is_none", "j0 0 {", false, false},
        {"text_that_is_none", "t0 0 \xff", false, false},
        {"text_that_is_json", "t0 0 1", false, false},
        {"with_info_and_tags", "d2 7 {}{\"a\":1}1", true, true},
        {"info_that_is_none", "j1 0 {1", false, false},
        {"tags_that_are_none", "j0 1 {1", false, false},
        {"a_coming", "+0 0 {}", true, true},
        {"a_going_of_nobody", "-0 0 x", false, false},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        auto found = open_body(each.body);
        ASSERT_TRUE(found);
        EXPECT_EQ(settle(*found), each.settles);
        if (!each.settles) continue;
        EXPECT_EQ(found->published.is_json, each.is_json);
        EXPECT_FALSE(found->is_untold);
    }
}

} // namespace
} // namespace carillon::ledger
