#include "carriers/missed_lists.hpp"
#include "carriers/wrapping.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::carriers {
namespace {

streams::shared_batch batch_of(std::uint64_t first, const std::vector<streams::draft>& all) {
    auto made = std::make_shared<streams::batch>();
    made->first = first;
    for (const streams::draft& each : all) made->publications.push_back(streams::publication::make(each));
    return made;
}

const protocol::encoder& json() { return encoder_of(hub::format::websocket_json); }

TEST(missed_lists, have_each_publication_with_its_offset) {
    missed_lists lists;
    const auto what = batch_of(7, {{.payload = R"({"a":1})", .is_json = true}, {.payload = "x", .is_json = false}});
    EXPECT_EQ(lists.whole(what, json(), false), R"({"data":{"a":1},"offset":7},{"data":"x","offset":8})");
}

TEST(missed_lists, are_made_once_for_all_who_have_missed_the_same) {
    missed_lists lists;
    const auto what = batch_of(1, {{.payload = "1", .is_json = true}});
    const auto equal = batch_of(1, {{.payload = "1", .is_json = true}}); // another one all the same
    const std::string_view first = lists.whole(what, json(), false);
    EXPECT_EQ(lists.whole(what, json(), false).data(), first.data());
    EXPECT_NE(lists.whole(equal, json(), false).data(), first.data());
    EXPECT_NE(lists.whole(what, encoder_of(hub::format::websocket_protobuf), false), first);
    EXPECT_NE(lists.whole(what, json(), true).data(), first.data());
    EXPECT_EQ(lists.whole(what, json(), false).data(), first.data());
}

TEST(missed_lists, are_valid_until_so_many_others_have_been_asked_for) {
    missed_lists lists;
    std::vector<streams::shared_batch> all;
    std::vector<std::string_view> made;
    for (std::size_t i = 0; i < missed_lists::kept_max; ++i) {
        all.push_back(batch_of(i + 1, {{.payload = "1", .is_json = true}}));
        made.push_back(lists.whole(all.back(), json(), false));
    }
    for (std::size_t i = 0; i < all.size(); ++i)
        EXPECT_EQ(made[i], R"({"data":1,"offset":)" + std::to_string(i + 1) + "}") << i;
}

TEST(missed_lists, as_deltas_begin_with_a_whole_one) {
    missed_lists lists;
    const std::string text(200, 'a');
    const std::string before = R"({"text":")" + text + R"(","n":1})", after = R"({"text":")" + text + R"(","n":2})";
    const auto what = batch_of(1, {{.payload = before, .is_json = true}, {.payload = after, .is_json = true}});
    const std::string_view whole = lists.whole(what, json(), false), shortened = lists.whole(what, json(), true);
    EXPECT_LT(shortened.size(), whole.size() * 3 / 4);
    EXPECT_NE(shortened.find(text), shortened.npos);
    EXPECT_EQ(shortened.find(text, shortened.find(text) + text.size()), shortened.npos); // not a second time
    EXPECT_NE(shortened.find(R"("delta":true)"), shortened.npos);
}

TEST(missed_lists, leave_out_what_a_filter_does_not_hold) {
    missed_lists lists;
    const auto what = batch_of(4, {{.payload = "1", .is_json = true, .tags = R"({"kind":"bid"})"},
                                   {.payload = "2", .is_json = true, .tags = R"({"kind":"ask"})"},
                                   {.payload = "3", .is_json = true}});
    protocol::filter_node asks;
    asks.key = "kind";
    asks.cmp = "eq";
    asks.val = "ask";
    const auto filter = filters::filter::make(asks);
    ASSERT_TRUE(filter);
    EXPECT_EQ(lists.filtered(*what, json(), **filter), R"({"data":2,"offset":5,"tags":{"kind":"ask"}})");
}

} // namespace
} // namespace carillon::carriers
