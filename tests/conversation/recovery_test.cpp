#include "keys/key_set.hpp"
#include "keys/signer.hpp"
#include "support/test_shard.hpp"

#include <memory>
#include <string>
#include <vector>

namespace carillon::test {
namespace {

using words = std::vector<std::string>;

shard_options with_streams(bus::channel_home::limits limits = {}) {
    shard_options how;
    how.clients.dev = false;
    how.clients.anonymous = true;
    const channels::audience all{channels::party::anonymous};
    how.clients.name_spaces = {
        {.name = "",
         .subscribe = all,
         .publish = all,
         .history = {channels::party::subscriber},
         .history_size = 3,
         .recovery = channels::recovery_mode::stream},
        {.name = "cache", .subscribe = all, .history_size = 3, .recovery = channels::recovery_mode::cache},
        {.name = "kept", .subscribe = all, .history = all, .history_size = 3},
        {.name = "plain", .subscribe = all, .history = all}};
    how.streams = limits;
    return how;
}

class listener final : public bus::publish_listener {
public:
    void on_published(bus::ticket, bus::publish_result how) override { done = how; }
    std::optional<bus::publish_result> done;
};

/// Publishes as the server API does.
bus::published publish(test_shard& on, std::string_view channel, std::string_view json, bus::publication what = {}) {
    static listener unused;
    what.payload = json;
    what.is_json = true;
    const auto done = on.broker.publish(channel, what, unused, {});
    on.subscribers.flush();
    on.settle();
    return **done;
}

struct said {
    const char* name;
    const char* by_client;
    words heard;
};

void converse(test_shard& shard, std::span<const said> rows) {
    ws_client client = shard.connected();
    for (const said& each : rows) {
        SCOPED_TRACE(each.name);
        client.say(each.by_client);
        shard.settle();
        EXPECT_EQ(client.heard(), each.heard);
    }
}

TEST(recovery, who_comes_back_gets_what_it_has_missed) {
    test_shard shard{with_streams()};
    for (const char* each : {"1", "2", "3", "4", "5"}) publish(shard, "news", each);
    const std::string all_missed = R"({"data":3,"offset":3},{"data":4,"offset":4},{"data":5,"offset":5})";
    const std::string leave = R"({"id":9,"unsubscribe":{"channel":"news"}})";
    const std::string place = R"("recoverable":true,"epoch":"baaaaaaa")";
    const auto reply = [](const std::string& of) { return words{R"({"id":2,"subscribe":{)" + of + "}}"}; };
    const words left{R"({"id":9,"unsubscribe":{}})"};
    const said rows[] = {
        {"not asked for", R"({"id":2,"subscribe":{"channel":"news"}})",
         reply(place + R"(,"offset":5,"positioned":true)")},
        {"leaves", leave.c_str(), left},
        {"all that is kept", R"({"id":2,"subscribe":{"channel":"news","recover":true,"offset":2,"epoch":"baaaaaaa"}})",
         reply(R"("was_recovering":true,)" + place + R"(,"publications":[)" + all_missed +
               R"(],"recovered":true,"offset":2,"positioned":true)")},
        {"leaves", leave.c_str(), left},
        {"no epoch fits", R"({"id":2,"subscribe":{"channel":"news","recover":true,"offset":4}})",
         reply(R"("was_recovering":true,)" + place +
               R"(,"publications":[{"data":5,"offset":5}],"recovered":true,"offset":4,"positioned":true)")},
        {"leaves", leave.c_str(), left},
        {"nothing was missed",
         R"({"id":2,"subscribe":{"channel":"news","recover":true,"offset":5,"epoch":"baaaaaaa"}})",
         reply(R"("was_recovering":true,)" + place + R"(,"recovered":true,"offset":5,"positioned":true)")},
        {"leaves", leave.c_str(), left},
        {"more than is kept", R"({"id":2,"subscribe":{"channel":"news","recover":true,"offset":1,"epoch":"baaaaaaa"}})",
         reply(R"("was_recovering":true,)" + place + R"(,"offset":5,"positioned":true)")},
        {"leaves", leave.c_str(), left},
        {"another epoch", R"({"id":2,"subscribe":{"channel":"news","recover":true,"offset":4,"epoch":"x"}})",
         reply(R"("was_recovering":true,)" + place + R"(,"offset":5,"positioned":true)")},
        {"leaves", leave.c_str(), left},
        {"an epoch longer than any",
         R"({"id":2,"subscribe":{"channel":"news","recover":true,"offset":4,"epoch":"baaaaaaabaaaaaaa"}})",
         reply(R"("was_recovering":true,)" + place + R"(,"offset":5,"positioned":true)")},
        {"leaves", leave.c_str(), left},
        {"ahead", R"({"id":2,"subscribe":{"channel":"news","recover":true,"offset":6,"epoch":"baaaaaaa"}})",
         reply(R"("was_recovering":true,)" + place + R"(,"offset":5,"positioned":true)")},
        {"leaves", leave.c_str(), left},
        {"more than is kept, and rather an error",
         R"({"id":2,"subscribe":{"channel":"news","recover":true,"offset":1,"epoch":"baaaaaaa","flag":2}})",
         {R"({"id":2,"error":{"code":112,"message":"unrecoverable position"}})"}},
        {"with that flag, and recovered",
         R"({"id":2,"subscribe":{"channel":"news","recover":true,"offset":5,"epoch":"baaaaaaa","flag":3}})",
         reply(R"("was_recovering":true,)" + place + R"(,"recovered":true,"offset":5,"positioned":true)")},
        {"subscribes twice",
         R"({"id":2,"subscribe":{"channel":"news"}})",
         {R"({"id":2,"error":{"code":105,"message":"already subscribed"}})"}},
    };
    converse(shard, rows);
    EXPECT_EQ(shard.counters.recoveries(metrics::recovery_outcome::recovered), 4u);
    EXPECT_EQ(shard.counters.recoveries(metrics::recovery_outcome::gone), 2u);
    EXPECT_EQ(shard.counters.recoveries(metrics::recovery_outcome::wrong_epoch), 2u);
    EXPECT_EQ(shard.counters.recoveries(metrics::recovery_outcome::ahead), 1u);
}

TEST(recovery, a_cache_gives_its_newest_publication) {
    test_shard shard{with_streams()};
    const std::string place = R"("recoverable":true,"epoch":"baaaaaaa")";
    const words left{R"({"id":9,"unsubscribe":{}})"};
    const std::string empty =
        R"({"id":2,"subscribe":{"was_recovering":true,)" + place + R"(,"recovered":true,"positioned":true}})";
    const said before[] = {
        {"nothing yet", R"({"id":2,"subscribe":{"channel":"cache:a","recover":true}})", {empty}},
        {"leaves", R"({"id":9,"unsubscribe":{"channel":"cache:a"}})", left},
    };
    converse(shard, before);
    for (const char* each : {"1", "2"}) publish(shard, "cache:a", each);
    const std::string newest =
        R"({"id":2,"subscribe":{"was_recovering":true,)" + place +
        R"(,"publications":[{"data":2,"offset":2}],"recovered":true,"offset":1,"positioned":true}})";
    const said rows[] = {
        {"the newest", R"({"id":2,"subscribe":{"channel":"cache:a","recover":true}})", {newest}},
        {"leaves", R"({"id":9,"unsubscribe":{"channel":"cache:a"}})", left},
        {"of another epoch",
         R"({"id":2,"subscribe":{"channel":"cache:a","recover":true,"offset":7,"epoch":"x"}})",
         {newest}},
        {"leaves", R"({"id":9,"unsubscribe":{"channel":"cache:a"}})", left},
        {"has it already",
         R"({"id":2,"subscribe":{"channel":"cache:a","recover":true,"offset":2,"epoch":"baaaaaaa"}})",
         {R"({"id":2,"subscribe":{"was_recovering":true,)" + place +
          R"(,"recovered":true,"offset":2,"positioned":true}})"}},
    };
    converse(shard, rows);
}

TEST(recovery, publications_have_offsets_and_the_first_one_the_epoch) {
    test_shard shard{with_streams()};
    ws_client client = shard.connected();
    client.say(R"({"id":2,"subscribe":{"channel":"news"}})");
    shard.settle();
    (void)client.heard();
    EXPECT_EQ(publish(shard, "news", "1").at.offset, 1u);
    EXPECT_EQ(publish(shard, "news", "2").receivers, 1u);
    client.say(R"({"id":3,"publish":{"channel":"news","data":3}})");
    shard.settle();
    ws_client program{shard.program("*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$1\r\n4\r\n")};
    shard.settle();
    bus::publication skipped;
    skipped.skip_history = true;
    skipped.tags = R"({"a":"b"})";
    EXPECT_EQ(publish(shard, "news", "5", skipped).at.offset, 0u);
    EXPECT_EQ(client.heard(),
              (words{R"({"push":{"channel":"news","pub":{"data":1,"offset":1,"epoch":"baaaaaaa"}}})",
                     R"({"push":{"channel":"news","pub":{"data":2,"offset":2}}})", R"({"id":3,"publish":{}})",
                     R"({"push":{"channel":"news","pub":{"data":3,"info":{"user":"","client":"*"},"offset":3}}})",
                     R"({"push":{"channel":"news","pub":{"data":4,"offset":4}}})",
                     R"({"push":{"channel":"news","pub":{"data":5,"tags":{"a":"b"}}}})"}));
    publish(shard, "kept:a", "1"); // numbered, though nobody may recover there
    publish(shard, "plain:a", "1");
    EXPECT_EQ(shard.broker.home()->store().counted().streams, 2u);
}

TEST(recovery, history_is_read_in_pages) {
    test_shard shard{with_streams()};
    for (const char* each : {"1", "2", "3", "4"}) publish(shard, "kept:a", each);
    const auto reply = [](const char* of) {
        return words{std::string{R"({"id":2,"history":{"publications":[)"} + of +
                     R"(],"epoch":"baaaaaaa","offset":4}})"};
    };
    const auto error = [](const char* of) { return words{std::string{R"({"id":2,"error":{)"} + of + "}}"}; };
    const said rows[] = {
        {"only the place", R"({"id":2,"history":{"channel":"kept:a"}})", reply("")},
        {"all", R"({"id":2,"history":{"channel":"kept:a","limit":-1}})",
         reply(R"({"data":2,"offset":2},{"data":3,"offset":3},{"data":4,"offset":4})")},
        {"the newest", R"({"id":2,"history":{"channel":"kept:a","limit":1,"reverse":true}})",
         reply(R"({"data":4,"offset":4})")},
        {"after 3", R"({"id":2,"history":{"channel":"kept:a","limit":9,"since":{"offset":3,"epoch":"baaaaaaa"}}})",
         reply(R"({"data":4,"offset":4})")},
        {"before 4", R"({"id":2,"history":{"channel":"kept:a","limit":9,"since":{"offset":4},"reverse":true}})",
         reply(R"({"data":3,"offset":3},{"data":2,"offset":2})")},
        {"another epoch", R"({"id":2,"history":{"channel":"kept:a","since":{"offset":3,"epoch":"x"}}})",
         error(R"("code":112,"message":"unrecoverable position")")},
        {"before nothing", R"({"id":2,"history":{"channel":"kept:a","since":{},"reverse":true}})",
         error(R"("code":107,"message":"bad request")")},
        {"where nothing is kept", R"({"id":2,"history":{"channel":"plain:a"}})",
         error(R"("code":108,"message":"not available")")},
        {"not subscribed", R"({"id":2,"history":{"channel":"news"}})",
         error(R"("code":103,"message":"permission denied")")},
        {"no such namespace", R"({"id":2,"history":{"channel":"no:a"}})",
         error(R"("code":102,"message":"unknown channel")")},
    };
    converse(shard, rows);
}

TEST(recovery, a_key_publishes_once_and_an_old_version_not_at_all) {
    test_shard shard{with_streams()};
    ws_client client = shard.connected();
    client.say(R"({"id":2,"subscribe":{"channel":"news"}})");
    shard.settle();
    (void)client.heard();
    bus::publication keyed;
    keyed.idempotency_key = "k";
    EXPECT_EQ(publish(shard, "news", "1", keyed).receivers, 1u);
    EXPECT_EQ(publish(shard, "news", "1", keyed).receivers, 0u);
    EXPECT_EQ(publish(shard, "news", "1", keyed).at.offset, 1u);
    bus::publication versioned;
    versioned.version = 7;
    publish(shard, "news", "2", versioned);
    versioned.version = 6;
    EXPECT_EQ(publish(shard, "news", "3", versioned).at.offset, 2u);
    EXPECT_EQ(client.heard(), (words{R"({"push":{"channel":"news","pub":{"data":1,"offset":1,"epoch":"baaaaaaa"}}})",
                                     R"({"push":{"channel":"news","pub":{"data":2,"offset":2}}})"}));
}

TEST(recovery, more_than_is_told_at_once_is_not_recovered) {
    test_shard shard{with_streams({.page = {.publications_max = 2}})};
    for (const char* each : {"1", "2", "3"}) publish(shard, "news", each);
    const said rows[] = {
        {"three",
         R"({"id":2,"subscribe":{"channel":"news","recover":true}})",
         {R"({"id":2,"subscribe":{"was_recovering":true,"recoverable":true,"epoch":"baaaaaaa","offset":3,"positioned":true}})"}},
    };
    converse(shard, rows);
    EXPECT_EQ(shard.counters.recoveries(metrics::recovery_outcome::too_many), 1u);
}

// Its connection is being answered by several homes: what comes meanwhile waits, and goes before what comes afterwards.
TEST(recovery, channels_of_a_token_keep_their_order_while_the_connect_waits) {
    constexpr std::uint32_t shard_count = 3;
    shard_options how = with_streams();
    auto keys = std::make_shared<keys::key_set>();
    const std::string_view secret = "a secret of this test, 32 bytes and more";
    ASSERT_FALSE(keys->add_secret(secret, "test"));
    how.clients.tokens.keys = std::move(keys);
    how.clients.name_spaces[0].join_leave = true;
    how.clients.name_spaces[0].force_push_join_leave = true;
    bus::embedded_bus bus{shard_count};
    std::vector<std::unique_ptr<test_shard>> shards;
    for (std::uint32_t i = 0; i < shard_count; ++i) shards.push_back(std::make_unique<test_shard>(how, bus, i));
    const auto at_home = [&](std::uint32_t home) {
        for (char name = 'a';; ++name)
            if (bus::home_of(bus::channel_hash({&name, 1}), shard_count) == home) return std::string{name};
    };
    const std::string here = at_home(0), first = at_home(1), last = at_home(2);
    const std::string claims = R"({"sub":"42","channels":[")" + here + R"(",")" + first + R"(",")" + last + R"("]})";
    const std::string token = *keys::signer::from_secret(secret, "test")->sign(keys::algorithm::hs256, claims);

    auto client = std::make_unique<ws_client>(shards[0]->upgraded());
    client->say(R"({"id":1,"connect":{"token":")" + token + R"("}})");
    listener unused;
    const auto publish_at_home = [&](std::string_view json) {
        (void)shards[1]->broker.publish(first, {{json, true, {}}}, unused, {});
        shards[1]->settle();
    };
    shards[0]->settle(); // asks the two others
    shards[1]->settle(); // answers
    publish_at_home("1");
    shards[0]->settle(); // hears the answer and the publication, but not of the last channel
    EXPECT_EQ(client->heard(), words{});
    publish_at_home("2");
    shards[2]->settle();
    shards[0]->settle();
    const words heard = client->heard();
    ASSERT_GE(heard.size(), 3u);
    EXPECT_TRUE(heard[0].starts_with(R"({"id":1,"connect":{)")) << heard[0];
    std::string offsets;
    for (const std::string& each : heard) {
        const std::size_t at = each.find(R"("offset":)", each.find(R"("pub":)"));
        if (each.starts_with(R"({"push")") && each.find(R"("pub":)") != each.npos) offsets += each[at + 9];
    }
    EXPECT_EQ(offsets, "12");
    client.reset();
    for (int round = 0; round < 4; ++round)
        for (auto& each : shards) each->settle();
}

} // namespace
} // namespace carillon::test
