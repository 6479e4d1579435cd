#include "control/patience.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <sys/socket.h>
#include <unistd.h>

namespace carillon::control {
namespace {

using namespace std::chrono_literals;

/// A connection whose peer may be waited for, and its other end.
struct connection {
    explicit connection(patience& of) {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
        waits = std::make_unique<patience::wait>(of, ends[0]);
    }
    ~connection() {
        waits.reset();
        for (const int each : ends) ::close(each);
    }
    bool was_shut() const {
        char byte = 0;
        return ::recv(ends[1], &byte, 1, 0) == 0;
    }

    std::array<int, 2> ends{};
    std::unique_ptr<patience::wait> waits;
};

// The context runs for as long as somebody is waited for.

TEST(patience, ends_those_who_take_too_long) {
    boost::asio::io_context context;
    patience short_one{context, 1ms};
    connection first{short_one}, second{short_one};
    first.waits->begin();
    second.waits->begin();
    context.run();
    for (const connection* each : {&first, &second}) {
        EXPECT_TRUE(each->waits->is_over());
        EXPECT_TRUE(each->was_shut());
    }
}

TEST(patience, leaves_those_alone_who_are_not_waited_for) {
    boost::asio::io_context context;
    patience short_one{context, 1ms};
    connection never{short_one}, paused{short_one}, late{short_one};
    paused.waits->begin();
    late.waits->begin();
    paused.waits->pause();
    context.run();
    EXPECT_FALSE(never.waits->is_over());
    EXPECT_FALSE(paused.waits->is_over());
    EXPECT_FALSE(paused.was_shut());
    EXPECT_TRUE(late.waits->is_over());
}

TEST(patience, ends_who_begins_anew_after_those_who_have_begun_before) {
    boost::asio::io_context context;
    patience short_one{context, 1ms};
    connection again{short_one};
    auto between = std::make_unique<connection>(short_one);
    again.waits->begin();
    between->waits->begin();
    again.waits->begin();
    while (!between->waits->is_over()) context.run_one();
    between.reset();
    context.run();
    EXPECT_TRUE(again.waits->is_over());
}

TEST(patience, holds_nothing_up_when_the_last_has_gone) {
    boost::asio::io_context context;
    patience long_one{context, 1h};
    {
        connection waited_for{long_one};
        waited_for.waits->begin();
        context.poll();
    }
    context.run(); // returns
    context.restart();
    connection next{long_one};
    next.waits->begin();
    EXPECT_EQ(context.poll(), 0u);
    EXPECT_FALSE(next.waits->is_over());
}

} // namespace
} // namespace carillon::control
