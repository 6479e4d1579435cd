#include "support/test_shard.hpp"

#include <string>
#include <vector>

// What the application says of one subscription or publication (protocol §9), and what clients say in place of a
// request's fields.
namespace carillon::test {
namespace {

using words = std::vector<std::string>;
using hooks::event;

struct says_at_once final : hooks::application {
    std::optional<std::size_t> find(event what, std::string_view) const override {
        if (what == event::connect || what == event::subscribe || what == event::publish)
            return static_cast<std::size_t>(what);
        return std::nullopt;
    }
    const std::vector<std::string>& fields() const override { return named; }
    const std::vector<std::string>& emulated_fields() const override { return emulated; }
    bool needs_fields_later() const override { return false; }
    void ask(std::size_t, std::string, std::shared_ptr<const hooks::head_fields> with, told done) override {
        seen = with == nullptr ? hooks::head_fields{} : *with;
        boost::asio::post(
            *context, [done, said = std::exchange(answer, R"({"result":{}})")] { done(hooks::reader{}.read(said)); });
    }
    boost::asio::io_context* context = nullptr;
    std::string answer = R"({"result":{}})";
    hooks::head_fields seen;
    std::vector<std::string> named{"Sec-WebSocket-Version"};
    std::vector<std::string> emulated{"Authorization", "X-Tenant", "sec-websocket-version"};
};

struct ground {
    explicit ground(bool takes_wishes = true) {
        shard_options how;
        how.clients.dev = false;
        how.clients.application = &app;
        how.clients.takes_wishes = takes_wishes;
        how.clients.name_spaces = {{.name = "all",
                                    .history_size = 5,
                                    .recovery = channels::recovery_mode::stream,
                                    .presence = true,
                                    .join_leave = true,
                                    .force_push_join_leave = true,
                                    .allowed_delta_types = {.fossil = true}},
                                   {.name = "kept", .history_size = 5},
                                   {.name = "told", .join_leave = true}};
        how.streams.emplace();
        shard.emplace(how);
        app.context = &shard->context;
    }
    words say(ws_client& client, const std::string& command, std::string answer = R"({"result":{}})") {
        app.answer = std::move(answer);
        client.say(command);
        shard->settle();
        shard->subscribers.flush();
        shard->settle();
        return client.heard();
    }
    /// What one hears that subscribes, with this override; the epoch is not compared.
    words subscribed(const std::string& channel, const std::string& over, const std::string& more = {}) {
        ws_client client = shard->connected();
        words heard = say(client, R"({"id":2,"subscribe":{"channel":")" + channel + '"' + more + "}}",
                          R"({"result":{"override":{)" + over + "}}}");
        for (std::string& each : heard) {
            const auto at = each.find(R"(,"epoch":")");
            if (at != each.npos) each.erase(at, each.find('"', at + 10) - at + 1);
        }
        there = shard->broker.home()->answer(channel, {.about = bus::home_question::kind::count}).there.clients;
        return heard;
    }
    says_at_once app;
    std::optional<test_shard> shard;
    std::size_t there = 0;
};

const std::string positioned = R"({"id":2,"subscribe":{"recoverable":true,"positioned":true}})";
const std::string plain = R"({"id":2,"subscribe":{}})";
std::string join_of(const std::string& channel) {
    return R"({"push":{"channel":")" + channel + R"(","join":{"info":{"user":"","client":"*"}}}})";
}

TEST(overrides, are_of_one_subscription) {
    const struct {
        const char* what;
        const char* channel;
        const char* over;
        const char* more;
        words heard;
        std::size_t there;
    } rows[] = {
        {"nothing", "all:a", "", "", {positioned, join_of("all:a")}, 1},
        {"not listed, not told", "all:a", R"("presence":{"value":false})", "", {positioned}, 0},
        {"what is listed is told", "all:a", R"("join_leave":{"value":false})", "", {positioned, join_of("all:a")}, 1},
        {"where nobody is listed", "told:a", R"("join_leave":{"value":false})", R"(,"join_leave":true)", {plain}, 0},
        {"told only if asked", "all:a", R"("force_push_join_leave":{"value":false})", "", {positioned}, 1},
        {"told, for it asks",
         "all:a",
         R"("force_push_join_leave":{"value":false})",
         R"(,"join_leave":true)",
         {positioned, join_of("all:a")},
         1},
        {"told", "told:a", R"("force_push_join_leave":{"value":true})", "", {plain, join_of("told:a")}, 1},
        {"not told", "told:a", "", "", {plain}, 1},
        {"followed", "kept:a", R"("force_recovery":{"value":true})", "", {positioned}, 0},
        {"followed, too", "kept:a", R"("force_positioning":{"value":true})", "", {positioned}, 0},
        {"not followed", "kept:a", "", "", {plain}, 0},
        {"nothing to follow", "told:a", R"("force_recovery":{"value":true})", "", {plain}, 1},
        {"not followed any more", "all:a", R"("force_recovery":{"value":false})", "", {plain, join_of("all:a")}, 1},
        {"followed, for it asks",
         "all:a",
         R"("force_recovery":{"value":false})",
         R"(,"recoverable":true)",
         {positioned, join_of("all:a")},
         1},
    };
    for (const auto& row : rows) {
        ground here;
        EXPECT_EQ(here.subscribed(row.channel, row.over, row.more), row.heard) << row.what;
        EXPECT_EQ(here.there, row.there) << row.what;
    }
}

// They are for who says where it stands.
TEST(overrides, who_is_not_followed_gets_no_deltas) {
    ground here;
    ws_client client = here.shard->connected();
    const words answer = here.say(client, R"({"id":2,"subscribe":{"channel":"all:a","delta":"fossil"}})",
                                  R"({"result":{"override":{"force_recovery":{"value":false}}}})");
    EXPECT_EQ(answer, (words{plain, join_of("all:a")}));
    struct unheard final : bus::publish_listener {
        void on_published(bus::ticket, bus::publish_result) override {}
    } nobody;
    for (int i = 0; i < 2; ++i) {
        const std::string document = R"({"name":")" + std::string(100, 'x') + R"("})";
        ASSERT_TRUE(here.shard->broker.publish("all:a", {{document, true, {}}}, nobody, {}));
        here.shard->subscribers.flush();
        here.shard->settle();
        const words heard = client.heard();
        ASSERT_EQ(heard.size(), 1u);
        EXPECT_NE(heard[0].find(R"("data":)" + document), std::string::npos) << heard[0];
    }
}

TEST(overrides, of_a_publication_are_those_of_a_back_end) {
    ground here;
    ws_client client = here.shard->connected();
    const std::string command = R"({"id":2,"publish":{"channel":"kept:a","data":1}})";
    const std::string once = R"({"result":{"tags":{"k":"v"},"idempotency_key":"i","version":7,"version_epoch":"e"}})";
    const words done{R"({"id":2,"publish":{}})"};
    EXPECT_EQ(here.say(client, command, once), done);
    EXPECT_EQ(here.say(client, command, once), done); // which nobody gets
    EXPECT_EQ(here.say(client, command, R"({"result":{"version":7,"version_epoch":"e"}})"), done);
    EXPECT_EQ(here.say(client, command, R"({"result":{"skip_history":true}})"), done);
    EXPECT_EQ(here.say(client, command, R"({"result":{"b64data":"Mg=="}})"), done);
    const auto kept =
        here.shard->broker.home()->answer("kept:a", {.about = bus::home_question::kind::history, .limit = -1});
    ASSERT_EQ(kept.publications->publications.size(), 2u);
    EXPECT_EQ(kept.publications->publications[0]->view().tags, R"({"k":"v"})");
    EXPECT_EQ(kept.publications->publications[1]->view().payload, "2");
}

TEST(overrides, that_the_bus_does_not_know_are_errors) {
    ground here{false};
    ws_client client = here.shard->connected();
    const std::string command = R"({"id":2,"publish":{"channel":"kept:a","data":1}})";
    EXPECT_EQ(here.say(client, command, R"({"result":{"tags":{"k":"v"}}})"),
              words{R"({"id":2,"error":{"code":100,"message":"internal server error","temporary":true}})"});
    EXPECT_EQ(here.say(client, command), words{R"({"id":2,"publish":{}})"});
}

TEST(emulated_headers, are_kept_if_the_application_wants_them) {
    ground here;
    ws_client client = here.shard->upgraded();
    here.say(client, R"({"id":1,"connect":{"headers":{"authorization":"Bearer 1","Cookie":"c","X-TENANT":""}}})");
    EXPECT_EQ(here.app.seen, (hooks::head_fields{{"Sec-WebSocket-Version", "13", false},
                                                 {"Authorization", "Bearer 1", true},
                                                 {"X-Tenant", "", true}}));
}

TEST(emulated_headers, that_no_request_could_have_are_an_error) {
    for (const std::string value : {R"(a\r\nHost: b)", R"(\u0000)", R"(\u007f)"}) {
        ground here;
        ws_client client = here.shard->upgraded();
        EXPECT_EQ(here.say(client, R"({"id":1,"connect":{"headers":{"Authorization":")" + value + R"("}}})"),
                  words{R"({"id":1,"error":{"code":107,"message":"bad request"}})"});
    }
}

} // namespace
} // namespace carillon::test
