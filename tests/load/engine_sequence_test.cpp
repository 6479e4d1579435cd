#include "load/sequence_account.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace carillon::load {

inline std::ostream& operator<<(std::ostream& out, sequence_account::arrival what) {
    switch (what) {
    case sequence_account::arrival::in_order: return out << "in order";
    case sequence_account::arrival::disordered: return out << "disordered";
    case sequence_account::arrival::duplicated: return out << "duplicated";
    }
    return out << "?";
}

namespace {

using enum sequence_account::arrival;

struct sequence_case {
    const char* name;
    std::vector<std::uint64_t> received;
    std::vector<sequence_account::arrival> arrivals;
    std::uint64_t published;
    std::uint64_t lost;
};

TEST(sequence_account, says_how_each_came_and_what_is_missing) {
    const sequence_case cases[] = {
        {"nothing published", {}, {}, 0, 0},
        {"nothing received", {}, {}, 5, 5},
        {"all", {0, 1, 2}, {in_order, in_order, in_order}, 3, 0},
        {"without the first", {1, 2}, {in_order, in_order}, 3, 1},
        {"without the last", {0, 1}, {in_order, in_order}, 3, 1},
        {"a hole", {0, 3}, {in_order, in_order}, 4, 2},
        {"twice", {0, 0, 1, 1}, {in_order, duplicated, in_order, duplicated}, 2, 0},
        {"changed places", {1, 0, 2}, {in_order, disordered, in_order}, 3, 0},
        {"late and twice", {2, 0, 0, 1}, {in_order, disordered, duplicated, disordered}, 3, 0},
        {"63 later", {63, 0}, {in_order, disordered}, 64, 62},
        {"too late to be known", {64, 0}, {in_order, duplicated}, 65, 64},
        {"a step over all that is remembered", {0, 64, 0, 1}, {in_order, in_order, duplicated, disordered}, 65, 62},
    };
    for (const auto& [name, received, arrivals, published, lost] : cases) {
        sequence_account account;
        std::vector<sequence_account::arrival> seen;
        for (const std::uint64_t sequence : received) seen.push_back(account.received(sequence));
        EXPECT_EQ(seen, arrivals) << name;
        EXPECT_EQ(account.lost(published), lost) << name;
    }
}

// A server that loses, repeats and delays, but never by more than an account remembers.
TEST(sequence_account, agrees_with_a_set_over_random_histories) {
    std::mt19937 random{20260101};
    const auto chance = [&](unsigned of_hundred) { return random() % 100 < of_hundred; };
    for (int history = 0; history < 300; ++history) {
        const std::uint64_t published = 1 + random() % 500;
        std::vector<std::uint64_t> sent;
        for (std::uint64_t i = 0; i < published; ++i) {
            if (chance(10)) continue;
            sent.push_back(i);
            if (chance(10)) sent.push_back(i);
        }
        for (std::size_t i = 0; i + 1 < sent.size(); ++i) {
            if (chance(20)) std::swap(sent[i], sent[std::min<std::size_t>(sent.size() - 1, i + 1 + random() % 20)]);
        }
        sequence_account account;
        std::set<std::uint64_t> model;
        std::uint64_t disorders = 0, seen_disorders = 0, duplicates = 0, seen_duplicates = 0, hopeless = 0;
        for (const std::uint64_t sequence : sent) {
            const bool known = model.contains(sequence);
            const bool late = !model.empty() && sequence < *model.rbegin();
            if (late && *model.rbegin() - sequence >= 64) ++hopeless;
            duplicates += known;
            disorders += !known && late;
            model.insert(sequence);
            const auto arrival = account.received(sequence);
            seen_duplicates += arrival == duplicated;
            seen_disorders += arrival == disordered;
        }
        if (hopeless > 0) continue;
        EXPECT_EQ(seen_duplicates, duplicates);
        EXPECT_EQ(seen_disorders, disorders);
        EXPECT_EQ(account.lost(published), published - model.size());
    }
}

} // namespace
} // namespace carillon::load
