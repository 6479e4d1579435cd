#include "fossil/delta.hpp"
#include "protocol/payload.hpp"
#include "support/test_shard.hpp"

#include <string>
#include <vector>

// Who wants publications in another way than others.
namespace carillon::test {
namespace {

using words = std::vector<std::string>;

shard_options with_wishes() {
    shard_options how;
    how.clients.dev = false;
    how.clients.anonymous = true;
    const channels::audience all{channels::party::anonymous};
    how.clients.name_spaces = {{.name = "table",
                                .subscribe = all,
                                .history = all,
                                .history_size = 10,
                                .recovery = channels::recovery_mode::stream,
                                .allowed_delta_types = {.fossil = true},
                                .allow_tags_filter = true},
                               {.name = "live", .subscribe = all, .allow_tags_filter = true},
                               {.name = "plain", .subscribe = all}};
    how.streams.emplace();
    return how;
}

class listener final : public bus::publish_listener {
public:
    void on_published(bus::ticket, bus::publish_result) override {}
};

void publish(test_shard& on, std::string_view channel, std::string_view json, std::string_view tags = {}) {
    static listener unused;
    bus::publication what;
    what.payload = json;
    what.is_json = true;
    what.tags = tags;
    on.broker.publish(channel, what, unused, {});
    on.subscribers.flush();
    on.settle();
}

std::string say(test_shard& shard, ws_client& client, std::string_view what) {
    client.say(std::string{what});
    shard.settle();
    std::string all;
    for (const std::string& each : client.heard()) all += each + "\n";
    return all;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

const std::string first = R"({"name":"a bell","tone":1,"hung":true})",
                  second = R"({"name":"a bell","tone":2,"hung":true})";

std::string patch() {
    fossil::encoder made;
    std::string delta;
    EXPECT_TRUE(made.encode(first, second, second.size(), delta));
    return delta;
}

std::string in_json(std::string_view text) {
    std::string made;
    protocol::append_json_string(made, text);
    return made;
}

TEST(wishes, deltas_are_granted_and_come_as_text) {
    test_shard shard{with_wishes()};
    ws_client client = shard.connected();
    EXPECT_TRUE(has(say(shard, client, R"({"id":2,"subscribe":{"channel":"table:a","delta":"fossil"}})"),
                    R"("positioned":true,"delta":true}})"));
    publish(shard, "table:a", first);
    publish(shard, "table:a", second);
    const std::string head = R"({"push":{"channel":"table:a","pub":{"data":)";
    const words heard = client.heard();
    ASSERT_EQ(heard.size(), 2u);
    EXPECT_TRUE(heard[0].starts_with(head + in_json(first) + R"(,"offset":1)")) << heard[0];
    EXPECT_EQ(heard[1], head + in_json(patch()) + R"(,"offset":2,"delta":true}}})");
}

TEST(wishes, what_was_missed_comes_as_deltas_to_each_other) {
    test_shard shard{with_wishes()};
    for (const std::string& each : {first, second, first}) publish(shard, "table:a", each);
    ws_client client = shard.connected();
    const std::string said =
        say(shard, client, R"({"id":2,"subscribe":{"channel":"table:a","delta":"fossil","recover":true,"offset":0}})");
    EXPECT_TRUE(has(said, R"([{"data":)" + in_json(first) + R"(,"offset":1},{"data":)" + in_json(patch()) +
                              R"(,"offset":2,"delta":true},)"))
        << said;
    publish(shard, "table:a", second);
    const words heard = client.heard();
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_TRUE(has(heard[0], in_json(second)) && !has(heard[0], R"("delta")")) << heard[0];
    EXPECT_TRUE(has(say(shard, client, R"({"id":3,"history":{"channel":"table:a","limit":1}})"), first));
}

TEST(wishes, where_there_are_no_deltas_everything_comes_whole) {
    for (const std::string channel : {"live:a", "plain:a"}) {
        test_shard shard{with_wishes()};
        ws_client client = shard.connected();
        EXPECT_EQ(say(shard, client, R"({"id":2,"subscribe":{"channel":")" + channel + R"(","delta":"fossil"}})"),
                  "{\"id\":2,\"subscribe\":{}}\n");
        publish(shard, channel, first);
        const words heard = client.heard();
        ASSERT_EQ(heard.size(), 1u);
        EXPECT_TRUE(has(heard[0], first)) << heard[0];
    }
}

TEST(wishes, a_filter_lets_through_what_it_says_also_of_what_was_missed) {
    test_shard shard{with_wishes()};
    publish(shard, "table:a", "1", R"({"k":"x"})");
    publish(shard, "table:a", "2", R"({"k":"y"})");
    publish(shard, "table:a", "3", R"({"k":"x"})");
    ws_client client = shard.connected();
    const std::string with_filter = R"("tf":{"key":"k","cmp":"eq","val":"x"}}})";
    const std::string said =
        say(shard, client,
            R"({"id":2,"subscribe":{"channel":"table:a","delta":"fossil","recover":true,"offset":0,)" + with_filter);
    EXPECT_TRUE(has(said, R"("publications":[{"data":1,)") && has(said, R"({"data":3,)") && !has(said, R"("data":2)"))
        << said;
    EXPECT_FALSE(has(said, R"("delta")"));
    publish(shard, "table:a", "4", R"({"k":"y"})");
    publish(shard, "table:a", "5", R"({"k":"x"})");
    const words heard = client.heard();
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_TRUE(has(heard[0], R"("data":5,"offset":5)")) << heard[0];
    // Of nothing that is for it, it has missed nothing, and stands at the top.
    const std::string leave = R"({"id":3,"unsubscribe":{"channel":"table:a"}})";
    say(shard, client, leave);
    publish(shard, "table:a", "6", R"({"k":"y"})");
    const std::string again =
        say(shard, client, R"({"id":4,"subscribe":{"channel":"table:a","recover":true,"offset":5,)" + with_filter);
    EXPECT_TRUE(has(again, R"("recovered":true,"offset":6)") && !has(again, "publications")) << again;
}

struct refused_case {
    const char* name;
    const char* channel;
    const char* filter;
    const char* answer;
};

TEST(wishes, filters_that_are_none_or_too_many_are_refused) {
    test_shard shard{with_wishes()};
    shard.subscribers.allow({.filters_of_channel_max = 1});
    ws_client other = shard.connected();
    say(shard, other, R"({"id":2,"subscribe":{"channel":"table:a","tf":{"key":"k","cmp":"ex"}}})");
    say(shard, other, R"({"id":3,"subscribe":{"channel":"live:a","tf":{"key":"k","cmp":"ex"}}})");
    const refused_case cases[] = {
        {"no_comparison", "table:b", R"({})", R"("code":107)"},
        {"another_comparison", "live:b", R"({"key":"k","cmp":"like","val":"x"})", R"("code":107)"},
        {"where_there_are_none", "plain:a", R"({"key":"k","cmp":"ex"})", R"("code":107)"},
        {"one_more_than_may_be", "table:a", R"({"key":"k","cmp":"nex"})", R"("code":106)"},
        {"the_same_without_a_stream", "live:a", R"({"key":"k","cmp":"nex"})", R"("code":106)"},
    };
    ws_client client = shard.connected();
    for (const auto& [name, channel, filter, answer] : cases) {
        const std::string said = say(
            shard, client, std::string{R"({"id":2,"subscribe":{"channel":")"} + channel + R"(","tf":)" + filter + "}}");
        EXPECT_TRUE(has(said, answer)) << name << ": " << said;
    }
    EXPECT_EQ(shard.counters.filters_refused, 5u);
    EXPECT_TRUE(has(say(shard, client, R"({"id":2,"subscribe":{"channel":"live:a","tf":{"key":"k","cmp":"ex"}}})"),
                    R"({"id":2,"subscribe":{)"));
}

} // namespace
} // namespace carillon::test
