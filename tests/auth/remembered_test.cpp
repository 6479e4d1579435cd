#include "auth/remembered.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <string>

namespace carillon::auth {
namespace {

struct note {
    int number = 0;
    std::size_t bytes = 0;
};

std::size_t memory_bytes(const note& what) noexcept { return what.bytes; }

using notes = remembered<note>;
constexpr std::chrono::sys_seconds never = std::chrono::sys_seconds::max();
constexpr std::size_t note_bytes = 100;
constexpr std::size_t entry_bytes = notes::overhead_bytes + note_bytes;

std::chrono::sys_seconds at(int second) { return std::chrono::sys_seconds{std::chrono::seconds{second}}; }

token_digest digest_of(int number) {
    token_digest digest{};
    std::memcpy(digest.data(), &number, sizeof number);
    return digest;
}

std::shared_ptr<const note> note_of(int number, std::size_t bytes = note_bytes) {
    return std::make_shared<const note>(note{number, bytes});
}

TEST(remembered, holds_as_much_as_fits_and_not_one_more) {
    notes memory{3 * entry_bytes};
    for (int i = 0; i < 3; ++i) memory.insert(digest_of(i), note_of(i), never);
    EXPECT_EQ(memory.counters().entries, 3u);
    EXPECT_EQ(memory.counters().bytes, 3 * entry_bytes);
    EXPECT_EQ(memory.counters().evictions, 0u);
    memory.insert(digest_of(3), note_of(3), never);
    EXPECT_EQ(memory.counters().entries, 3u);
    EXPECT_EQ(memory.counters().evictions, 1u);
}

TEST(remembered, what_was_asked_for_stays_longer) {
    notes memory{3 * entry_bytes};
    for (int i = 0; i < 3; ++i) memory.insert(digest_of(i), note_of(i), never);
    for (int i = 3; i < 30; ++i) {
        ASSERT_NE(memory.find(digest_of(1), at(0)), nullptr) << i;
        memory.insert(digest_of(i), note_of(i), never);
    }
    EXPECT_EQ(memory.counters().entries, 3u);
    EXPECT_EQ(memory.counters().evictions, 27u);
}

TEST(remembered, what_is_larger_than_everything_is_not_kept) {
    notes memory{3 * entry_bytes};
    memory.insert(digest_of(0), note_of(0), never);
    memory.insert(digest_of(1), note_of(1, 3 * entry_bytes - notes::overhead_bytes + 1), never);
    EXPECT_EQ(memory.find(digest_of(1), at(0)), nullptr);
    EXPECT_NE(memory.find(digest_of(0), at(0)), nullptr);
    memory.insert(digest_of(2), note_of(2, 3 * entry_bytes - notes::overhead_bytes), never);
    EXPECT_NE(memory.find(digest_of(2), at(0)), nullptr);
    EXPECT_EQ(memory.counters().entries, 1u);
    EXPECT_EQ(memory.counters().evictions, 1u);
}

TEST(remembered, what_was_found_outlives_its_entry) {
    notes memory{entry_bytes};
    memory.insert(digest_of(0), note_of(7), at(5));
    const auto found = memory.find(digest_of(0), at(4));
    EXPECT_EQ(memory.find(digest_of(0), at(5)), nullptr);
    EXPECT_EQ(found->number, 7);
}

TEST(remembered, digests_differ_in_every_byte) {
    notes memory{100 * entry_bytes};
    memory.insert(digest_of(0), note_of(0), never);
    for (std::size_t i = 0; i < sizeof(token_digest); ++i) {
        token_digest other = digest_of(0);
        other[i] = std::byte{1};
        EXPECT_EQ(memory.find(other, at(0)), nullptr) << i;
    }
}

// Whatever happens, it never holds too much, never gives a wrong or an expired note, and its counters are right.
TEST(remembered, random_histories_keep_to_the_rules) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        std::mt19937 random{seed};
        const auto below = [&](int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); };
        const std::size_t bytes_max = entry_bytes * static_cast<std::size_t>(1 + below(20));
        notes memory{bytes_max};
        std::map<int, int> until; // of each that was ever put in, and not known to be gone
        std::uint64_t hits = 0, misses = 0;
        for (int second = 0; second < 2'000; ++second) {
            const int number = below(40);
            if (const auto found = memory.find(digest_of(number), at(second))) {
                ++hits;
                ASSERT_EQ(found->number, number);
                ASSERT_LT(second, until.at(number));
            } else {
                ++misses;
                until[number] = second + 1 + below(100);
                memory.insert(digest_of(number), note_of(number, static_cast<std::size_t>(below(200))),
                              at(until[number]));
            }
            if (below(300) == 0) {
                memory.clear();
                until.clear();
                ASSERT_EQ(memory.counters().entries, 0u);
            }
            ASSERT_LE(memory.counters().bytes, bytes_max);
            ASSERT_GE(memory.counters().bytes, memory.counters().entries * notes::overhead_bytes);
            ASSERT_EQ(memory.counters().hits, hits);
            ASSERT_EQ(memory.counters().misses, misses);
        }
    }
}

TEST(remembered, the_digest_is_sha_256) {
    digester digest;
    const token_digest abc = digest("abc"); // FIPS 180-4, the example of one block
    EXPECT_EQ(abc[0], std::byte{0xba});
    EXPECT_EQ(abc[31], std::byte{0xad});
    EXPECT_NE(digest("abd"), abc);
    EXPECT_EQ(digest("abc"), abc);
    EXPECT_EQ(digest("")[0], std::byte{0xe3});
}

} // namespace
} // namespace carillon::auth
