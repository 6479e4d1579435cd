#include "api/reply.hpp"

#include <gtest/gtest.h>

#include <string>

namespace carillon::api {
namespace {

struct reply_case {
    const char* name;
    reply what;
    const char* expected;
};

const reply_case replies[] = {
    {"nothing to say", done{}, R"({"result":{}})"},
    {"published", published{}, R"({"result":{}})"},
    {"published, and counted", published{.receivers = 0}, R"({"result":{"receivers":0}})"},
    {"broadcast", broadcast_result{{published{}, error::bad_request, published{.receivers = 3}}},
     R"({"result":{"responses":[{"result":{}},{"error":{"code":107,"message":"bad request"}},)"
     R"({"result":{"receivers":3}}]}})"},
    {"no channels", channels_result{}, R"({"result":{"channels":{}}})"},
    {"channels", channels_result{{{"a\"b", 1}, {"c", 2}}, false},
     R"({"result":{"channels":{"a\"b":{"num_clients":1},"c":{"num_clients":2}}}})"},
    {"a page of channels", channels_result{{{"a", 1}}, true},
     R"({"result":{"channels":{"a":{"num_clients":1}},"next":"a"}})"},
    {"info", info_result{{{"u", "n", "1.0", 1, 2, 3, 4, 5, 6}}},
     R"({"result":{"nodes":[{"uid":"u","name":"n","version":"1.0","num_clients":1,"num_users":2,"num_channels":3,)"
     R"("num_subs":4,"uptime":5,"process":{"rss":6}}]}})"},
    {"no connections", connections_result{"n", "b", {}, {}}, R"({"result":{"node":"n","boot":"b","connections":[]}})"},
    {"a page of connections", connections_result{"n", "b", {{"c", "4\"2", {"x", "y"}}, {"d", "", {}}}, "0.7"},
     R"({"result":{"node":"n","boot":"b","connections":[{"client":"c","user":"4\"2","transport":"websocket",)"
     R"("channels":["x","y"]},{"client":"d","user":"","transport":"websocket","channels":[]}],"next":"0.7"}})"},
    {"connections up to an event", connections_result{"n", "b", {}, {}, 0},
     R"({"result":{"node":"n","boot":"b","number":0,"connections":[]}})"},
    {"an error", error::not_available, R"({"error":{"code":108,"message":"not available"}})"},
};

TEST(api_reply, is_written_as_the_protocol_has_it) {
    for (const auto& [name, what, expected] : replies) {
        std::string text;
        append_reply(text, what);
        EXPECT_EQ(text, expected) << name;
    }
}

TEST(api_reply, of_a_batch_has_the_name_of_its_method) {
    std::string text;
    append_batch_reply(text, "publish", published{});
    append_batch_reply(text, "presence", error::not_available);
    EXPECT_EQ(text, R"({"publish":{}}{"error":{"code":108,"message":"not available"}})");
}

struct error_case {
    error code;
    const char* text;
    unsigned status;
};

TEST(api_reply, errors_have_their_words_and_their_status) {
    const error_case errors[] = {
        {error::internal, R"({"code":100,"message":"internal server error"})", 500},
        {error::unknown_channel, R"({"code":102,"message":"unknown channel"})", 404},
        {error::not_found, R"({"code":104,"message":"not found"})", 404},
        {error::bad_request, R"({"code":107,"message":"bad request"})", 400},
        {error::not_available, R"({"code":108,"message":"not available"})", 400},
        {error::unrecoverable_position, R"({"code":112,"message":"unrecoverable position"})", 416},
        {error::conflict, R"({"code":113,"message":"conflict"})", 409},
    };
    for (const auto& [code, expected, status] : errors) {
        std::string text;
        append_error(text, code);
        EXPECT_EQ(text, expected);
        EXPECT_EQ(status_of(code), status) << expected;
    }
}

} // namespace
} // namespace carillon::api
