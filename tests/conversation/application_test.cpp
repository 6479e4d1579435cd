#include "support/test_shard.hpp"

#include <set>
#include <string>
#include <vector>

namespace carillon::test {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;
using hooks::event;

constexpr std::int64_t epoch = 1'800'000'000; // when test_time is an hour

std::chrono::sys_seconds hook_time() {
    return std::chrono::sys_seconds{std::chrono::seconds{epoch}} +
           std::chrono::floor<std::chrono::seconds>(test_time.time_since_epoch() - 1h);
}

/// An application that answers when the test says so.
class fake_application final : public hooks::application {
public:
    struct question {
        event about;
        std::string body;
        std::shared_ptr<const hooks::head_fields> fields;
        told done;
    };

    std::optional<std::size_t> find(event what, std::string_view name_space) const override {
        if (hooks::is_of_channel(what) && name_space != "chat") return std::nullopt;
        return asked.contains(what) ? std::optional{static_cast<std::size_t>(what)} : std::nullopt;
    }
    const std::vector<std::string>& fields() const override { return fields_; }
    bool needs_fields_later() const override { return later; }
    void ask(std::size_t whom, std::string body, std::shared_ptr<const hooks::head_fields> fields, told done) override {
        questions.push_back({static_cast<event>(whom), std::move(body), std::move(fields), std::move(done)});
    }

    void answer(std::string_view json) {
        ASSERT_FALSE(questions.empty());
        const told done = std::move(questions.front().done);
        questions.erase(questions.begin());
        done(hooks::reader{}.read(json));
    }

    std::set<event> asked{event::connect, event::subscribe, event::publish, event::rpc};
    std::vector<question> questions;
    bool later = false;

private:
    std::vector<std::string> fields_{"cookie", "Sec-WebSocket-Version"};
};

struct ground {
    explicit ground(bool with_filters = false) {
        test_time = net::timer_wheel::clock::time_point{1h};
        shard_options how;
        how.clients.dev = false;
        how.clients.application = &app;
        how.clients.now = hook_time;
        how.clients.name_spaces = {{.name = "chat", .user_limited = true, .allow_tags_filter = with_filters}};
        shard.emplace(how);
    }

    void says(std::string_view json) {
        app.answer(json);
        shard->settle();
    }
    void answers_ping(ws_client& client) {
        EXPECT_EQ(client.heard(), words{"{}"}) << "it was looked at";
        client.say("{}");
        shard->settle();
    }
    ws_client connected(std::string_view result = R"({"result":{"user":"42"}})") {
        ws_client client = shard->upgraded();
        client.say(R"({"id":1,"connect":{}})");
        shard->settle();
        says(result);
        EXPECT_EQ(client.heard().size(), 1u);
        return client;
    }
    words replies_to(ws_client& client, std::string_view command, std::string_view answer) {
        client.say(command);
        shard->settle();
        EXPECT_EQ(client.heard(), words{});
        says(answer);
        return client.heard();
    }

    fake_application app;
    std::optional<test_shard> shard;
};

const std::string welcome =
    R"({"id":1,"connect":{"client":"*","version":"carillon )" CARILLON_VERSION R"(","ping":25,"pong":true)";

struct row {
    std::string name;
    std::string answer;
    words heard;
};

TEST(hooks, who_connects_is_who_the_application_says) {
    const row rows[] = {
        {"a user", R"({"result":{"user":"42"}})", {welcome + "}}"}},
        {"the anonymous user", R"({"result":{}})", {welcome + "}}"}},
        {"with data", R"({"result":{"data":{"a":1}}})", {welcome + R"(,"data":{"a":1}}})"}},
        {"with an end", R"({"result":{"expire_at":1800000060}})", {welcome + R"(,"expires":true,"ttl":60}})"}},
        {"one whose end has passed",
         R"({"result":{"expire_at":1}})",
         {R"({"id":1,"error":{"code":110,"message":"expired"}})"}},
        {"with channels", R"({"result":{"channels":["chat:a"]}})", {welcome + R"(,"subs":{"chat:a":{}}}})"}},
        {"with one that there is not",
         R"({"result":{"channels":["nowhere:a"]}})",
         {R"({"id":1,"error":{"code":102,"message":"unknown channel"}})"}},
        {"data that is no JSON", R"({"result":{"b64data":"//8="}})", {"close 3506 inappropriate protocol", "end"}},
        {"an error",
         R"({"error":{"code":1000,"message":"a \"b\"","temporary":true}})",
         {R"({"id":1,"error":{"code":1000,"message":"a \"b\"","temporary":true}})"}},
        {"a disconnect", R"({"disconnect":{"code":4500,"reason":"bye"}})", {"close 4500 bye", "end"}},
        {"nothing", "{}", {"close 3507 permission denied", "end"}},
        {"no answer", "?", {R"({"id":1,"error":{"code":100,"message":"internal server error","temporary":true}})"}},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        ground here;
        ws_client client = here.shard->upgraded();
        EXPECT_EQ(here.replies_to(client, R"({"id":1,"connect":{}})", each.answer), each.heard);
    }
}

TEST(hooks, other_commands_are_permitted_by_the_application) {
    const auto error = [](int id, int code, std::string_view message) {
        return words{fmt::format(R"({{"id":{},"error":{{"code":{},"message":"{}"}}}})", id, code, message)};
    };
    struct said : row {
        std::string command;
    };
    const std::string subscribe = R"({"id":2,"subscribe":{"channel":"chat:a"}})";
    const std::string publish = R"({"id":2,"publish":{"channel":"chat:a","data":1}})";
    const std::string rpc = R"({"id":2,"rpc":{"method":"add","data":[1,2]}})";
    const said rows[] = {
        {{"a subscription", R"({"result":{}})", {R"({"id":2,"subscribe":{}})"}}, subscribe},
        {{"with data", R"({"result":{"data":5}})", {R"({"id":2,"subscribe":{"data":5}})"}}, subscribe},
        {{"with an end",
          R"({"result":{"expire_at":1800000030}})",
          {R"({"id":2,"subscribe":{"expires":true,"ttl":30}})"}},
         subscribe},
        {{"none", "{}", error(2, 103, "permission denied")}, subscribe},
        {{"one that has ended", R"({"result":{"expire_at":1}})", error(2, 110, "expired")}, subscribe},
        {{"a publication", R"({"result":{}})", {R"({"id":2,"publish":{}})"}}, publish},
        {{"no publication", "{}", error(2, 103, "permission denied")}, publish},
        {{"one that is too big now",
          fmt::format(R"({{"result":{{"data":"{}"}}}})", std::string(70'000, 'x')),
          {R"({"id":2,"error":{"code":100,"message":"internal server error","temporary":true}})"}},
         publish},
        {{"an RPC", R"({"result":{"data":3}})", {R"({"id":2,"rpc":{"data":3}})"}}, rpc},
        {{"an RPC of which there is nothing to say", "{}", {R"({"id":2,"rpc":{}})"}}, rpc},
        {{"one that it does not know", R"({"error":{"code":104,"message":"method not found"}})",
          error(2, 104, "method not found")},
         rpc},
    };
    for (const said& each : rows) {
        SCOPED_TRACE(each.name);
        ground here;
        ws_client client = here.connected();
        EXPECT_EQ(here.replies_to(client, each.command, each.answer), each.heard);
        here.shard->expect_at_rest();
    }
}

TEST(hooks, who_has_a_private_or_a_limited_channel_is_not_for_the_application_to_say) {
    ground here;
    ws_client client = here.connected();
    client.say(R"({"id":2,"subscribe":{"channel":"$chat:a"}})"
               "\n"
               R"({"id":3,"subscribe":{"channel":"chat:#7"}})"
               "\n"
               R"({"id":4,"subscribe":{"channel":"chat:#42"}})"
               "\n"
               R"({"id":5,"subscribe":{"channel":"none"}})");
    here.shard->settle();
    EXPECT_EQ(client.heard(), words{R"({"id":2,"error":{"code":103,"message":"permission denied"}})"
                                    "\n"
                                    R"({"id":3,"error":{"code":103,"message":"permission denied"}})"
                                    "\n"
                                    R"({"id":4,"subscribe":{}})"
                                    "\n"
                                    R"({"id":5,"error":{"code":103,"message":"permission denied"}})"});
    EXPECT_TRUE(here.app.questions.empty());
}

TEST(hooks, commands_wait_in_order_and_other_clients_do_not) {
    ground here;
    ws_client client = here.connected();
    ws_client other = here.connected();
    client.say(R"({"id":2,"rpc":{"method":"a"}})"
               "\n"
               R"({"id":3,"rpc":{"method":"b"}})");
    client.say(R"({"id":4,"unsubscribe":{"channel":"chat:a"}})");
    here.shard->settle();
    other.say(R"({"id":2,"unsubscribe":{"channel":"chat:a"}})");
    here.shard->settle();
    EXPECT_EQ(other.heard(), words{R"({"id":2,"unsubscribe":{}})"});
    ASSERT_EQ(here.app.questions.size(), 1u) << "the second is asked when the first has its answer";
    here.says(R"({"result":{"data":1}})");
    EXPECT_EQ(client.heard(), words{R"({"id":2,"rpc":{"data":1}})"});
    here.says(R"({"result":{"data":2}})");
    EXPECT_EQ(client.heard(), (words{R"({"id":3,"rpc":{"data":2}})"
                                     "\n"
                                     R"({"id":4,"unsubscribe":{}})"}));
}

TEST(hooks, an_answer_for_who_has_gone_finds_nobody) {
    ground here;
    {
        ws_client client = here.connected();
        client.say(R"({"id":2,"rpc":{"method":"a"}})");
        here.shard->settle();
        client.hang_up();
        here.shard->settle();
        here.says(R"({"result":{}})");
    }
    here.shard->expect_empty();
}

TEST(hooks, the_application_sees_the_fields_that_it_wants_as_long_as_it_may) {
    for (const bool later : {false, true}) {
        ground here;
        here.app.later = later;
        ws_client client = here.shard->upgraded();
        client.say(R"({"id":1,"connect":{}})");
        here.shard->settle();
        ASSERT_TRUE(here.app.questions.front().fields);
        EXPECT_EQ(*here.app.questions.front().fields, (hooks::head_fields{{"Sec-WebSocket-Version", "13"}}));
        here.says(R"({"result":{}})");
        client.say(R"({"id":2,"rpc":{}})");
        here.shard->settle();
        EXPECT_EQ(here.app.questions.front().fields != nullptr, later);
        here.says(R"({"result":{}})");
    }
}

TEST(hooks, the_end_of_a_connection_is_the_application_s_affair) {
    ground here;
    here.app.asked.insert(event::refresh);
    ws_client client = here.shard->upgraded();
    EXPECT_EQ(here.replies_to(client, R"({"id":1,"connect":{}})",
                              R"({"result":{"user":"42","expire_at":1800000010,"meta":{"m":1}}})"),
              words{welcome + "}}"})
        << "the client is not told";
    here.shard->advance(10'100ms); // and a tick
    ASSERT_EQ(here.app.questions.size(), 1u);
    here.answers_ping(client);
    EXPECT_NE(here.app.questions[0].body.find(R"("user":"42","meta":{"m":1})"), std::string::npos);
    here.says("?"); // no answer: it is asked again
    here.shard->advance(5'100ms);
    ASSERT_EQ(here.app.questions.size(), 1u);
    here.says("?"); // before the pong
    here.answers_ping(client);
    here.shard->advance(5'100ms);
    ASSERT_EQ(here.app.questions.size(), 1u);
    here.answers_ping(client);
    here.says(R"({"result":{"expire_at":1800000025}})");
    here.shard->advance(5'100ms);
    ASSERT_EQ(here.app.questions.size(), 1u);
    here.answers_ping(client);
    here.says(R"({"result":{"expired":true}})");
    EXPECT_EQ(client.heard(), (words{"close 3005 connection expired", "end"}));
}

TEST(hooks, an_answer_without_an_end_is_the_end) {
    for (const char* each : {R"({"result":{}})", R"({"result":{"expire_at":0}})"}) {
        ground here;
        here.app.asked.insert(event::refresh);
        ws_client client = here.connected(R"({"result":{"user":"42","expire_at":1800000010}})");
        here.shard->advance(10'100ms);
        here.answers_ping(client);
        here.says(each);
        EXPECT_EQ(client.heard(), (words{"close 3005 connection expired", "end"})) << each;
    }
}

TEST(hooks, the_application_withholds_publications_by_their_tags) {
    ground here{true};
    ws_client client = here.connected();
    EXPECT_EQ(here.replies_to(client, R"({"id":2,"subscribe":{"channel":"chat:a","tf":{"key":"b","cmp":"ex"}}})",
                              R"({"result":{"server_tags_filter":{"key":"t","cmp":"eq","val":"1"}}})"),
              words{R"({"id":2,"subscribe":{}})"});
    const auto publish = [&](const char* data, const char* tags) {
        here.shard->subscribers.publish("chat:a", {data, true, {}, tags});
        here.shard->subscribers.flush();
        here.shard->settle();
    };
    publish("1", R"({"t":"1"})");
    publish("2", R"({"t":"2","b":""})");
    publish("3", R"({"t":"1","b":""})");
    EXPECT_EQ(client.heard(), words{R"({"push":{"channel":"chat:a","pub":{"data":3,"tags":{"t":"1","b":""}}}})"});
}

TEST(hooks, where_there_are_no_filters_nothing_is_subscribed_to_with_one) {
    ground here;
    ws_client client = here.connected();
    EXPECT_EQ(here.replies_to(client, R"({"id":2,"subscribe":{"channel":"chat:a"}})",
                              R"({"result":{"server_tags_filter":{"key":"t","cmp":"ex"}}})"),
              words{R"({"id":2,"error":{"code":108,"message":"not available"}})"});
    EXPECT_EQ(here.shard->publish("chat:a", "1"), 0u);
}

TEST(hooks, a_token_of_the_upgrade_that_is_no_good_here_is_the_applications_to_judge) {
    ground here;
    std::string request{upgrade_request};
    request.insert(request.find("Upgrade:"), "Authorization: Bearer abc\r\n");
    ws_client client{here.shard->open(here.shard->sessions, request)};
    EXPECT_TRUE(client.response().starts_with("HTTP/1.1 101 "));
    EXPECT_EQ(here.replies_to(client, R"({"id":1,"connect":{}})", R"({"result":{"user":"42"}})"),
              words{welcome + "}}"});
    EXPECT_EQ(here.replies_to(client, R"({"id":2,"subscribe":{"channel":"chat:a"}})", R"({"result":{}})"),
              words{R"({"id":2,"subscribe":{}})"});
}

TEST(hooks, who_shows_a_token_where_the_application_refreshes_breaks_the_protocol) {
    ground here;
    here.app.asked.insert(event::refresh);
    ws_client client = here.connected();
    client.say(R"({"id":2,"refresh":{"token":"x"}})");
    here.shard->settle();
    EXPECT_EQ(client.heard(), (words{"close 3501 bad request", "end"}));
}

TEST(hooks, the_end_of_a_subscription_is_too) {
    ground here;
    here.app.asked.insert(event::sub_refresh);
    ws_client client = here.connected();
    EXPECT_EQ(here.replies_to(client, R"({"id":2,"subscribe":{"channel":"chat:a"}})",
                              R"({"result":{"expire_at":1800000005}})"),
              words{R"({"id":2,"subscribe":{}})"});
    here.shard->advance(5'100ms);
    ASSERT_EQ(here.app.questions.size(), 1u);
    here.answers_ping(client);
    here.says(R"({"result":{"expire_at":1800000010}})");
    here.shard->advance(5'100ms);
    ASSERT_EQ(here.app.questions.size(), 1u);
    here.answers_ping(client);
    here.says("{}");
    EXPECT_EQ(client.heard(),
              words{R"({"push":{"channel":"chat:a","unsubscribe":{"code":2501,"reason":"subscription expired"}}})"});
}

} // namespace
} // namespace carillon::test
