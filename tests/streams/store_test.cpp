#include "streams/idempotency.hpp"
#include "streams/store.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <malloc.h>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace carillon::streams {
namespace {

using namespace std::chrono_literals;
using time_point = store::clock::time_point;

constexpr time_point begin{};
constexpr keeping three{.publications = 3, .ttl = 60s, .meta_ttl = 600s};
constexpr page_limits page_of_300{};

std::vector<std::string> texts_of(const shared_batch& from) {
    std::vector<std::string> all;
    if (from == nullptr) return all;
    for (std::size_t i = 0; i < from->publications.size(); ++i) {
        all.push_back(std::to_string(from->offset_of(i)) + ":" + std::string{from->publications[i]->payload()});
    }
    return all;
}
using texts = std::vector<std::string>;

class streams_store : public testing::Test {
protected:
    store::added publish(const std::string& channel, const std::string& payload, const keeping& how = three) {
        return all.add(channel, how, {payload, true}, {}, now);
    }
    texts missed(const std::string& channel, std::uint64_t offset, std::string_view epoch = {}) {
        return texts_of(all.recover(channel, {offset, epoch}, page_of_300, now).missed);
    }
    void TearDown() override { all.check_invariants(); }

    time_point now = begin;
    store all{{.bytes_max = 10'000}, 1};
};

TEST_F(streams_store, publications_are_numbered_and_the_newest_are_kept) {
    for (const char* each : {"a", "b", "c", "d"}) publish("news", each);
    EXPECT_EQ(all.top("news", now).offset, 4u);
    EXPECT_EQ(missed("news", 1), (texts{"2:b", "3:c", "4:d"}));
    EXPECT_EQ(missed("news", 3), texts{"4:d"});
    EXPECT_EQ(missed("news", 4), texts{});
    EXPECT_EQ(all.recover("news", {0, {}}, page_of_300, now).said, verdict::gone);
}

TEST_F(streams_store, everything_that_was_published_is_kept) {
    const std::string payload("a\0b", 3);
    all.add("news", three, {payload, false, R"({"user":"42"})", R"({"lang":"en"})"}, {}, now);
    const auto found = all.recover("news", {0, {}}, page_of_300, now);
    ASSERT_NE(found.missed, nullptr);
    const draft kept = found.missed->publications[0]->view();
    EXPECT_EQ(kept.payload, payload);
    EXPECT_FALSE(kept.is_json);
    EXPECT_EQ(kept.info, R"({"user":"42"})");
    EXPECT_EQ(kept.tags, R"({"lang":"en"})");
}

TEST_F(streams_store, publications_end_together_and_the_offset_later) {
    const position first = publish("news", "a").at;
    now += 59s;
    publish("news", "b");
    now += 59s;
    EXPECT_EQ(missed("news", 0), (texts{"1:a", "2:b"}));
    now += 1s;
    EXPECT_EQ(all.recover("news", {1, first.epoch.view()}, page_of_300, now).said, verdict::gone);
    EXPECT_EQ(all.recover("news", {2, first.epoch.view()}, page_of_300, now).said, verdict::recovered);
    EXPECT_EQ(all.top("news", now), (position{2, first.epoch}));
    EXPECT_EQ(publish("news", "c").at, (position{3, first.epoch}));
    now += 600s;
    EXPECT_EQ(all.top("news", now).offset, 0u);
    EXPECT_NE(all.top("news", now).epoch, first.epoch);
}

TEST_F(streams_store, a_channel_keeps_its_epoch_when_the_first_publication_comes) {
    const position before = all.top("news", now);
    EXPECT_EQ(before.offset, 0u);
    EXPECT_EQ(publish("news", "a").at, (position{1, before.epoch}));
    EXPECT_EQ(missed("news", 0, before.epoch.view()), texts{"1:a"});
}

TEST_F(streams_store, who_asks_the_same_gets_the_same_copy) {
    publish("news", "a");
    publish("news", "b");
    const auto first = all.recover("news", {0, {}}, page_of_300, now).missed;
    EXPECT_EQ(all.recover("news", {0, {}}, page_of_300, now).missed, first);
    EXPECT_NE(all.recover("news", {1, {}}, page_of_300, now).missed, first);
    publish("news", "c");
    EXPECT_EQ(missed("news", 0), (texts{"1:a", "2:b", "3:c"}));
    EXPECT_EQ(texts_of(first), (texts{"1:a", "2:b"}));
}

TEST_F(streams_store, a_recovery_has_a_limit_in_bytes) {
    publish("news", std::string(100, 'a'));
    publish("news", std::string(100, 'b'));
    EXPECT_EQ(all.recover("news", {0, {}}, {.bytes_max = 200}, now).said, verdict::recovered);
    EXPECT_EQ(all.recover("news", {0, {}}, {.bytes_max = 199}, now).said, verdict::too_many);
}

TEST_F(streams_store, over_the_ceiling_the_channel_that_was_published_to_least_recently_loses_its_publications) {
    const std::string large(3'000, 'x');
    const position old = publish("old", large).at;
    publish("new", large);
    publish("old", large);
    publish("third", large); // 12,000 bytes in all: "new" was the least recent
    EXPECT_EQ(all.recover("new", {0, {}}, page_of_300, now).said, verdict::gone);
    EXPECT_EQ(all.top("new", now).offset, 1u);
    EXPECT_EQ(all.recover("old", {0, old.epoch.view()}, page_of_300, now).said, verdict::recovered);
    EXPECT_EQ(all.counted().evicted_publications, 1u);
    EXPECT_LE(all.counted().bytes, 10'000u);
}

TEST_F(streams_store, places_of_streams_are_under_the_ceiling_too) {
    const position first = publish("0", "x").at;
    for (int i = 1; i < 1'000; ++i) publish(std::to_string(i), "x");
    EXPECT_LE(all.counted().bytes, 10'000u);
    EXPECT_GT(all.counted().evicted_streams, 0u);
    EXPECT_NE(all.top("0", now).epoch, first.epoch); // whoever knows offset 1 of then must not take it for one of now
    EXPECT_EQ(all.recover("0", {1, first.epoch.view()}, page_of_300, now).said, verdict::wrong_epoch);
}

TEST_F(streams_store, a_publication_over_the_ceiling_is_not_kept_but_numbered) {
    EXPECT_EQ(publish("news", std::string(20'000, 'x')).at.offset, 1u);
    EXPECT_EQ(all.counted().publications, 0u);
    EXPECT_EQ(all.top("news", now).offset, 1u);
}

TEST_F(streams_store, history_in_pages) {
    struct row {
        const char* name;
        store::query what;
        texts page;
        store::query_error why = store::query_error::none;
    };
    for (const char* each : {"a", "b", "c", "d", "e"}) publish("news", each, {5, 60s, 60s});
    const std::string epoch{all.top("news", now).epoch.view()};
    const row rows[] = {
        {"only the place", {}, {}},
        {"all", {.limit = -1}, {"1:a", "2:b", "3:c", "4:d", "5:e"}},
        {"the first two", {.limit = 2}, {"1:a", "2:b"}},
        {"the last two", {.reverse = true, .limit = 2}, {"5:e", "4:d"}},
        {"after 3", {.since = last_seen{3, epoch}, .limit = -1}, {"4:d", "5:e"}},
        {"one after 3", {.since = last_seen{3, {}}, .limit = 1}, {"4:d"}},
        {"after all", {.since = last_seen{5, epoch}, .limit = -1}, {}},
        {"after what is still to come", {.since = last_seen{50, epoch}, .limit = -1}, {}},
        {"before 3", {.since = last_seen{3, epoch}, .reverse = true, .limit = -1}, {"2:b", "1:a"}},
        {"one before 3", {.since = last_seen{3, epoch}, .reverse = true, .limit = 1}, {"2:b"}},
        {"before the first", {.since = last_seen{1, epoch}, .reverse = true, .limit = -1}, {}},
        {"before what is still to come", {.since = last_seen{50, epoch}, .reverse = true, .limit = 2}, {"5:e", "4:d"}},
        {"before nothing", {.since = last_seen{0, epoch}, .reverse = true}, {}, store::query_error::bad_offset},
        {"another epoch", {.since = last_seen{3, "?"}, .limit = -1}, {}, store::query_error::wrong_epoch},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        const auto page = all.history("news", each.what, page_of_300, now);
        EXPECT_EQ(texts_of(page.publications), each.page);
        EXPECT_EQ(page.why, each.why);
        EXPECT_EQ(page.top.offset, 5u);
    }
    EXPECT_EQ(texts_of(all.history("news", {.limit = 100}, {.publications_max = 2}, now).publications),
              (texts{"1:a", "2:b"}));
    EXPECT_EQ(texts_of(all.history("news", {.limit = -1}, {.bytes_max = 2}, now).publications), (texts{"1:a", "2:b"}));
    EXPECT_EQ(texts_of(all.history("none", {.limit = -1}, page_of_300, now).publications), texts{});
}

TEST_F(streams_store, a_removed_history_leaves_the_offset) {
    const position at = publish("news", "a").at;
    all.forget("news");
    all.forget("unknown");
    EXPECT_EQ(all.top("news", now), at);
    EXPECT_EQ(all.recover("news", {0, {}}, page_of_300, now).said, verdict::gone);
    EXPECT_EQ(publish("news", "b").at.offset, 2u);
}

TEST_F(streams_store, an_old_version_does_not_come_after_a_newer_one) {
    const auto add = [&](std::uint64_t number, std::string_view epoch) {
        return all.add("news", three, {"x", true}, {number, epoch}, now);
    };
    EXPECT_FALSE(add(5, "a").is_outdated);
    EXPECT_TRUE(add(5, "a").is_outdated);
    EXPECT_TRUE(add(4, "a").is_outdated);
    EXPECT_EQ(add(4, "a").at.offset, 1u);
    EXPECT_FALSE(add(6, "a").is_outdated);
    EXPECT_FALSE(add(1, "b").is_outdated);
    EXPECT_FALSE(publish("news", "without").is_outdated);
    EXPECT_EQ(all.top("news", now).offset, 4u);
}

TEST_F(streams_store, what_is_too_old_is_swept_away_some_at_a_time) {
    for (int i = 0; i < 10; ++i) publish(std::to_string(i), "x");
    now += 60s;
    all.sweep(now, 4);
    EXPECT_EQ(all.counted().publications, 6u);
    all.sweep(now, 100);
    EXPECT_EQ(all.counted().publications, 0u);
    EXPECT_EQ(all.counted().streams, 10u);
    now += 600s;
    all.sweep(now, 100);
    EXPECT_EQ(all.counted().streams, 0u);
    EXPECT_EQ(all.counted().bytes, 0u);
}

// The promise of docs: a stored publication costs its bytes and at most 48 more.
TEST(streams_memory, a_publication_costs_at_most_48_bytes_beside_its_own) {
    constexpr std::size_t count = 100'000;
    const auto in_use = [] { return ::mallinfo2().uordblks; };
    store all{{.bytes_max = std::size_t{1} << 30}, 1};
    all.add("news", {count, 60s, 60s}, {"x", true}, {}, begin);
    const std::size_t before = in_use();
    const std::string payload(128, 'x');
    for (std::size_t i = 1; i < count; ++i) all.add("news", {count, 60s, 60s}, {payload, true}, {}, begin);
    const std::size_t used = in_use() - before;
    if (before == 0) GTEST_SKIP() << "this allocator does not say what is in use";
    EXPECT_LE(used / (count - 1), payload.size() + publication::overhead_bytes);
}

TEST(streams_idempotency, a_key_stands_for_one_publication_for_a_while) {
    time_point now = begin;
    idempotency keys{{.keys_max = 2, .ttl = 300s}};
    EXPECT_EQ(keys.find("news", "a", now), std::nullopt);
    keys.remember("news", "a", {1, epoch{"e"}}, now);
    EXPECT_EQ(keys.find("news", "a", now), (position{1, epoch{"e"}}));
    EXPECT_EQ(keys.find("new", "sa", now), std::nullopt);
    EXPECT_EQ(keys.find("other", "a", now), std::nullopt);
    now += 299s;
    keys.remember("news", "b", {2, epoch{"e"}}, now);
    EXPECT_TRUE(keys.find("news", "a", now));
    now += 1s;
    EXPECT_FALSE(keys.find("news", "a", now));
    EXPECT_TRUE(keys.find("news", "b", now));
    EXPECT_EQ(keys.evicted(), 0u);
    keys.remember("news", "c", {}, now);
    keys.remember("news", "d", {}, now);
    EXPECT_FALSE(keys.find("news", "b", now));
    EXPECT_EQ(keys.size(), 2u);
    EXPECT_EQ(keys.evicted(), 1u);
}

// What a store should say, written as simply as can be.
struct model {
    struct channel {
        std::uint64_t top = 0;
        std::deque<std::string> kept;
        time_point until{};
        std::size_t publications = 0;
    };
    std::map<std::string, channel> channels;
};

TEST(streams_history, random_histories_agree_with_a_model) {
    for (unsigned seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::minstd_rand random{seed};
        const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
        store all{{.bytes_max = 1'000'000}, seed};
        model expected;
        std::map<std::string, std::string> epochs;
        time_point now = begin;
        for (int step = 0; step < 2'000; ++step) {
            const std::string channel = "c" + std::to_string(below(5));
            auto& its = expected.channels[channel];
            if (now >= its.until) its.kept.clear();
            const std::size_t most = 1 + static_cast<std::size_t>(channel[1]) % 7;
            switch (below(6)) {
            case 0:
            case 1: {
                const std::string payload = std::to_string(step);
                const auto done = all.add(channel, {most, 10s, 100'000s}, {payload, true}, {}, now);
                its.kept.push_back(payload);
                if (its.kept.size() > most) its.kept.pop_front();
                its.until = now + 10s;
                EXPECT_EQ(done.at.offset, ++its.top);
                if (epochs[channel].empty()) epochs[channel] = done.at.epoch.view();
                EXPECT_EQ(done.at.epoch.view(), epochs[channel]);
                break;
            }
            case 2: now += std::chrono::seconds{below(4)}; break;
            case 3:
                all.forget(channel);
                its.kept.clear();
                break;
            case 4: all.sweep(now, below(4)); break;
            case 5: {
                const std::uint64_t since = below(static_cast<unsigned>(its.top) + 2);
                const auto said = all.recover(channel, {since, {}}, {.publications_max = 4}, now);
                const std::uint64_t count = its.top - since;
                if (since > its.top) {
                    EXPECT_EQ(said.said, verdict::ahead);
                } else if (count > its.kept.size()) {
                    EXPECT_EQ(said.said, verdict::gone);
                } else if (count > 4) {
                    EXPECT_EQ(said.said, verdict::too_many);
                } else {
                    EXPECT_EQ(said.said, verdict::recovered);
                    texts wanted;
                    for (std::uint64_t i = 0; i < count; ++i) {
                        wanted.push_back(std::to_string(since + 1 + i) + ":" + its.kept[its.kept.size() - count + i]);
                    }
                    EXPECT_EQ(texts_of(said.missed), wanted);
                }
                break;
            }
            }
        }
        all.check_invariants();
    }
}

} // namespace
} // namespace carillon::streams
