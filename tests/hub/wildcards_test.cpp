#include "hub/listening.hpp"

namespace carillon::hub::test {
namespace {

struct naming final : sink {
    void encode(format, std::string_view channel, const publication& message, std::string& out) override {
        out.append(channel).append(">").append(message.to).append("=").append(message.payload);
        out.append("@").append(std::to_string(message.offset)).append(message.epoch).append(";");
    }
    void deliver(subscriber to, frames& what) override { heard[to.index()] += what.bytes(); }
    std::map<std::uint32_t, std::string> heard;
};

const publication third{.payload = "x", .is_json = false, .info = {}, .offset = 3, .epoch = "e"};

TEST(hub_wildcards, are_published_to_by_their_name_and_told_the_channel_and_no_place_in_a_stream) {
    deliveries queue;
    hub bells{queue};
    naming heard;
    bells.attach(format::websocket_json, heard);
    memberships one, two;
    const auto first = subscriber::make(1, format::websocket_json),
               second = subscriber::make(2, format::websocket_json);
    EXPECT_EQ(bells.subscribe(first, one, "news:*", name_kind::wildcard), subscribe_outcome::joined_first);
    EXPECT_EQ(bells.subscribe(first, one, "news:a"), subscribe_outcome::joined_first);
    EXPECT_EQ(bells.subscribe(second, two, "news:a"), subscribe_outcome::joined);
    EXPECT_EQ(bells.wildcards(), 1u);
    EXPECT_TRUE(bells.is_wildcard("news:*"));
    EXPECT_FALSE(bells.is_wildcard("news:a"));

    EXPECT_EQ(bells.publish("news:a", third), 2u);
    EXPECT_EQ(bells.publish_by("news:*", "news:a", third), 1u);
    EXPECT_EQ(bells.publish("news:*", third), 0u); // which is no channel
    EXPECT_EQ(bells.publish_by("news:a", "news:a", third), 0u);
    EXPECT_EQ(bells.publish_by("news:b.*", "news:b.c", third), 0u);
    bells.flush();
    EXPECT_EQ(heard.heard[1], "news:a>=x@3e;news:*>news:a=x@0;");
    EXPECT_EQ(heard.heard[2], "news:a>=x@3e;");
}

TEST(hub_wildcards, are_no_channels_of_the_same_name) {
    tower house;
    member_of one{house, 1}, two{house, 2};
    EXPECT_EQ(house.bells.subscribe(one.who, one.list, "a.*", name_kind::wildcard), subscribe_outcome::joined_first);
    EXPECT_EQ(house.bells.subscribe(one.who, one.list, "a.*", name_kind::wildcard), subscribe_outcome::already);
    EXPECT_EQ(two.join("a.*"), subscribe_outcome::clashes);
    EXPECT_EQ(two.list.count, 0u);
    EXPECT_EQ(one.leave("a.*"), unsubscribe_outcome::left_last);
    EXPECT_EQ(house.bells.wildcards(), 0u);
    EXPECT_EQ(two.join("a.*"), subscribe_outcome::joined_first);
    EXPECT_EQ(house.bells.subscribe(one.who, one.list, "a.*", name_kind::wildcard), subscribe_outcome::clashes);
    EXPECT_EQ(house.publish("a.*", "x"), 1u);
    two.leave_all();
    EXPECT_EQ(house.bells.subscribe(one.who, one.list, "a.*", name_kind::wildcard), subscribe_outcome::joined_first);
    one.leave_all();
    EXPECT_EQ(house.bells.wildcards(), 0u);
}

} // namespace
} // namespace carillon::hub::test
