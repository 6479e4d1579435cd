#include "hooks/answer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

// What answers say beside yes and no.
namespace carillon::hooks {
namespace {

TEST(results, of_a_publish_say_what_a_back_end_could) {
    reader read;
    const auto said = read.read(R"({"result":{"data":{"a":1},"skip_history":true,"tags":{"k\"":"v\n","l":""},)"
                                R"("idempotency_key":"i","version":18446744073709551615,"version_epoch":"e",)"
                                R"("delta":true}})");
    const auto* consents = std::get_if<consent>(&said);
    ASSERT_NE(consents, nullptr);
    EXPECT_EQ(consents->data->bytes, R"({"a":1})");
    EXPECT_TRUE(consents->skip_history);
    EXPECT_EQ(consents->tags, R"({"k\"":"v\n","l":""})");
    EXPECT_EQ(consents->idempotency_key, "i");
    EXPECT_EQ(consents->version, 18446744073709551615u);
    EXPECT_EQ(consents->version_epoch, "e");
}

TEST(results, of_a_subscribe_say_what_is_so_for_this_subscription) {
    reader read;
    const auto said = read.read(R"({"result":{"override":{"presence":{"value":false},"join_leave":{"value":true},)"
                                R"("force_recovery":{},"force_positioning":null,"unknown":1}}})");
    const auto* consents = std::get_if<consent>(&said);
    ASSERT_NE(consents, nullptr);
    EXPECT_EQ(consents->over.presence, false);
    EXPECT_EQ(consents->over.join_leave, true);
    EXPECT_FALSE(consents->over.force_recovery || consents->over.force_positioning ||
                 consents->over.force_push_join_leave);
    const auto greeted =
        read.read(R"({"result":{"subs":{"a":{"override":{"force_push_join_leave":{"value":true}}}}}})");
    EXPECT_EQ(std::get<consent>(greeted).subscriptions.at(0).over.force_push_join_leave, true);
}

TEST(results, of_a_subscribe_may_have_a_filter_and_one_that_is_none_is_a_failure) {
    reader read;
    const auto said =
        read.read(R"({"result":{"server_tags_filter":{"op":"and","nodes":[{"key":"t","cmp":"eq","val":"1"}]}}})");
    const auto* consents = std::get_if<consent>(&said);
    ASSERT_TRUE(consents != nullptr && consents->filter != nullptr);
    EXPECT_TRUE(consents->filter->holds(filters::tags{R"({"t":"1"})"}));
    EXPECT_FALSE(consents->filter->holds(filters::tags{R"({"t":"2"})"}));
    const auto again = read.read(R"({"result":{"server_tags_filter":null}})");
    EXPECT_TRUE(std::get<consent>(again).filter == nullptr);
    for (const char* each : {R"({"key":"t","cmp":"is","val":"1"})", "{}", R"({"op":"and","nodes":[]})"})
        EXPECT_TRUE(std::holds_alternative<failure>(
            read.read(std::string{R"({"result":{"server_tags_filter":)"} + each + "}}")))
            << each;
}

TEST(results, of_other_types_are_failures) {
    const std::pair<const char*, const char*> rows[] = {
        {R"("tags":["a"])", "tags"},
        {R"("tags":{"a":1})", "tags"},
        {R"("version":-1)", "version"},
        {R"("version":"1")", "version"},
        {R"("idempotency_key":1)", "idempotency_key"},
        {R"("version_epoch":{})", "version_epoch"},
        {R"("skip_history":1)", "skip_history"},
        {R"("delta":"fossil")", "delta"},
        {R"("override":[])", "override"},
        {R"("override":{"presence":true})", "presence"},
        {R"("override":{"presence":{"value":"yes"}})", "value"},
        {R"("override":{"force_recovery":{"value":1}})", "value"},
        {R"("subs":{"a":{"override":1}})", "override"},
        {R"("subs":{"a":{"server_tags_filter":{"key":"t","cmp":"ex"}}})", "server_tags_filter"},
        {R"("server_tags_filter":1)", "server_tags_filter"},
        {R"("server_tags_filter":{"key":1})", "key"},
    };
    reader read;
    for (const auto& [member, name] : rows) {
        const auto said = read.read(std::string{"{\"result\":{"} + member + "}}");
        const auto* failed = std::get_if<failure>(&said);
        ASSERT_NE(failed, nullptr) << member;
        EXPECT_TRUE(failed->why.starts_with("a member of the answer has the wrong type")) << member << failed->why;
    }
}

} // namespace
} // namespace carillon::hooks
