#include "bus/interest_filter.hpp"
#include "bus/mailbox.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace carillon::bus {
namespace {

TEST(mailbox, many_messages_cost_one_wakeup_and_keep_their_order) {
    boost::asio::io_context reader{1};
    mailbox<int> box{reader};
    std::vector<std::vector<int>> batches;
    const auto handle = [&](std::vector<int>& messages) { batches.push_back(messages); };
    for (int i = 1; i <= 3; ++i) box.push(i, handle);
    EXPECT_TRUE(batches.empty()) << "nothing runs on the sender's thread";
    EXPECT_EQ(reader.run(), 1u);
    ASSERT_EQ(batches.size(), 1u);
    EXPECT_EQ(batches[0], (std::vector<int>{1, 2, 3}));
}

TEST(mailbox, what_comes_while_a_batch_is_handled_is_the_next_batch) {
    boost::asio::io_context reader{1};
    mailbox<int> box{reader};
    std::vector<int> heard;
    struct handler {
        mailbox<int>& box;
        std::vector<int>& heard;
        void operator()(std::vector<int>& messages) const {
            for (const int each : messages) {
                heard.push_back(each);
                if (each < 4) box.push(each + 1, *this);
            }
        }
    };
    box.push(1, handler{box, heard});
    EXPECT_EQ(reader.run(), 4u);
    EXPECT_EQ(heard, (std::vector<int>{1, 2, 3, 4}));
}

TEST(mailbox, messages_are_handed_on_and_then_let_go) {
    boost::asio::io_context reader{1};
    mailbox<std::shared_ptr<const int>> box{reader};
    const auto message = std::make_shared<const int>(7);
    int sum = 0;
    box.push(message, [&](std::vector<std::shared_ptr<const int>>& messages) {
        for (const auto& each : messages) sum += *each;
    });
    EXPECT_EQ(message.use_count(), 2);
    reader.run();
    EXPECT_EQ(sum, 7);
    EXPECT_EQ(message.use_count(), 1);
}

TEST(mailbox, no_message_is_lost_or_overtaken_by_a_later_one_of_its_sender) {
    constexpr int senders = 3;
    constexpr int each_sends = 20'000;
    struct letter {
        int from;
        int number;
    };
    boost::asio::io_context reader{1};
    auto open = boost::asio::make_work_guard(reader);
    mailbox<letter> box{reader};
    std::vector<int> last(senders, 0);
    int heard = 0;
    const auto handle = [&](std::vector<letter>& letters) {
        for (const letter& each : letters) {
            EXPECT_EQ(each.number, ++last[static_cast<std::size_t>(each.from)]);
            if (++heard == senders * each_sends) open.reset();
        }
    };
    std::vector<std::thread> threads;
    for (int from = 0; from < senders; ++from) {
        threads.emplace_back([&, from] {
            for (int number = 1; number <= each_sends; ++number) box.push({from, number}, handle);
        });
    }
    reader.run();
    for (std::thread& each : threads) each.join();
    EXPECT_EQ(heard, senders * each_sends);
}

TEST(interest_filter, a_channel_counts_until_its_last_subscriber_has_gone) {
    interest_filter filter;
    EXPECT_FALSE(filter.may_have(42));
    filter.add(42);
    filter.add(42);
    filter.remove(42);
    EXPECT_TRUE(filter.may_have(42));
    EXPECT_FALSE(filter.may_have(43));
    filter.remove(42);
    EXPECT_FALSE(filter.may_have(42));
}

TEST(interest_filter, channels_of_one_bucket_are_told_of_together) {
    constexpr std::size_t one = 42;
    constexpr std::size_t other = one + (std::size_t{1} << 40);
    interest_filter filter;
    filter.add(one);
    filter.add(other);
    filter.remove(one);
    EXPECT_TRUE(filter.may_have(one)) << "wrong, and harmless";
    EXPECT_TRUE(filter.may_have(other));
    filter.remove(other);
    EXPECT_FALSE(filter.may_have(other));
}

TEST(interest_filter, a_bucket_that_has_been_full_never_says_no_again) {
    interest_filter filter;
    for (int i = 0; i < 70'000; ++i) filter.add(7);
    for (int i = 0; i < 70'000; ++i) filter.remove(7);
    EXPECT_TRUE(filter.may_have(7)) << "it has lost count; a needless post is better than a lost message";
}

// Who sees what the shard wrote after it had subscribed sees the subscription too.
TEST(interest_filter, another_thread_sees_a_subscription_that_it_was_told_of) {
    interest_filter filter;
    std::atomic<std::size_t> told = 0;
    constexpr std::size_t many = 100'000;
    std::thread publisher{[&] {
        for (std::size_t seen = 0; seen < many;) {
            seen = told.load(std::memory_order_acquire);
            if (seen > 0 && !filter.may_have(seen)) ADD_FAILURE() << seen;
        }
    }};
    for (std::size_t hash = 1; hash <= many; ++hash) {
        filter.add(hash);
        told.store(hash, std::memory_order_release);
    }
    publisher.join();
}

} // namespace
} // namespace carillon::bus
