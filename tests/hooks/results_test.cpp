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
