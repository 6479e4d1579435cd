#include "net/slab.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

namespace carillon::net {
namespace {

// As large as a record may be.
struct record : connection {
    explicit record(std::uint64_t first = 0) : words{first} {}
    std::array<std::uint64_t, 5> words;
};
static_assert(sizeof(record) == slab::cell_bytes);

TEST(slab, a_new_record_has_its_owner_and_its_arguments) {
    slab records{4};
    auto* made = records.emplace<record>(owner::resp, 42u);
    ASSERT_NE(made, nullptr);
    EXPECT_EQ(made->owned_by, owner::resp);
    EXPECT_EQ(made->words[0], 42u);
    EXPECT_EQ(made->descriptor, -1);
    EXPECT_EQ(records.size(), 1u);
    EXPECT_EQ(records.find(records.key_of(*made)), made);
}

TEST(slab, records_lie_one_cache_line_apart) {
    slab records{3};
    auto* first = records.emplace<record>(owner::websocket);
    auto* second = records.emplace<connection>(owner::websocket);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % slab::cell_bytes, 0u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(second) - reinterpret_cast<std::uintptr_t>(first), slab::cell_bytes);
}

TEST(slab, an_index_leads_to_its_record_and_back) {
    slab records{100};
    for (std::uint32_t i = 0; i < 100; ++i) {
        auto* made = records.emplace<record>(owner::websocket);
        EXPECT_EQ(records.index_of(*made), i);
        EXPECT_EQ(&records.at(i), made);
    }
    EXPECT_EQ(records.used(), 100u);
}

TEST(slab, a_full_slab_gives_null_until_a_record_is_released) {
    slab records{2};
    auto* first = records.emplace<record>(owner::websocket);
    auto* second = records.emplace<record>(owner::websocket);
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(records.emplace<record>(owner::websocket), nullptr);
    EXPECT_EQ(records.size(), records.capacity());
    records.release(*first);
    EXPECT_EQ(records.emplace<record>(owner::websocket), first);
    EXPECT_EQ(records.emplace<record>(owner::websocket), nullptr);
}

TEST(slab, the_key_of_a_released_record_finds_nothing) {
    slab records{2};
    auto* made = records.emplace<record>(owner::websocket);
    const connection_key key = records.key_of(*made);
    records.release(*made);
    EXPECT_EQ(records.find(key), nullptr);
    auto* next = records.emplace<record>(owner::websocket);
    ASSERT_EQ(next, made);
    EXPECT_EQ(records.find(key), nullptr);
    EXPECT_EQ(records.find(records.key_of(*next)), next);
}

TEST(slab, no_key_finds_a_free_cell) {
    slab records{2};
    auto* made = records.emplace<record>(owner::websocket);
    records.release(*made);
    for (std::uint32_t generation = 0; generation < 4; ++generation) {
        EXPECT_EQ(records.find({0, generation}), nullptr);
        EXPECT_EQ(records.find({1, generation}), nullptr) << "never used";
        EXPECT_EQ(records.find({2, generation}), nullptr) << "beyond the last";
        EXPECT_EQ(records.find({no_index, generation}), nullptr);
    }
}

TEST(slab, a_key_survives_packing) {
    for (const connection_key key :
         {connection_key{0, 1}, connection_key{7, 9}, connection_key{0xfffffffe, 0xffffffff}}) {
        EXPECT_EQ(connection_key::unpacked(key.packed()), key);
    }
}

TEST(slab, cells_are_used_again_last_in_first_out) {
    slab records{10};
    std::vector<record*> made;
    for (int i = 0; i < 5; ++i) made.push_back(records.emplace<record>(owner::websocket));
    records.release(*made[1]);
    records.release(*made[4]);
    records.release(*made[2]);
    EXPECT_EQ(records.emplace<record>(owner::websocket), made[2]);
    EXPECT_EQ(records.emplace<record>(owner::websocket), made[4]);
    EXPECT_EQ(records.emplace<record>(owner::websocket), made[1]);
    EXPECT_EQ(records.used(), 5u);
    EXPECT_EQ(records.index_of(*records.emplace<record>(owner::websocket)), 5u);
}

TEST(slab, every_use_of_a_cell_has_a_generation_of_its_own) {
    slab records{1};
    std::uint32_t before = 0;
    for (int i = 0; i < 100; ++i) {
        auto* made = records.emplace<record>(owner::websocket);
        EXPECT_GT(made->generation, before);
        before = made->generation;
        records.release(*made);
    }
}

TEST(slab, nothing_of_a_record_is_left_for_the_next_one) {
    slab records{1};
    auto* made = records.emplace<record>(owner::resp);
    made->descriptor = 3;
    made->phase = 7;
    made->gone = made->closing = true;
    records.release(*made);
    const auto* next = records.emplace<connection>(owner::websocket);
    EXPECT_EQ(next->descriptor, -1);
    EXPECT_EQ(next->phase, 0);
    EXPECT_FALSE(next->gone);
    EXPECT_FALSE(next->closing);
    EXPECT_EQ(next->wheel_next, no_index) << "the link of the free list";
    EXPECT_EQ(next->owned_by, owner::websocket);
}

TEST(slab, addresses_for_millions_cost_nothing_until_they_are_used) {
    slab records{100'000'000};
    EXPECT_EQ(records.capacity(), 100'000'000u);
    EXPECT_NE(records.emplace<record>(owner::websocket), nullptr);
}

TEST(slab_death, releasing_twice_is_a_bug) {
    slab records{1};
    auto* made = records.emplace<record>(owner::websocket);
    records.release(*made);
    EXPECT_DEATH(records.release(*made), "check failed");
}

TEST(slab_death, releasing_a_record_that_is_in_the_wheel_is_a_bug) {
    slab records{1};
    auto* made = records.emplace<record>(owner::websocket);
    made->deadline_tick = 5;
    EXPECT_DEATH(records.release(*made), "check failed");
    made->deadline_tick = 0;
}

TEST(slab, random_histories_agree_with_a_map) {
    std::mt19937 random{1};
    slab records{50};
    std::map<std::uint64_t, std::uint64_t> alive; // packed key, what was written into the record
    std::vector<connection_key> released;
    for (std::uint64_t step = 0; step < 20'000; ++step) {
        if (random() % 2 == 0) {
            auto* made = records.emplace<record>(owner::websocket, step);
            ASSERT_EQ(made == nullptr, alive.size() == 50);
            if (made != nullptr) { ASSERT_TRUE(alive.emplace(records.key_of(*made).packed(), step).second); }
        } else if (!alive.empty()) {
            auto gone = std::next(alive.begin(), static_cast<std::ptrdiff_t>(random() % alive.size()));
            const auto key = connection_key::unpacked(gone->first);
            records.release(*records.find(key));
            released.push_back(key);
            alive.erase(gone);
        }
        ASSERT_EQ(records.size(), alive.size());
        for (const auto& [key, written] : alive) {
            auto* found = records.find(connection_key::unpacked(key));
            ASSERT_NE(found, nullptr);
            ASSERT_EQ(static_cast<record*>(found)->words[0], written);
        }
        if (!released.empty()) { ASSERT_EQ(records.find(released[random() % released.size()]), nullptr); }
    }
}

} // namespace
} // namespace carillon::net
