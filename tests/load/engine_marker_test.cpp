#include "load/marker.hpp"
#include "load/schedule.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::load {
namespace {

using namespace std::chrono_literals;

const marker small{1, 2, 3, clock::time_point{4ns}};
const marker large{0xfedcba98, 0xffffffff, 0xffff'ffff'ffff, clock::time_point{0x7123'4567'89ab'cdefns}};

std::string written(const marker& what) {
    std::string text(marker_bytes, ' ');
    write_marker(std::span<char, marker_bytes>{text.data(), marker_bytes}, what);
    return text;
}

std::vector<marker> all_in(std::string_view text) {
    std::vector<marker> found;
    while (const auto one = take_marker(text)) found.push_back(*one);
    EXPECT_TRUE(text.empty());
    return found;
}

TEST(marker, is_written_in_so_many_letters) {
    EXPECT_EQ(written(small), "@cb:00000001:00000002:000000000003:0000000000000004@");
    EXPECT_EQ(written(large), "@cb:fedcba98:ffffffff:ffffffffffff:7123456789abcdef@");
}

struct finding_case {
    const char* name;
    std::string text;
    std::vector<marker> found;
};

TEST(marker, is_found_whatever_is_around_it) {
    const std::string one = written(small), other = written(large);
    const finding_case cases[] = {
        {"nothing", "", {}},
        {"alone", one, {small}},
        {"within JSON", R"({"push":{"channel":"a@b","pub":{"data":{"bench":")" + one + R"("}}}})", {small}},
        {"two that touch", one + other, {small, large}},
        {"two in two lines", "{" + one + "}\n{" + other + "}", {small, large}},
        {"behind its own beginnings", "@@c@cb@cb:" + one, {small}},
        {"behind half a one", one.substr(0, 30) + other, {large}},
        {"a letter that is no digit", "@cb:0000000g" + one.substr(12) + other, {large}},
        {"a capital letter", "@cb:FEDCBA98" + other.substr(12), {}},
        {"another end", one.substr(0, marker_bytes - 1) + "#" + other, {large}},
        {"a time before the clock began", one.substr(0, 35) + "8000000000000000@" + other, {large}},
        {"another separator", one.substr(0, 12) + "-" + one.substr(13), {}},
    };
    for (const auto& [name, text, found] : cases) EXPECT_EQ(all_in(text), found) << name;
}

TEST(marker, that_is_cut_anywhere_is_not_found) {
    const std::string one = written(large);
    for (std::size_t cut = 0; cut < one.size(); ++cut) {
        EXPECT_TRUE(all_in("xx" + one.substr(0, cut)).empty()) << cut;
        EXPECT_TRUE(all_in(one.substr(one.size() - cut) + "xx").empty()) << cut;
    }
}

TEST(payload, is_json_of_exactly_the_size_asked_for) {
    for (const std::size_t bytes : {payload_bytes_min, payload_bytes_min + 1, std::size_t{128}, std::size_t{4096}}) {
        payload_writer writer{bytes};
        for (const marker& what : {small, large}) {
            const std::string text{writer.write(what)};
            EXPECT_EQ(text.size(), bytes);
            EXPECT_TRUE(boost::json::parse(text).is_object());
            EXPECT_EQ(all_in(text), std::vector{what});
        }
    }
}

TEST(schedule, spaces_events_evenly_without_drift) {
    const clock::time_point start{1h};
    const schedule thirds{start, 3};
    EXPECT_EQ(thirds.due(0), start);
    EXPECT_EQ(thirds.due(1), start + 333'333'333ns);
    EXPECT_EQ(thirds.due(2), start + 666'666'667ns);
    EXPECT_EQ(thirds.due(3), start + 1s);
    EXPECT_EQ(thirds.due(30'000'000), start + 10'000'000s);
    EXPECT_EQ((schedule{start, 0.5}.due(1)), start + 2s);
}

TEST(schedule, events_of_a_burst_are_due_together_and_the_rate_stays) {
    const clock::time_point start{1h};
    const schedule bursts{start, 100, 10};
    for (std::uint64_t i = 0; i < 10; ++i) EXPECT_EQ(bursts.due(i), start) << i;
    for (std::uint64_t i = 10; i < 20; ++i) EXPECT_EQ(bursts.due(i), start + 100ms) << i;
    EXPECT_EQ(bursts.due(100), start + 1s);
}

TEST(schedule, counts_the_events_of_a_stretch_of_time) {
    const clock::time_point start{1h};
    EXPECT_EQ((schedule{start, 10}.count_within(2s)), 20u);
    EXPECT_EQ((schedule{start, 10, 10}.count_within(2s)), 20u);
    EXPECT_EQ((schedule{start, 10, 8}.count_within(2s)), 24u) << "whole bursts";
    EXPECT_EQ((schedule{start, 0.1}.count_within(1s)), 1u) << "at least one";
    EXPECT_EQ((schedule{start, 3}.count_within(1s)), 3u);
}

} // namespace
} // namespace carillon::load
