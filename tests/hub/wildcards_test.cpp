#include "hub/listening.hpp"

namespace carillon::hub::test {
namespace {

struct naming final : sink {
    void encode(format, std::string_view channel, const publication& message, std::string& out) override {
        out.append(channel).append(">").append(message.to).append(message.tags).append("=").append(message.payload);
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
    EXPECT_EQ(bells.subscribe(first, one, "news:*", {}, name_kind::wildcard), subscribe_outcome::joined_first);
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
    EXPECT_EQ(bells.publish_by("news:*", "news:\xff", third), 0u); // a name that no client could be told
    bells.flush();
    EXPECT_EQ(heard.heard[1], R"(news:a>=x@3e;news:*>news:a{"channel":"news:a"}=x@0;)");
    EXPECT_EQ(heard.heard[2], "news:a>=x@3e;");
}

TEST(hub_wildcards, a_filter_looks_at_the_channel_as_at_a_tag) {
    deliveries queue;
    hub bells{queue};
    naming heard;
    bells.attach(format::websocket_json, heard);
    memberships all, some;
    const auto first = subscriber::make(1, format::websocket_json),
               second = subscriber::make(2, format::websocket_json);
    const wish only_b{.filter = *filters::filter::make({.key = "channel", .cmp = "ew", .val = ".b"})};
    EXPECT_EQ(bells.subscribe(second, some, "n:*", only_b, name_kind::wildcard), subscribe_outcome::joined_first);
    EXPECT_EQ(bells.subscribe(first, all, "n:*", {}, name_kind::wildcard), subscribe_outcome::joined);
    EXPECT_EQ(bells.subscribe(second, some, "n:*"), subscribe_outcome::clashes);
    EXPECT_EQ(bells.wildcards(), 1u);

    EXPECT_EQ(bells.publish_by("n:*", "n:a", {.payload = "1", .is_json = true, .info = {}}), 1u);
    const publication tagged{.payload = "2", .is_json = true, .info = {}, .tags = R"({"channel":"n.c","k":"v"})"};
    EXPECT_EQ(bells.publish_by("n:*", "n:a.b", tagged), 2u); // what the publisher says of the channel does not count
    bells.flush();
    EXPECT_EQ(heard.heard[1], R"(n:*>n:a{"channel":"n:a"}=1@0;)"
                              R"(n:*>n:a.b{"channel":"n.c","k":"v","channel":"n:a.b"}=2@0;)");
    EXPECT_EQ(heard.heard[2], R"(n:*>n:a.b{"channel":"n.c","k":"v","channel":"n:a.b"}=2@0;)");
    bells.unsubscribe_all(all, [](std::string_view) { FAIL(); });
    EXPECT_EQ(bells.wildcards(), 1u);
    EXPECT_EQ(bells.unsubscribe(second, some, "n:*"), unsubscribe_outcome::left_last);
    EXPECT_EQ(bells.wildcards(), 0u);
}

TEST(hub_wildcards, are_no_channels_of_the_same_name) {
    tower house;
    member_of one{house, 1}, two{house, 2};
    EXPECT_EQ(house.bells.subscribe(one.who, one.list, "a.*", {}, name_kind::wildcard),
              subscribe_outcome::joined_first);
    EXPECT_EQ(house.bells.subscribe(one.who, one.list, "a.*", {}, name_kind::wildcard), subscribe_outcome::already);
    EXPECT_EQ(two.join("a.*"), subscribe_outcome::clashes);
    EXPECT_EQ(two.list.count, 0u);
    EXPECT_EQ(one.leave("a.*"), unsubscribe_outcome::left_last);
    EXPECT_EQ(house.bells.wildcards(), 0u);
    EXPECT_EQ(two.join("a.*"), subscribe_outcome::joined_first);
    EXPECT_EQ(house.bells.subscribe(one.who, one.list, "a.*", {}, name_kind::wildcard), subscribe_outcome::clashes);
    EXPECT_EQ(house.publish("a.*", "x"), 1u);
    two.leave_all();
    EXPECT_EQ(house.bells.subscribe(one.who, one.list, "a.*", {}, name_kind::wildcard),
              subscribe_outcome::joined_first);
    one.leave_all();
    EXPECT_EQ(house.bells.wildcards(), 0u);
}

} // namespace
} // namespace carillon::hub::test
