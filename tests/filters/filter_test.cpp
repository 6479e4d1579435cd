#include "filters/filter.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::filters {
namespace {

using protocol::filter_node;

std::size_t count(filter_node& of) {
    std::size_t all = of.vals.size() + of.nodes.size();
    for (filter_node& each : of.nodes) all += count(each);
    return all;
}

// As a decoder would have read it.
filter_node whole(filter_node said) {
    said.items = count(said);
    return said;
}
filter_node compare(std::string_view key, std::string_view cmp, std::string_view val = {}) {
    return {.key = key, .cmp = cmp, .val = val};
}
filter_node list(std::string_view key, std::string_view cmp, std::vector<std::string_view> vals) {
    return {.key = key, .cmp = cmp, .vals = std::move(vals)};
}
filter_node join(std::string_view op, std::vector<filter_node> nodes) { return {.op = op, .nodes = std::move(nodes)}; }

bool holds(const filter_node& said, std::string_view json) {
    const auto made = filter::make(whole(said));
    EXPECT_TRUE(made) << made.error().message();
    return made && (*made)->holds(tags{json});
}

struct held_case {
    const char* name;
    filter_node said;
    const char* tags;
    bool holds;
};

TEST(filters, let_through_what_they_say) {
    const held_case cases[] = {
        {"equal", compare("k", "eq", "a"), R"({"k":"a"})", true},
        {"equal_to_another", compare("k", "eq", "a"), R"({"k":"b"})", false},
        {"equal_to_what_is_not_there", compare("k", "eq", "a"), R"({"x":"a"})", false},
        {"equal_without_tags", compare("k", "eq", "a"), "", false},
        {"not_equal", compare("k", "neq", "a"), R"({"k":"b"})", true},
        {"not_equal_to_itself", compare("k", "neq", "a"), R"({"k":"a"})", false},
        {"not_equal_to_what_is_not_there", compare("k", "neq", "a"), "", true},
        {"in_a_list", list("k", "in", {"a", "b"}), R"({"k":"b"})", true},
        {"in_no_list", list("k", "in", {"a", "b"}), R"({"k":"c"})", false},
        {"what_is_not_there_in_a_list", list("k", "in", {"a"}), "", false},
        {"not_in_a_list", list("k", "nin", {"a", "b"}), R"({"k":"c"})", true},
        {"not_in_the_list_that_it_is_in", list("k", "nin", {"a", "b"}), R"({"k":"a"})", false},
        {"there", compare("k", "ex"), R"({"k":""})", true},
        {"there_though_it_is_not", compare("k", "ex"), "{}", false},
        {"not_there", compare("k", "nex"), "{}", true},
        {"not_there_though_it_is", compare("k", "nex"), R"({"k":"1"})", false},
        {"begins", compare("k", "sw", "ab"), R"({"k":"abc"})", true},
        {"begins_with_something_else", compare("k", "sw", "b"), R"({"k":"abc"})", false},
        {"ends", compare("k", "ew", "bc"), R"({"k":"abc"})", true},
        {"ends_with_something_else", compare("k", "ew", "b"), R"({"k":"abc"})", false},
        {"has", compare("k", "ct", "b"), R"({"k":"abc"})", true},
        {"has_not", compare("k", "ct", "d"), R"({"k":"abc"})", false},
        {"less", compare("k", "lt", "10"), R"({"k":"9"})", true},
        {"not_less", compare("k", "lt", "10"), R"({"k":"10"})", false},
        {"at_most", compare("k", "lte", "10"), R"({"k":"10.0"})", true},
        {"not_at_most", compare("k", "lte", "10"), R"({"k":"10.01"})", false},
        {"greater", compare("k", "gt", "-1"), R"({"k":"-0.5"})", true},
        {"not_greater", compare("k", "gt", "0"), R"({"k":"-0"})", false},
        {"at_least", compare("k", "gte", "0.5"), R"({"k":"00.50"})", true},
        {"not_at_least", compare("k", "gte", "0.5"), R"({"k":"0.499999999999999999999999"})", false},
        {"greater_than_what_is_no_number", compare("k", "gt", "a"), R"({"k":"1"})", false},
        {"no_number_is_greater", compare("k", "gt", "1"), R"({"k":"a"})", false},
        {"no_number_is_less", compare("k", "lt", "1"), "", false},
        {"all_of", join("and", {compare("a", "ex"), compare("b", "ex")}), R"({"a":"","b":""})", true},
        {"not_all_of", join("and", {compare("a", "ex"), compare("b", "ex")}), R"({"a":""})", false},
        {"any_of", join("or", {compare("a", "ex"), compare("b", "ex")}), R"({"b":""})", true},
        {"none_of_any", join("or", {compare("a", "ex"), compare("b", "ex")}), R"({"c":""})", false},
        {"not", join("not", {compare("a", "ex")}), R"({"b":""})", true},
        {"not_what_holds", join("not", {compare("a", "ex")}), R"({"a":""})", false},
        {"nested",
         join("and", {join("or", {compare("a", "eq", "1"), join("not", {compare("b", "ex")})}), compare("c", "ex")}),
         R"({"b":"1","a":"1","c":"1"})", true},
        {"nested_and_not",
         join("and", {join("or", {compare("a", "eq", "1"), join("not", {compare("b", "ex")})}), compare("c", "ex")}),
         R"({"b":"1","a":"2","c":"1"})", false},
        {"a_tag_with_an_escape", compare("k", "eq", "a\"b"), R"({"k":"a\"b"})", true},
        {"of_several_the_last", compare("k", "eq", "2"), R"({"k":"1","k":"2"})", true},
    };
    for (const auto& [name, said, json, expected] : cases) EXPECT_EQ(holds(said, json), expected) << name;
}

filter_node nested(std::size_t depth) { return depth == 1 ? compare("k", "ex") : join("not", {nested(depth - 1)}); }

struct refused_case {
    const char* name;
    filter_node said;
    error why;
};

TEST(filters, that_are_none_are_refused) {
    const std::string long_text(bytes_max, 'x');
    const refused_case cases[] = {
        {"nothing", {}, error::unknown_cmp},
        {"another_comparison", compare("k", "like", "a"), error::unknown_cmp},
        {"another_op", join("xor", {compare("k", "ex")}), error::unknown_op},
        {"no_key", compare("", "eq", "a"), error::bad_operands},
        {"no_value", compare("k", "eq"), error::bad_operands},
        {"a_value_and_a_list", {.key = "k", .cmp = "eq", .val = "a", .vals = {"b"}}, error::bad_operands},
        {"no_list", list("k", "in", {}), error::bad_operands},
        {"a_list_and_a_value", {.key = "k", .cmp = "in", .val = "a", .vals = {"b"}}, error::bad_operands},
        {"a_value_of_what_is_there", compare("k", "ex", "a"), error::bad_operands},
        {"all_of_nothing", join("and", {}), error::bad_operands},
        {"any_of_nothing", join("or", {}), error::bad_operands},
        {"not_of_nothing", join("not", {}), error::bad_operands},
        {"not_of_two", join("not", {compare("a", "ex"), compare("b", "ex")}), error::bad_operands},
        {"one_inside_of_a_good_one", join("and", {compare("a", "ex"), compare("b", "?")}), error::unknown_cmp},
        {"too_deep", nested(depth_max + 1), error::too_deep},
        {"too_many_nodes", join("or", std::vector<filter_node>(items_max, compare("k", "ex"))), error::too_large},
        {"too_many_texts", list("k", "in", std::vector<std::string_view>(items_max, "a")), error::too_large},
        {"too_long", compare("k", "eq", long_text), error::too_large},
    };
    for (const auto& [name, said, why] : cases) {
        const auto made = filter::make(whole(said));
        ASSERT_FALSE(made) << name;
        EXPECT_EQ(made.error(), why) << name << ": " << made.error().message();
    }
}

TEST(filters, two_let_through_what_each_does) {
    const auto one = filter::make(whole(join("or", {compare("a", "eq", "1"), compare("a", "eq", "2")})));
    const auto other = filter::make(whole(join("not", {compare("b", "ex")})));
    ASSERT_TRUE(one && other);
    const auto made = filter::both(**one, **other);
    EXPECT_TRUE(made->holds(tags{R"({"a":"2"})"}));
    EXPECT_FALSE(made->holds(tags{R"({"a":"3"})"}));
    EXPECT_FALSE(made->holds(tags{R"({"a":"1","b":""})"}));
    const auto same = filter::make(whole(join(
        "and", {join("or", {compare("a", "eq", "1"), compare("a", "eq", "2")}), join("not", {compare("b", "ex")})})));
    EXPECT_EQ(made->text(), (*same)->text());
}

TEST(filters, at_their_limits_are_good) {
    EXPECT_TRUE(filter::make(whole(nested(depth_max))));
    EXPECT_TRUE(filter::make(whole(join("or", std::vector<filter_node>(items_max - 1, compare("k", "ex"))))));
    EXPECT_TRUE(filter::make(whole(list("k", "in", std::vector<std::string_view>(items_max - 1, "a")))));
}

TEST(filters, that_say_the_same_have_the_same_text_and_others_another) {
    const filter_node all[] = {compare("k", "eq", "a"),
                               compare("ka", "ex"),
                               compare("k", "eq", "ab"),
                               compare("ke", "eq", "a"),
                               compare("k", "neq", "a"),
                               list("k", "in", {"a", "b"}),
                               list("k", "in", {"ab"}),
                               list("k", "in", {"b", "a"}),
                               join("and", {compare("k", "eq", "a")}),
                               join("or", {compare("k", "eq", "a")}),
                               join("and", {compare("k", "eq", "a"), join("and", {compare("b", "ex")})}),
                               join("and", {join("and", {compare("k", "eq", "a")}), compare("b", "ex")})};
    for (std::size_t i = 0; i < std::size(all); ++i) {
        for (std::size_t j = 0; j < std::size(all); ++j) {
            const auto a = filter::make(whole(all[i])), b = filter::make(whole(all[j]));
            EXPECT_EQ((*a)->text() == (*b)->text(), i == j) << (*a)->text() << " and " << (*b)->text();
        }
    }
}

TEST(numbers, are_compared_whatever_their_length) {
    const char* const ordered[] = {
        "-100000000000000000000000", "-2", "-1.50001", "-1.5", "0", "0.0001", "1", "1.5", "2", "10", "+10.1",
        "99999999999999999999999.9"};
    for (std::size_t i = 0; i < std::size(ordered); ++i) {
        for (std::size_t j = 0; j < std::size(ordered); ++j) {
            const auto said = compare_numbers(ordered[i], ordered[j]);
            ASSERT_TRUE(said);
            EXPECT_EQ(*said < 0, i < j) << ordered[i] << " and " << ordered[j];
            EXPECT_EQ(*said > 0, i > j) << ordered[i] << " and " << ordered[j];
        }
    }
    EXPECT_EQ(compare_numbers("-0", "0.000"), 0);
    for (const char* none : {"", "-", ".", "1.", ".5", "1e5", "0x1", " 1", "1 ", "--1", "1.2.3", "a"})
        EXPECT_EQ(compare_numbers(none, "1"), std::nullopt) << none;
}

} // namespace
} // namespace carillon::filters
