#include "peer/admission.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace carillon::peer {
namespace {

using namespace std::chrono_literals;
using time_point = admission::clock::time_point;

const time_point start{1h};

address numbered(std::uint32_t number) {
    address made = *read_address("10.0.0.0");
    for (std::size_t i = 0; i < 3; ++i) made.bytes[13 + i] = static_cast<std::uint8_t>(number >> (16 - 8 * i));
    return made;
}

const address one = *read_address("192.0.2.7");
const address other = *read_address("192.0.2.8");

TEST(rate, lets_in_as_many_as_in_a_second_at_once_and_then_one_after_another) {
    const rate four{4};
    rate::due kept = 0;
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(four.admit(kept, start));
    EXPECT_FALSE(four.admit(kept, start));
    EXPECT_FALSE(four.admit(kept, start + 249ms));
    EXPECT_TRUE(four.admit(kept, start + 250ms));
    EXPECT_FALSE(four.admit(kept, start + 250ms));
    EXPECT_FALSE(four.is_quiet(kept, start + 1249ms));
    EXPECT_TRUE(four.is_quiet(kept, start + 1250ms));
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(four.admit(kept, start + 10s));
    EXPECT_FALSE(four.admit(kept, start + 10s));
}

TEST(rate, without_a_limit_lets_in_everybody) {
    rate::due kept = 0;
    for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(rate{0}.admit(kept, start));
    EXPECT_EQ(kept, 0);
}

TEST(admission, an_address_has_as_many_connections_as_it_may) {
    admission door{{.address_connections_max = 2}};
    EXPECT_TRUE(door.enter(one, start).counted);
    EXPECT_TRUE(door.enter(one, start).counted);
    const auto third = door.enter(one, start);
    EXPECT_EQ(third.said, verdict::connections_of_address);
    EXPECT_FALSE(third.counted);
    EXPECT_EQ(door.enter(other, start).said, verdict::admitted);
    door.leave(one, start);
    EXPECT_EQ(door.enter(one, start).said, verdict::admitted);
    door.leave(one, start);
    door.leave(one, start);
    door.leave(other, start);
    EXPECT_EQ(door.addresses(), 0u); // nothing is left of who has gone
}

TEST(admission, of_ipv6_the_first_64_bits_count) {
    admission door{{.address_connections_max = 1}};
    EXPECT_EQ(door.enter(*read_address("2001:db8:0:1::1"), start).said, verdict::admitted);
    EXPECT_EQ(door.enter(*read_address("2001:db8:0:1:ffff::2"), start).said, verdict::connections_of_address);
    EXPECT_EQ(door.enter(*read_address("2001:db8:0:2::1"), start).said, verdict::admitted);
    EXPECT_EQ(door.enter(*read_address("192.0.2.7"), start).said, verdict::admitted);
    EXPECT_EQ(door.enter(*read_address("::ffff:192.0.2.7"), start).said, verdict::connections_of_address);
    EXPECT_EQ(door.enter(*read_address("192.0.2.6"), start).said, verdict::admitted);
    door.leave(*read_address("2001:db8:0:1::ffff"), start);
    EXPECT_EQ(door.enter(*read_address("2001:db8:0:1::3"), start).said, verdict::admitted);
}

TEST(admission, an_address_comes_as_often_as_it_may_and_does_not_use_up_what_there_is_for_all) {
    admission door{{.handshakes_per_second_max = 3, .address_handshakes_per_second_max = 2}};
    EXPECT_EQ(door.enter(one, start).said, verdict::admitted);
    EXPECT_EQ(door.enter(one, start).said, verdict::admitted);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(door.enter(one, start).said, verdict::handshakes_of_address);
    EXPECT_EQ(door.enter(other, start).said, verdict::admitted);
    EXPECT_EQ(door.enter(other, start).said, verdict::handshakes);
    EXPECT_EQ(door.enter(other, start + 334ms).said, verdict::admitted); // what all have refused does not count for one
}

TEST(admission, who_has_no_address_counts_in_all) {
    admission door{{.handshakes_per_second_max = 1, .address_connections_max = 1}};
    EXPECT_FALSE(door.enter({}, start).counted);
    EXPECT_EQ(door.enter({}, start).said, verdict::handshakes);
}

TEST(admission, with_too_little_memory_nobody_comes_in) {
    admission door{{}};
    door.close(true);
    EXPECT_EQ(door.enter(one, start).said, verdict::memory);
    door.close(false);
    EXPECT_EQ(door.enter(one, start).said, verdict::admitted);
    EXPECT_EQ(door.addresses(), 0u); // no limit asks for them
}

TEST(admission, remembers_so_many_addresses_and_lets_in_the_others_uncounted) {
    constexpr std::uint32_t most = 64 * 4;
    admission door{{.address_connections_max = 1, .addresses_max = most}};
    std::vector<address> counted;
    for (std::uint32_t i = 0; i < 20 * most; ++i) {
        const auto answer = door.enter(numbered(i), start);
        EXPECT_EQ(answer.said, verdict::admitted);
        if (answer.counted) counted.push_back(numbered(i));
    }
    EXPECT_EQ(counted.size(), most);
    EXPECT_EQ(door.addresses(), most);
    EXPECT_EQ(door.uncounted(), 19u * most);
    for (const address& each : counted) door.leave(each, start);
    EXPECT_EQ(door.addresses(), 0u);
    EXPECT_TRUE(door.enter(numbered(0), start).counted);
}

TEST(admission, addresses_that_came_a_second_ago_make_room) {
    constexpr std::uint32_t most = 64;
    admission door{{.address_handshakes_per_second_max = 1, .addresses_max = most}};
    for (std::uint32_t i = 0; i < 20 * most; ++i) {
        if (door.enter(numbered(i), start).counted) door.leave(numbered(i), start);
    }
    EXPECT_EQ(door.addresses(), most); // each could come back in this second
    std::uint32_t counted = 0;
    for (std::uint32_t i = 0; i < 20 * most; ++i) counted += door.enter(numbered(100'000 + i), start + 1s).counted;
    EXPECT_EQ(counted, most);
    EXPECT_EQ(door.addresses(), most);
}

TEST(admission, is_what_a_simple_model_says_over_random_histories) {
    std::minstd_rand random{7};
    admission door{{.address_connections_max = 3}};
    std::map<std::uint32_t, std::uint32_t> model;
    for (int step = 0; step < 20'000; ++step) {
        const auto who = static_cast<std::uint32_t>(random() % 50);
        if (random() % 2 == 0) {
            const auto answer = door.enter(numbered(who), start);
            ASSERT_EQ(answer.said, model[who] < 3 ? verdict::admitted : verdict::connections_of_address);
            model[who] += answer.counted;
        } else if (model[who] > 0) {
            door.leave(numbered(who), start);
            --model[who];
        }
        ASSERT_EQ(door.addresses(), static_cast<std::uint64_t>(std::ranges::count_if(
                                        model, [](const auto& each) { return each.second > 0; })));
    }
}

TEST(admission, several_threads_never_let_in_more_than_may) {
    admission door{{.handshakes_per_second_max = 1'000, .address_connections_max = 100}};
    std::atomic<int> admitted{0};
    {
        std::vector<std::jthread> all;
        for (int i = 0; i < 4; ++i)
            all.emplace_back([&] {
                for (int n = 0; n < 1'000; ++n) admitted += door.enter(one, start).counted;
            });
    }
    EXPECT_EQ(admitted, 100);
    for (int i = 0; i < 100; ++i) door.leave(one, start);
    EXPECT_EQ(door.addresses(), 0u);
}

TEST(admission, who_was_let_in_elsewhere_counts_beyond_the_limits) {
    admission all{{.handshakes_per_second_max = 1, .address_connections_max = 1}};
    const address ann = *read_address("192.0.2.7");
    const auto now = admission::clock::time_point{} + std::chrono::hours{1};
    EXPECT_TRUE(all.adopt(ann, now));
    EXPECT_TRUE(all.adopt(ann, now));
    EXPECT_EQ(all.enter(ann, now).said, verdict::connections_of_address);
    all.leave(ann, now);
    all.leave(ann, now);
    EXPECT_TRUE(all.enter(ann, now).counted);
    EXPECT_FALSE(all.adopt(address{}, now)) << "nobody knows whose it is";
}

} // namespace
} // namespace carillon::peer
