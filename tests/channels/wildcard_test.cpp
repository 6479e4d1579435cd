#include "channels/rules.hpp"
#include "channels/wildcard.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::channels {
namespace {

std::vector<std::string> all_of(std::string_view channel) {
    std::vector<std::string> found;
    wildcards_of all{channel};
    for (auto each = all.next(); !each.empty(); each = all.next()) found.emplace_back(each);
    return found;
}

std::string deep(std::size_t segments, std::string_view last) {
    std::string name = "news:";
    for (std::size_t i = 1; i < segments; ++i) name += "a.";
    return name.append(last);
}

TEST(wildcard, what_is_one_and_what_is_not) {
    const struct {
        const char* what;
        std::string name;
        wildcard_form form;
    } rows[] = {
        {"a channel", "news:sport", wildcard_form::none},
        {"all of a namespace", "news:*", wildcard_form::good},
        {"all that begin with a segment", "news:sport.*", wildcard_form::good},
        {"with two", "news:sport.football.*", wildcard_form::good},
        {"private ones", "$news:*", wildcard_form::good},
        {"without a namespace", "sport.*", wildcard_form::good},
        {"everything there is", "*", wildcard_form::bad},
        {"every private thing there is", "$*", wildcard_form::bad},
        {"a part of a segment", "news:sport*", wildcard_form::bad},
        {"a star before the end", "news:*.football", wildcard_form::bad},
        {"two stars", "news:*.*", wildcard_form::bad},
        {"the namespace is literal", "*:a", wildcard_form::bad},
        {"what a Redis would take for any byte", "news:a?.*", wildcard_form::bad},
        {"for one of several bytes", "news:[ab].*", wildcard_form::bad},
        {"for an escape", "news:a\\.*", wildcard_form::bad},
        {"as many segments as there may be", deep(wildcard_segments_max, "*"), wildcard_form::good},
        {"one more", deep(wildcard_segments_max + 1, "*"), wildcard_form::bad},
    };
    for (const auto& row : rows) EXPECT_EQ(wildcard_form_of(row.name), row.form) << row.what;
}

TEST(wildcard, a_channel_is_stood_for_by_few) {
    using names = std::vector<std::string>;
    EXPECT_EQ(all_of("news:sport.football.uk"), (names{"news:*", "news:sport.*", "news:sport.football.*"}));
    EXPECT_EQ(all_of("news:sport."), (names{"news:*"})); // the star is for a byte at least
    EXPECT_EQ(all_of("news:"), names{});
    EXPECT_EQ(all_of("$news:a.b"), (names{"$news:*", "$news:a.*"}));
    EXPECT_EQ(all_of("a.b"), (names{"a.*"}));
    EXPECT_EQ(all_of("a"), names{});
    EXPECT_EQ(all_of(""), names{});
    EXPECT_EQ(all_of(deep(100, "a")).size(), wildcard_segments_max);
    EXPECT_EQ(all_of(deep(100, "a")).back(), deep(wildcard_segments_max, "*"));
}

TEST(wildcard, stands_for_what_says_so_of_itself) {
    const char* channels[] = {"news:sport.football.uk", "news:sport.", "$news:a.b", "a.b", "a.b:c", ":a.b", "news:"};
    const char* wildcards[] = {"news:*", "news:sport.*", "news:sport.football.*", "$news:*", "a.*", "a.b:*", ":a.*"};
    for (const std::string channel : channels) {
        const auto own = all_of(channel);
        for (const std::string each : wildcards) {
            const bool listed = std::find(own.begin(), own.end(), each) != own.end();
            EXPECT_EQ(stands_for(each, channel), listed) << each << " " << channel;
        }
    }
}

TEST(wildcard, has_the_permissions_of_its_namespace_and_nothing_that_is_of_one_channel) {
    const audience all{party::anonymous};
    name_space news{.name = "news", .subscribe = all, .publish = all, .history = all, .presence_for = all};
    news.history_size = 5;
    news.recovery = recovery_mode::stream;
    news.presence = news.join_leave = news.force_push_join_leave = news.occupancy_events = news.wildcard = true;
    news.channel_pattern = "[a-z.]+";
    news.slow_consumer = slow_consumer_policy::keep_latest;
    const rules of{{news, {.name = "plain", .subscribe = all}, {.name = "shut", .wildcard = true}}, 255};

    EXPECT_TRUE(of.is_wildcard("news:a.*"));
    EXPECT_FALSE(of.is_wildcard("plain:a.*"));
    EXPECT_FALSE(of.is_wildcard("news:a"));
    EXPECT_FALSE(of.is_attended("news:*"));
    EXPECT_TRUE(of.is_attended("news:a"));
    const name_space& its = *of.find("news:*").space;
    EXPECT_EQ(its.recovery, recovery_mode::off);
    EXPECT_FALSE(its.occupancy_events || its.force_push_join_leave);
    EXPECT_EQ(its.slow_consumer, slow_consumer_policy::drop_oldest);
    EXPECT_EQ(&its, of.space_of("news:*"));
    EXPECT_EQ(of.space_of("news:a")->slow_consumer, slow_consumer_policy::keep_latest);

    EXPECT_EQ(of.may_subscribe("", "news:a.*", false), verdict::allowed); // whatever the pattern is
    EXPECT_EQ(of.may_subscribe("", "news:a*", false), verdict::bad_request);
    EXPECT_EQ(of.may_subscribe("", "news:A", false), verdict::bad_request);
    EXPECT_EQ(of.may_subscribe("", "news:\xc3\xa4.*", false), verdict::bad_request);
    EXPECT_EQ(of.may_subscribe("", "$news:*", false), verdict::permission_denied);
    EXPECT_EQ(of.may_subscribe("", "$news:*", true), verdict::allowed);
    EXPECT_EQ(of.may_subscribe("", "shut:*", false), verdict::permission_denied);
    EXPECT_EQ(of.may_subscribe("", "shut:*", true), verdict::allowed);
    EXPECT_EQ(of.may_subscribe("", "plain:*", false), verdict::allowed);
    EXPECT_EQ(of.may_publish("", "news:*", membership::subscribed), verdict::bad_request);
    EXPECT_EQ(of.may_publish("", "news:a", membership::none), verdict::allowed);
    EXPECT_EQ(of.may_read_history("", "news:*", membership::subscribed), verdict::not_available);
    EXPECT_EQ(of.may_see_presence("", "news:*", membership::subscribed), verdict::not_available);
}

} // namespace
} // namespace carillon::channels
