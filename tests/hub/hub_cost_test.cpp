#include "hub/hub.hpp"
#include "support/allocations.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::hub {
namespace {

using test::allocations_during;
using test::heap_use_now;

publication text(std::string_view payload) { return {.payload = payload, .is_json = false, .info = {}}; }

struct counting final : sink {
    void encode(format, std::string_view channel, const publication& message, std::string& out) override {
        out.append(channel).append(message.payload);
    }
    void deliver(subscriber, frames& what) override { bytes += what.bytes().size(); }
    std::size_t bytes = 0;
};

struct crowd {
    explicit crowd(std::size_t size) : lists(size) {
        bells.attach(format::websocket_json, heard);
        bells.attach(format::resp2, heard);
    }
    static subscriber who(std::size_t i) {
        return subscriber::make(static_cast<std::uint32_t>(i), i % 4 == 0 ? format::resp2 : format::websocket_json);
    }
    void join(std::size_t i, std::string_view channel) { bells.subscribe(who(i), lists[i], channel); }
    void leave_all() {
        for (memberships& list : lists) bells.unsubscribe_all(list, [](std::string_view) {});
    }

    deliveries queue{{.sends_per_turn = 1'000'000}};
    hub bells{queue};
    counting heard;
    std::vector<memberships> lists;
};

TEST(hub_cost, a_delivery_allocates_nothing) {
    crowd all{1000};
    for (std::size_t i = 0; i < 1000; ++i) all.join(i, "news");
    const auto deliver = [&] {
        for (int i = 0; i < 10; ++i) all.bells.publish("news", text("something has happened"));
        all.bells.flush();
    };
    deliver();
    EXPECT_EQ(allocations_during(deliver), 0u);
    EXPECT_EQ(all.queue.delivered(), 20'000u);
    EXPECT_EQ(all.heard.bytes, 20'000 * std::string_view{"newssomething has happened"}.size());
}

TEST(hub_cost, a_message_to_nobody_allocates_nothing) {
    crowd all{1};
    EXPECT_EQ(allocations_during([&] { all.bells.publish("nobody's channel, of some length", text("x")); }), 0u);
}

TEST(hub_cost, the_buffer_of_an_enormous_message_is_not_kept) {
    crowd all{1};
    all.join(0, "news");
    const std::string enormous(4 << 20, 'x');
    const auto before = heap_use_now().live_bytes;
    all.bells.publish("news", text(enormous));
    all.bells.flush();
    EXPECT_LT(heap_use_now().live_bytes - before, 1 << 20);
}

// The figures are usable bytes of the heap for each subscription; the measured ones stand beside the bounds.

TEST(hub_cost, one_more_subscriber_of_a_large_channel_is_cheap) {
    constexpr std::size_t many = 10'000;
    crowd all{many};
    const auto before = heap_use_now().live_bytes;
    for (std::size_t i = 0; i < many; ++i) all.join(i, "news");
    const auto each = static_cast<double>(heap_use_now().live_bytes - before) / many;
    RecordProperty("bytes_each", std::to_string(each));
    EXPECT_LE(each, 36.0); // 33.8: 16, and 8 in a vector that grows by 60 %
}

TEST(hub_cost, a_channel_of_ones_own_is_cheap) {
    constexpr std::size_t many = 10'000;
    crowd all{many};
    std::vector<std::string> names;
    for (std::size_t i = 0; i < many; ++i) names.push_back("mailbox:" + std::to_string(1'000'000 + i));
    const auto before = heap_use_now().live_bytes;
    for (std::size_t i = 0; i < many; ++i) all.join(i, names[i]);
    const auto each = static_cast<double>(heap_use_now().live_bytes - before) / many;
    RecordProperty("bytes_each", std::to_string(each));
    EXPECT_LE(each, 108.0); // 97.4: 16, 48, the block of the name, the entry in the index
}

TEST(hub_cost, channels_that_have_gone_leave_only_their_cells) {
    constexpr std::size_t channels = 1000;
    constexpr std::size_t members = 60;
    crowd all{members};
    const auto before = heap_use_now().live_bytes;
    for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t i = 0; i < members; ++i)
            all.join(i, "a channel with a long name, number " + std::to_string(c));
    }
    all.leave_all();
    const auto kept = heap_use_now().live_bytes - before;
    // 16 bytes for each subscription, 48 for each channel and its entry in the index; blocks of 1024 cells.
    EXPECT_LE(kept, static_cast<std::int64_t>((channels * members + 1024) * 16 + (channels + 1024) * 64));
}

TEST(hub_cost, a_channel_that_was_large_gives_its_room_back) {
    constexpr std::size_t many = 100'000;
    crowd all{many};
    for (std::size_t i = 0; i < many; ++i) all.join(i, "news");
    const auto full = heap_use_now().live_bytes;
    for (std::size_t i = 100; i < many; ++i) all.bells.unsubscribe_all(all.lists[i], [](std::string_view) {});
    EXPECT_LE(heap_use_now().live_bytes, full - static_cast<std::int64_t>((many - 1000) * 8));
}

TEST(hub_cost, coming_and_going_does_not_grow) {
    crowd all{100};
    std::int64_t warm = 0;
    for (std::size_t round = 0; round < 1000; ++round) {
        for (std::size_t i = 0; i < 100; ++i) {
            all.join(i, "shared");
            all.join(i, "round " + std::to_string(round) + " member " + std::to_string(i));
        }
        all.leave_all();
        if (round == 100) warm = heap_use_now().live_bytes;
    }
    EXPECT_LE(heap_use_now().live_bytes, warm + 4096);
}

} // namespace
} // namespace carillon::hub
