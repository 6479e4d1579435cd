#include "nodes/message.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace carillon::nodes {

namespace {

using namespace carillon::api; // NOLINT: the commands of the rows

TEST(message, an_order_arrives_as_it_was_sent) {
    const whom who{"4\"2", "c-1", ""};
    const std::vector<std::pair<command, std::string>> rows{
        {subscribe_request{.who = who,
                           .channel = "a:b",
                           .info = R"({"a":[1, 2.50]})",
                           .data = "3",
                           .recover_since = {{4, "e"}},
                           .expire_at = 7},
         R"({"v":1,"id":9,"node":"n","method":"subscribe","params":{"user":"4\"2","client":"c-1","session":"",)"
         R"("channel":"a:b","info":{"a":[1, 2.50]},"data":3,"recover_since":{"offset":4,"epoch":"e"},"expire_at":7}})"},
        {unsubscribe_request{who, "a"}, R"({"v":1,"id":9,"node":"n","method":"unsubscribe","params":{"user":"4\"2",)"
                                        R"("client":"c-1","session":"","channel":"a"}})"},
        {disconnect_request{.who = who, .whitelist = {"x", "y"}, .code = 4000, .reason = "bye"},
         R"({"v":1,"id":9,"node":"n","method":"disconnect","params":{"user":"4\"2","client":"c-1","session":"",)"
         R"("whitelist":["x","y"],"disconnect":{"code":4000,"reason":"bye"}}})"},
        {refresh_request{.who = who, .expired = true, .expire_at = 8, .info = "{}"},
         R"({"v":1,"id":9,"node":"n","method":"refresh","params":{"user":"4\"2","client":"c-1","session":"",)"
         R"("expired":true,"info":{},"expire_at":8}})"},
        {channels_request{"n*", "news", 7}, R"({"v":1,"id":9,"node":"n","method":"channels","params":{"pattern":"n*",)"
                                            R"("after":"news","limit":7}})"},
        {connections_request{"4", "0.3", 7}, R"({"v":1,"id":9,"node":"n","method":"connections","params":{"user":"4",)"
                                             R"("cursor":"0.3","limit":7}})"},
        {info_request{}, R"({"v":1,"id":9,"node":"n","method":"info","params":{}})"},
    };
    decoder with{{}};
    for (const auto& [what, text] : rows) {
        EXPECT_EQ(text_of(order{"n", 9, what}), text);
        const message read = read_message(text, with);
        const auto* read_back = std::get_if<order>(&read);
        ASSERT_NE(read_back, nullptr) << text;
        EXPECT_EQ(read_back->from, "n");
        EXPECT_EQ(read_back->number, 9u);
        EXPECT_EQ(text_of(*read_back), text);
    }
    EXPECT_EQ(text_of(order{"n", 9, publish_request{}}), "");
}

TEST(message, so_does_an_answer) {
    connections_result connections{.node = "a_9000", .boot = "b", .next = "1.4"};
    connections.connections.push_back({.client = "c", .user = "u", .channels = {"x", "y"}, .transport = "uni_sse"});
    connections.connections.push_back({.client = "d", .user = "", .channels = {}});
    connections_result numbered;
    numbered.number = 17;
    const std::vector<reply> rows{
        done{},
        error::not_available,
        info_result{{node_info{"u", "n", "1.2", 1, 2, 3, 4, 5, 6}}},
        channels_result{{{"a\"", 1}, {"b", 2}}, false},
        channels_result{{{"a", 1}}, true},
        channels_result{},
        connections,
        numbered,
    };
    decoder with{{}};
    for (const reply& each : rows) {
        const std::string text = text_of(answer{"n", 7, each});
        const message read = read_message(text, with);
        const auto* read_back = std::get_if<answer>(&read);
        ASSERT_NE(read_back, nullptr) << text;
        EXPECT_EQ(read_back->said.index(), each.index());
        EXPECT_EQ(text_of(*read_back), text);
    }
}

TEST(message, an_answer_with_an_error_that_is_not_known_is_an_internal_error) {
    decoder with{{}};
    for (const char* code : {"", R"("code":0)", R"("code":101)", R"("code":4294967403)", R"("code":"x")"}) {
        const std::string text = R"({"v":1,"id":7,"node":"n","reply":{"error":{)" + std::string{code} + "}}}";
        const message read = read_message(text, with);
        const auto* it = std::get_if<answer>(&read);
        ASSERT_NE(it, nullptr) << text;
        ASSERT_TRUE(std::holds_alternative<error>(it->said)) << text;
        EXPECT_EQ(std::get<error>(it->said), error::internal) << text;
    }
}

TEST(message, and_what_a_client_has_said_text_or_not) {
    decoder with{{}};
    for (const std::string& data : {std::string{"{\"id\":1}\n"}, std::string{"\x0a\xff\x00", 3}}) {
        const std::string text = text_of(saying{"ab12", data});
        const message read = read_message(text, with);
        const auto* read_back = std::get_if<saying>(&read);
        ASSERT_NE(read_back, nullptr) << text;
        EXPECT_EQ(read_back->session, "ab12");
        EXPECT_EQ(read_back->data, data);
    }
}

TEST(message, what_a_later_version_adds_is_left_out) {
    decoder with{{}};
    const message read =
        read_message(R"({"since":[1,{"a":2}],"v":1,"id":9,"node":"n","method":"info","params":{},"deadline":3})", with);
    EXPECT_TRUE(std::holds_alternative<order>(read));
}

TEST(message, an_order_that_is_not_known_can_be_answered) {
    decoder with{{}};
    for (const char* each :
         {R"({"v":1,"id":1,"node":"n","method":"fly","params":{}})",
          R"({"v":1,"id":1,"node":"n","method":"publish","params":{"channel":"a","data":1}})",
          R"({"v":1,"id":1,"node":"n","method":"batch","params":{}})", R"({"v":1,"id":1,"node":"n","method":"info"})",
          R"({"v":1,"id":1,"node":"n","method":"refresh","params":{"user":1}})"}) {
        const message read = read_message(each, with);
        const auto* unknown = std::get_if<unknown_order>(&read);
        ASSERT_NE(unknown, nullptr) << each;
        EXPECT_EQ(unknown->from, "n");
        EXPECT_EQ(unknown->number, 1u);
    }
}

TEST(message, others_are_not_understood) {
    decoder with{{}};
    for (const char* each :
         {"", "1", "{", "{}", R"({"v":2,"id":1,"node":"n","method":"info","params":{}})", R"({"v":1,"node":"n"})",
          R"({"v":1,"id":1,"method":"info","params":{}})", R"({"v":1,"id":1,"node":"n"})",
          R"({"v":1,"id":1,"node":"n","method":"info","params":{}} )"
          "x",
          R"({"v":1,"session":"ab"})", R"({"v":1,"session":"ab","b64data":"?"})", "\xff\x01"})
        EXPECT_TRUE(std::holds_alternative<std::monostate>(read_message(each, with))) << each;
}

} // namespace
} // namespace carillon::nodes
