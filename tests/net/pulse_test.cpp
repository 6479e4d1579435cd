#include "net/pulse.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <chrono>

namespace carillon::net {
namespace {

using namespace std::chrono_literals;

TEST(pulse, beats_until_it_is_stopped) {
    boost::asio::io_context context;
    int beats = 0;
    pulse made{context, [&] {
                   ++beats;
                   return 1ms;
               }};
    made.start();
    EXPECT_EQ(beats, 1);
    while (beats < 4) context.run_one();
    made.stop();
    context.run();
    EXPECT_EQ(beats, 4);
}

TEST(pulse, may_be_stopped_by_a_beat) {
    boost::asio::io_context context;
    int beats = 0;
    pulse* itself = nullptr;
    pulse made{context, [&] {
                   if (++beats == 3) itself->stop();
                   return 1ms;
               }};
    itself = &made;
    made.start();
    context.run();
    EXPECT_EQ(beats, 3);
}

// The timer has expired, and its handler is queued behind that which stops the pulse: the program would never end.
TEST(pulse, stops_when_the_next_beat_is_on_its_way) {
    boost::asio::io_context context;
    int beats = 0;
    pulse made{context, [&] {
                   ++beats;
                   return 1ms;
               }};
    made.start();
    boost::asio::post(context, [&] {
        const auto due = std::chrono::steady_clock::now() + 2ms;
        while (std::chrono::steady_clock::now() < due) {}
        boost::asio::post(context, [&] { made.stop(); });
    });
    context.poll();
    const int before = beats;
    context.run_for(100ms); // ends at once when there is nothing left to do
    EXPECT_TRUE(context.stopped());
    EXPECT_EQ(beats, before);
}

} // namespace
} // namespace carillon::net
