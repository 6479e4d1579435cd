#include "hooks/question.hpp"

#include <gtest/gtest.h>

namespace carillon::hooks {
namespace {

TEST(question, has_what_its_event_has) {
    const std::string head = R"({"client":"c","transport":"websocket","protocol":"json","encoding":"json")";
    const std::pair<question, std::string> rows[] = {
        {{.about = event::connect, .client = "c"}, head + "}"},
        {{.about = event::connect, .client = "c", .name = "js", .version = "5", .data = R"({"a":1})"},
         head + R"(,"name":"js","version":"5","data":{"a":1}})"},
        {{.about = event::refresh, .client = "c", .user = "42", .meta = R"({"m":1})"},
         head + R"(,"user":"42","meta":{"m":1}})"},
        {{.about = event::subscribe, .client = "c", .user = "", .channel = "chat:\"1\""},
         head + R"(,"user":"","channel":"chat:\"1\""})"},
        {{.about = event::publish, .client = "c", .user = "42", .channel = "a", .data = "[1]"},
         head + R"(,"user":"42","channel":"a","data":[1]})"},
        {{.about = event::rpc, .client = "c", .user = "42", .method = "add", .data = "null"},
         head + R"(,"user":"42","method":"add","data":null})"},
    };
    for (const auto& [what, body] : rows) EXPECT_EQ(body_of(what), body);
}

} // namespace
} // namespace carillon::hooks
