#include "support/test_shard.hpp"

#include <string>
#include <vector>

// Subscriptions that stand for many channels (docs/channels.md).
namespace carillon::test {
namespace {

using words = std::vector<std::string>;

shard_options with_wildcards(std::size_t most = 1024) {
    shard_options how;
    how.clients.dev = false;
    how.clients.anonymous = true;
    how.clients.wildcards_max = most;
    const channels::audience all{channels::party::anonymous};
    channels::name_space news{.name = "news", .subscribe = all, .publish = all, .history = all, .presence_for = all};
    news.history_size = 5;
    news.recovery = channels::recovery_mode::stream;
    news.presence = news.join_leave = news.force_push_join_leave = news.wildcard = true;
    news.allowed_delta_types.fossil = news.allow_tags_filter = true;
    how.clients.name_spaces = {
        news,
        {.name = "plain", .subscribe = all, .publish = all},
        {.name = "whole", .subscribe = all, .wildcard = true},
    };
    how.streams.emplace();
    return how;
}

words say(test_shard& shard, ws_client& client, const std::string& command) {
    client.say(command);
    shard.settle();
    shard.subscribers.flush();
    shard.settle();
    return client.heard();
}

std::string failed(int id, int code, const std::string& text) {
    return fmt::format(R"({{"id":{},"error":{{"code":{},"message":"{}"}}}})", id, code, text);
}

void publish(test_shard& shard, std::string_view channel, std::string_view json, std::string_view tags = {}) {
    struct unheard final : bus::publish_listener {
        void on_published(bus::ticket, bus::publish_result) override {}
    } nobody;
    ASSERT_TRUE(shard.broker.publish(channel, {{json, true, {}, tags}}, nobody, {}));
    shard.subscribers.flush();
    shard.settle();
}

TEST(wildcards, get_publications_with_the_channel_that_they_were_published_to) {
    test_shard shard{with_wildcards()};
    ws_client client = shard.connected("news:sport.*");
    publish(shard, "news:sport.a", "1");
    publish(shard, "news:sport.b.c", "2", R"({"k":"v"})");
    publish(shard, "news:weather", "3");
    publish(shard, "news:sport.\xff", "4"); // a name that no client could be told
    EXPECT_EQ(client.heard(),
              (words{R"({"push":{"channel":"news:sport.*","pub":{"data":1,"tags":{"channel":"news:sport.a"},)"
                     R"("channel":"news:sport.a"}}})",
                     R"({"push":{"channel":"news:sport.*","pub":{"data":2,"tags":{"k":"v","channel":"news:sport.b.c"},)"
                     R"("channel":"news:sport.b.c"}}})"}));
    EXPECT_EQ(say(shard, client, R"({"id":9,"unsubscribe":{"channel":"news:sport.*"}})"),
              words{R"({"id":9,"unsubscribe":{}})"});
    publish(shard, "news:sport.a", "5");
    EXPECT_EQ(client.heard(), words{});
}

TEST(wildcards, have_filters_which_look_at_the_channel_too) {
    test_shard shard{with_wildcards()};
    ws_client client = shard.connected();
    EXPECT_EQ(
        say(shard, client,
            R"({"id":2,"subscribe":{"channel":"news:*","tf":{"op":"or","nodes":[{"key":"k","cmp":"eq","val":"v"},)"
            R"({"key":"channel","cmp":"eq","val":"news:b"}]}}})"),
        words{R"({"id":2,"subscribe":{}})"});
    publish(shard, "news:a", "1");
    publish(shard, "news:a", "2", R"({"k":"v"})");
    publish(shard, "news:b", "3");
    publish(shard, "news:c", "4", R"({"channel":"news:b"})");
    EXPECT_EQ(client.heard(),
              (words{R"({"push":{"channel":"news:*","pub":{"data":2,"tags":{"k":"v","channel":"news:a"},)"
                     R"("channel":"news:a"}}})",
                     R"({"push":{"channel":"news:*","pub":{"data":3,"tags":{"channel":"news:b"},)"
                     R"("channel":"news:b"}}})"}));
}

// The publication before it is mostly that of another channel.
TEST(wildcards, have_no_deltas_and_say_so) {
    test_shard shard{with_wildcards()};
    ws_client client = shard.connected();
    EXPECT_EQ(say(shard, client, R"({"id":2,"subscribe":{"channel":"news:*","delta":"fossil"}})"),
              words{R"({"id":2,"subscribe":{}})"});
    const std::string document = "{\"name\":\"" + std::string(100, 'x') + "\"}";
    for (int i = 0; i < 2; ++i) publish(shard, "news:a", document);
    const std::string whole = fmt::format(
        R"({{"push":{{"channel":"news:*","pub":{{"data":{},"tags":{{"channel":"news:a"}},"channel":"news:a"}}}}}})",
        document);
    EXPECT_EQ(client.heard(), (words{whole, whole}));
}

TEST(wildcards, have_nothing_that_is_of_one_channel) {
    const struct {
        const char* what;
        const char* command;
        std::string answer;
    } rows[] = {
        {"recovery", R"({"id":3,"subscribe":{"channel":"news:*","recover":true,"offset":1,"epoch":"e"}})",
         failed(3, 108, "not available")},
        {"a recoverable one", R"({"id":3,"subscribe":{"channel":"news:*","recoverable":true}})",
         failed(3, 108, "not available")},
        {"positions", R"({"id":3,"subscribe":{"channel":"news:*","positioned":true}})",
         failed(3, 108, "not available")},
        {"comings and goings", R"({"id":3,"subscribe":{"channel":"news:*","join_leave":true}})",
         failed(3, 108, "not available")},
        {"the same said to be unwanted",
         R"({"id":3,"subscribe":{"channel":"news:*","join_leave":false,"recoverable":false}})",
         R"({"id":3,"subscribe":{}})"},
        {"presence", R"({"id":3,"presence":{"channel":"news:*"}})", failed(3, 108, "not available")},
        {"its numbers", R"({"id":3,"presence_stats":{"channel":"news:*"}})", failed(3, 108, "not available")},
        {"history", R"({"id":3,"history":{"channel":"news:*","limit":1}})", failed(3, 108, "not available")},
        {"a filter where none are allowed", R"({"id":3,"subscribe":{"channel":"whole:*","tf":{"key":"k","cmp":"ex"}}})",
         failed(3, 107, "bad request")},
        {"publications", R"({"id":3,"publish":{"channel":"news:*","data":1}})", failed(3, 107, "bad request")},
        {"stars elsewhere", R"({"id":3,"subscribe":{"channel":"news:a*"}})", failed(3, 107, "bad request")},
        {"publications to these", R"({"id":3,"publish":{"channel":"news:*a","data":1}})",
         failed(3, 107, "bad request")},
        {"a second subscription", R"({"id":3,"subscribe":{"channel":"news:b.*"}})",
         failed(3, 105, "already subscribed")},
        {"where there are none it is a channel", R"({"id":3,"subscribe":{"channel":"plain:*","recoverable":true}})",
         R"({"id":3,"subscribe":{}})"},
    };
    for (const auto& row : rows) {
        test_shard shard{with_wildcards()};
        ws_client client = shard.connected("news:b.*");
        EXPECT_EQ(say(shard, client, row.command), words{row.answer}) << row.what;
    }
}

TEST(wildcards, are_in_nobodys_list_and_tell_nobody) {
    test_shard shard{with_wildcards()};
    ws_client there = shard.connected();
    EXPECT_EQ(say(shard, there, R"({"id":2,"subscribe":{"channel":"news:a"}})").size(), 2u); // with its own coming
    ws_client all = shard.connected("news:*");
    EXPECT_EQ(there.heard().size(), 0u);
    EXPECT_EQ(shard.broker.home()->answer("news:*", {.about = bus::home_question::kind::count}).there.clients, 0u);
}

TEST(wildcards, there_are_so_many_different_ones_and_no_more) {
    test_shard shard{with_wildcards(2)};
    ws_client one = shard.connected("news:a.*");
    ws_client two = shard.connected("news:b.*");
    EXPECT_EQ(say(shard, one, R"({"id":3,"subscribe":{"channel":"news:c.*"}})"),
              words{failed(3, 106, "limit exceeded")});
    EXPECT_EQ(say(shard, one, R"({"id":4,"subscribe":{"channel":"news:b.*"}})"), words{R"({"id":4,"subscribe":{}})"});
    EXPECT_EQ(say(shard, two, R"({"id":5,"unsubscribe":{"channel":"news:b.*"}})"),
              words{R"({"id":5,"unsubscribe":{}})"});
    EXPECT_EQ(shard.subscribers.wildcards(), 2u); // the other still has it
    EXPECT_EQ(say(shard, one, R"({"id":6,"unsubscribe":{"channel":"news:b.*"}})"),
              words{R"({"id":6,"unsubscribe":{}})"});
    EXPECT_EQ(say(shard, two, R"({"id":7,"subscribe":{"channel":"news:c.*"}})"), words{R"({"id":7,"subscribe":{}})"});
}

TEST(wildcards, who_has_one_loses_it_when_its_namespace_has_none_any_more) {
    test_shard shard{with_wildcards()};
    ws_client client = shard.connected("news:*");
    auto now = with_wildcards().clients;
    now.name_spaces[0].wildcard = false;
    shard.sessions.talks().reconfigure(now);
    shard.settle();
    EXPECT_EQ(client.heard(), words{R"({"push":{"channel":"news:*","unsubscribe":{"code":2000,)"
                                    R"("reason":"permission denied"}}})"});
    EXPECT_EQ(shard.subscribers.wildcards(), 0u);
}

TEST(wildcards, and_a_channel_of_a_program_with_the_same_name_keep_out_of_each_others_way) {
    test_shard shard{with_wildcards()};
    ws_client client = shard.connected("news:*");
    peer program = shard.program("SUBSCRIBE news:*\r\n");
    EXPECT_TRUE(program.take().starts_with("-ERR clients have subscribed to this name as a wildcard"));
}

} // namespace
} // namespace carillon::test
