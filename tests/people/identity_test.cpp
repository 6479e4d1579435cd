#include "people/identity.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace carillon::people {
namespace {

TEST(client_ids, are_found_again_by_who_made_them_and_by_nobody_else) {
    const client_ids ours, others;
    for (const net::connection_key place :
         {net::connection_key{0, 0}, {0, 1}, {1, 0}, {0xffffffff, 0xffffffff}, {77, 5}}) {
        const boost::uuids::uuid id = ours.id_of(place);
        EXPECT_EQ(id.variant(), boost::uuids::uuid::variant_rfc_4122);
        EXPECT_EQ(*(id.begin() + 6) >> 4, 8); // the version
        EXPECT_EQ(ours.place_of(id), place);
        EXPECT_EQ(ours.place_of(uuid_text{id}.view()), place);
        EXPECT_EQ(others.place_of(id), std::nullopt);
        EXPECT_NE(others.id_of(place), id);
    }
}

TEST(client_ids, with_any_bit_changed_are_nobodys) {
    const client_ids ids;
    const boost::uuids::uuid id = ids.id_of({12, 34});
    for (int bit = 0; bit < 128; ++bit) {
        boost::uuids::uuid other = id;
        *(other.begin() + bit / 8) ^= static_cast<std::uint8_t>(1 << bit % 8);
        EXPECT_EQ(ids.place_of(other), std::nullopt) << bit;
    }
}

TEST(expiries, are_told_as_time_that_is_left) {
    using namespace std::chrono_literals;
    const std::chrono::sys_seconds now{1'000'000s};
    EXPECT_EQ(left_until(0, now), std::nullopt); // never
    EXPECT_EQ(left_until(1'000'060, now), 60s);
    EXPECT_EQ(left_until(999'999, now), 0s);
    EXPECT_EQ(left_until(0xffffffff, now), 24h * 365);
}

TEST(client_ids, differ) {
    const client_ids ids;
    std::set<boost::uuids::uuid> made;
    for (std::uint32_t index = 0; index < 100; ++index) {
        for (std::uint32_t generation = 0; generation < 100; ++generation) made.insert(ids.id_of({index, generation}));
    }
    EXPECT_EQ(made.size(), 10'000u);
}

TEST(uuid_of, takes_what_uuid_text_writes_and_nothing_else) {
    const std::string text = "0123abcd-4567-89ef-0123-456789abcdef";
    const auto read = uuid_of(text);
    ASSERT_TRUE(read);
    EXPECT_EQ(uuid_text{*read}.view(), text);
    for (const std::string other : {"", "0123abcd", "0123ABCD-4567-89ef-0123-456789abcdef",
                                    "0123abcd04567-89ef-0123-456789abcdef", "0123abcd-4567-89ef-0123-456789abcdeg",
                                    "0123abcd-4567-89ef-0123-456789abcdef0", "{123abcd-4567-89ef-0123-456789abcde}"}) {
        EXPECT_EQ(uuid_of(other), std::nullopt) << other;
    }
}

TEST(identity, keeps_every_user) {
    for (const std::string user :
         {"", "42", "exactly15 bytes", "exactly 16 bytes", "0123abcd-4567-89ef-0123-456789abcdef",
          "0123ABCD-4567-89ef-0123-456789abcdef", "a name that is longer than any of the others, and than a UUID"}) {
        identity who;
        identity::room in;
        who.set_user(user);
        EXPECT_EQ(who.user(in), user);
        person& more = who.need_more();
        more.info = "1";
        EXPECT_EQ(who.user(in), user);
        EXPECT_EQ(&who.need_more(), &more);
        who.clear();
        EXPECT_EQ(who.user(in), "");
        EXPECT_EQ(who.more(), nullptr);
    }
}

TEST(identity, needs_nothing_else_for_short_users_and_uuids) {
    for (const char* user : {"", "42", "exactly15 bytes", "0123abcd-4567-89ef-0123-456789abcdef"}) {
        identity who;
        who.set_user(user);
        EXPECT_EQ(who.more(), nullptr) << user;
        who.clear();
    }
}

TEST(client_ids, of_another_process_stay_until_they_are_forgotten) {
    client_ids before, now;
    const net::connection_key old_place{7, 3}, place{1, 1}, other{2, 1};
    const auto id = before.id_of(old_place);
    EXPECT_FALSE(now.place_of(id));
    now.inherit(place, id);
    EXPECT_EQ(now.id_of(place), id);
    EXPECT_EQ(now.place_of(id), place);
    EXPECT_EQ(now.place_of(uuid_text{id}.view()), place);
    EXPECT_EQ(now.place_of(now.id_of(other)), other) << "those of its own are as ever";
    now.forget(other);
    now.forget(place);
    EXPECT_FALSE(now.place_of(id));
    EXPECT_NE(now.id_of(place), id);
    EXPECT_EQ(now.place_of(now.id_of(place)), place);
}

} // namespace
} // namespace carillon::people
