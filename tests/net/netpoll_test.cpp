#include "net/netpoll.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <set>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace carillon::net {
namespace {

using namespace std::chrono_literals;

struct heard {
    connection_key who;
    readiness what;
};

struct recording_sink final : event_sink {
    explicit recording_sink(slab& of) : records{of} {}
    void on_ready(connection& c, readiness what) override {
        events.push_back({records.key_of(c), what});
        if (then) then(c);
    }
    void on_deadline(connection&) override { ADD_FAILURE() << "the netpoll keeps no deadlines"; }

    slab& records;
    std::vector<heard> events;
    std::function<void(connection&)> then;
};

struct recording_turns final : turn_keeper {
    explicit recording_turns(const std::vector<heard>& of) : events{of} {}
    void begin() override { begins.push_back(events.size()); }
    bool over() override { return ++asked >= over_after; }
    void end() override {
        ends.push_back(events.size());
        asked = 0;
    }

    const std::vector<heard>& events;
    std::vector<std::size_t> begins; ///< how many events had been told at each
    std::vector<std::size_t> ends;
    int asked = 0;
    int over_after = 1000; ///< events of a turn
};

// A started netpoll with a sink for each owner, and sockets whose other ends the test holds.
class netpoll_test : public testing::Test {
protected:
    netpoll_test() {
        poll.attach(owner::websocket, sink);
        poll.attach(owner::resp, other_sink);
        poll.tell_turns(turns);
        poll.start();
    }
    ~netpoll_test() override {
        poll.stop();
        context.run();
        for (const int descriptor : descriptors) ::close(descriptor);
    }

    connection& record_of(int descriptor, owner who = owner::websocket) {
        auto* c = records.emplace<connection>(who);
        c->descriptor = descriptor;
        return *c;
    }

    struct line {
        connection& ours;
        int theirs;
    };
    line watched_line(owner who = owner::websocket) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
        descriptors.insert(descriptors.end(), {ends[0], ends[1]});
        connection& c = record_of(ends[0], who);
        EXPECT_TRUE(poll.watch(c).has_value());
        return {c, ends[1]};
    }
    /// The same, and whatever it had to tell has been told.
    line quiet_line(owner who = owner::websocket) {
        const line made = watched_line(who);
        settle();
        sink.events.clear();
        other_sink.events.clear();
        return made;
    }

    /// Runs until all that has happened so far has been told.
    void settle() {
        for (int i = 0; i < 20; ++i) context.poll();
    }
    template <class Condition>
    void run_until(Condition condition) {
        while (!condition()) ASSERT_EQ(context.run_one_for(30s), 1u) << "waited in vain";
    }
    static void write_byte(int descriptor) { ASSERT_EQ(::write(descriptor, "x", 1), 1); }

    boost::asio::io_context context{1};
    slab records{1000};
    netpoll poll{context, records};
    recording_sink sink{records};
    recording_sink other_sink{records};
    recording_turns turns{sink.events};
    std::vector<int> descriptors;
};

TEST_F(netpoll_test, a_new_socket_is_told_to_be_writable_only_when_asked_for) {
    const line made = watched_line();
    settle();
    EXPECT_TRUE(sink.events.empty());
    poll.watch_writing(made.ours);
    run_until([&] { return !sink.events.empty(); });
    ASSERT_EQ(sink.events.size(), 1u);
    EXPECT_EQ(sink.events[0].who, records.key_of(made.ours));
    EXPECT_TRUE(sink.events[0].what.writable);
    EXPECT_FALSE(sink.events[0].what.readable);
    EXPECT_FALSE(sink.events[0].what.hung_up);
}

TEST_F(netpoll_test, an_edge_wakes_the_owner_once) {
    const line made = quiet_line();
    write_byte(made.theirs);
    run_until([&] { return !sink.events.empty(); });
    settle();
    ASSERT_EQ(sink.events.size(), 1u) << "and not again, though nobody has read";
    EXPECT_TRUE(sink.events[0].what.readable);
    EXPECT_FALSE(sink.events[0].what.hung_up);
    write_byte(made.theirs);
    run_until([&] { return sink.events.size() == 2; });
    settle();
    EXPECT_EQ(sink.events.size(), 2u);
}

TEST_F(netpoll_test, what_was_there_before_watching_is_told) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    descriptors.insert(descriptors.end(), {ends[0], ends[1]});
    write_byte(ends[1]);
    ASSERT_TRUE(poll.watch(record_of(ends[0])).has_value());
    run_until([&] { return !sink.events.empty(); });
    EXPECT_TRUE(sink.events[0].what.readable);
}

TEST_F(netpoll_test, room_to_write_is_told_after_the_buffer_was_full) {
    const line made = quiet_line();
    std::vector<char> much(1 << 20);
    while (::send(made.ours.descriptor, much.data(), much.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {}
    poll.watch_writing(made.ours);
    settle();
    EXPECT_TRUE(sink.events.empty());
    while (::read(made.theirs, much.data(), much.size()) > 0) {}
    run_until([&] { return !sink.events.empty(); });
    EXPECT_TRUE(sink.events.back().what.writable);
}

TEST_F(netpoll_test, a_peer_that_closes_has_hung_up) {
    const line made = quiet_line();
    ASSERT_EQ(::shutdown(made.theirs, SHUT_RDWR), 0);
    run_until([&] { return !sink.events.empty(); });
    EXPECT_TRUE(sink.events.back().what.hung_up);
    EXPECT_TRUE(sink.events.back().what.readable) << "reading shows how it ended";
    EXPECT_TRUE(sink.events.back().what.writable) << "a flush that waits must learn it too";
}

TEST_F(netpoll_test, a_peer_that_ends_only_its_direction_has_hung_up_too) {
    const line made = quiet_line();
    ASSERT_EQ(::shutdown(made.theirs, SHUT_WR), 0);
    run_until([&] { return !sink.events.empty(); });
    EXPECT_TRUE(sink.events.back().what.hung_up);
    EXPECT_TRUE(sink.events.back().what.readable);
}

TEST_F(netpoll_test, each_owner_hears_of_its_own_connections) {
    const line web = quiet_line(owner::websocket);
    const line bus = quiet_line(owner::resp);
    write_byte(web.theirs);
    write_byte(bus.theirs);
    run_until([&] { return !sink.events.empty() && !other_sink.events.empty(); });
    settle();
    ASSERT_EQ(sink.events.size(), 1u);
    ASSERT_EQ(other_sink.events.size(), 1u);
    EXPECT_EQ(sink.events[0].who, records.key_of(web.ours));
    EXPECT_EQ(other_sink.events[0].who, records.key_of(bus.ours));
}

TEST_F(netpoll_test, one_that_was_released_in_the_same_batch_hears_nothing_nor_does_its_heir) {
    const line a = quiet_line();
    const line b = quiet_line();
    const connection_key keys[] = {records.key_of(a.ours), records.key_of(b.ours)};
    write_byte(a.theirs);
    write_byte(b.theirs);
    int times = 0;
    sink.then = [&](connection& c) { // whoever is first ends the other, whose cell goes to a newcomer at once
        connection& other = &c == &a.ours ? b.ours : a.ours;
        if (++times > 1) return;
        const auto cell = records.index_of(other);
        records.release(other);
        EXPECT_EQ(records.index_of(record_of(-1)), cell);
    };
    run_until([&] { return !sink.events.empty(); });
    settle();
    ASSERT_EQ(sink.events.size(), 1u);
    EXPECT_TRUE(sink.events[0].who == keys[0] || sink.events[0].who == keys[1]);
}

TEST_F(netpoll_test, an_edge_of_a_record_that_was_released_before_is_ignored) {
    const line made = quiet_line();
    records.release(made.ours); // its descriptor is still in the set
    write_byte(made.theirs);
    const auto wakeups = poll.counts().wakeups;
    run_until([&] { return poll.counts().wakeups > wakeups; });
    settle();
    EXPECT_TRUE(sink.events.empty());
}

TEST_F(netpoll_test, a_closed_descriptor_needs_no_farewell) {
    const line made = quiet_line();
    ASSERT_EQ(::close(made.ours.descriptor), 0);
    std::erase(descriptors, made.ours.descriptor);
    records.release(made.ours);
    const line next = quiet_line(); // most likely with the same number and in the same cell
    write_byte(next.theirs);
    run_until([&] { return !sink.events.empty(); });
    settle();
    ASSERT_EQ(sink.events.size(), 1u);
    EXPECT_EQ(sink.events[0].who, records.key_of(next.ours));
}

TEST_F(netpoll_test, a_forgotten_connection_hears_nothing_and_its_descriptor_lives_on) {
    const line made = quiet_line();
    poll.forget(made.ours);
    poll.forget(made.ours); // once more is nothing
    write_byte(made.theirs);
    settle();
    EXPECT_TRUE(sink.events.empty());
    char byte = 0;
    EXPECT_EQ(::read(made.ours.descriptor, &byte, 1), 1);
    ASSERT_TRUE(poll.watch(made.ours).has_value()) << "and it can come back";
    write_byte(made.theirs);
    run_until([&] { return !sink.events.empty(); });
    EXPECT_TRUE(sink.events.back().what.readable);
}

TEST_F(netpoll_test, what_cannot_be_watched_says_why) {
    EXPECT_EQ(poll.watch(record_of(-1)).error().value(), EBADF);
    const line made = quiet_line();
    EXPECT_EQ(poll.watch(made.ours).error().value(), EEXIST);
}

TEST_F(netpoll_test, more_than_one_batch_is_told_in_turns_between_which_others_have_theirs) {
    constexpr std::size_t many = 600;
    for (std::size_t i = 0; i < many; ++i) {
        const int descriptor = ::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
        ASSERT_GE(descriptor, 0);
        descriptors.push_back(descriptor);
        ASSERT_TRUE(poll.watch(record_of(descriptor)).has_value());
    }
    std::size_t told_when_the_other_ran = 0;
    sink.then = [&](connection&) {
        if (sink.events.size() > 1) return;
        boost::asio::post(context, [&] { told_when_the_other_ran = sink.events.size(); });
    };
    run_until([&] { return sink.events.size() >= many; });
    settle();
    EXPECT_EQ(sink.events.size(), many);
    EXPECT_EQ(poll.counts().events, many);
    EXPECT_GE(poll.counts().wakeups, 3u);
    EXPECT_GT(told_when_the_other_ran, 0u);
    EXPECT_LT(told_when_the_other_ran, many);
    std::vector<bool> seen(records.used());
    for (const heard& each : sink.events) seen[each.who.index] = true;
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), static_cast<std::ptrdiff_t>(many)) << "each of them once";
}

TEST_F(netpoll_test, a_connection_added_by_a_callback_is_told_of) {
    const line made = quiet_line();
    sink.then = [&](connection&) {
        sink.then = nullptr;
        write_byte(watched_line().theirs);
    };
    write_byte(made.theirs);
    run_until([&] { return sink.events.size() == 2; });
}

// --- turns

TEST_F(netpoll_test, what_one_look_has_found_is_a_turn) {
    const line first = quiet_line();
    const line second = quiet_line();
    turns.begins.clear();
    turns.ends.clear();
    write_byte(first.theirs);
    write_byte(second.theirs);
    run_until([&] { return sink.events.size() == 2; });
    EXPECT_EQ(turns.begins, std::vector<std::size_t>{0});
    EXPECT_EQ(turns.ends, std::vector<std::size_t>{2}) << "without a handler in between";
    settle();
    EXPECT_EQ(turns.ends.size(), 1u) << "a look that finds nothing is none";
}

TEST_F(netpoll_test, what_a_turn_has_no_time_for_is_told_in_the_next_behind_what_else_is_ready) {
    std::vector<line> lines;
    for (int i = 0; i < 5; ++i) lines.push_back(quiet_line());
    turns.ends.clear();
    turns.over_after = 2;
    std::size_t told_before_other = 0;
    sink.then = [&](connection&) {
        if (sink.events.size() == 1) {
            boost::asio::post(context, [&] { told_before_other = sink.events.size(); });
        }
    };
    for (const line& each : lines) write_byte(each.theirs);
    run_until([&] { return sink.events.size() == 5; });
    EXPECT_EQ(turns.ends, (std::vector<std::size_t>{2, 4, 5}));
    EXPECT_EQ(told_before_other, 2u);
    std::set<connection_key, bool (*)(connection_key, connection_key)> who{
        [](connection_key a, connection_key b) { return a.packed() < b.packed(); }};
    for (const heard& each : sink.events) who.insert(each.who);
    EXPECT_EQ(who.size(), 5u) << "each of them once";
}

TEST_F(netpoll_test, what_comes_while_a_batch_is_told_is_a_turn_of_its_own_right_after_it) {
    const line first = quiet_line();
    const line second = quiet_line();
    settle();
    const std::uint64_t wakeups = poll.counts().wakeups;
    bool other_ran = false;
    turns.ends.clear();
    sink.then = [&](connection& c) {
        if (&c == &first.ours) {
            boost::asio::post(context, [&] { other_ran = true; });
            write_byte(second.theirs);
        } else {
            EXPECT_FALSE(other_ran);
        }
    };
    write_byte(first.theirs);
    run_until([&] { return sink.events.size() == 2; });
    EXPECT_EQ(turns.ends, (std::vector<std::size_t>{1, 2}));
    EXPECT_EQ(poll.counts().wakeups - wakeups, 1u);
    settle();
    EXPECT_TRUE(other_ran);
}

TEST_F(netpoll_test, connections_that_are_always_ready_do_not_keep_others_waiting) {
    const line busy = quiet_line();
    std::size_t told_when_the_other_ran = 0;
    sink.then = [&](connection& c) {
        char byte = 0;
        ASSERT_EQ(::read(c.descriptor, &byte, 1), 1);
        if (sink.events.size() == 1) boost::asio::post(context, [&] { told_when_the_other_ran = sink.events.size(); });
        if (sink.events.size() < 10'000) write_byte(busy.theirs); // which is an edge of its own
    };
    write_byte(busy.theirs);
    run_until([&] { return told_when_the_other_ran > 0; });
    EXPECT_LE(told_when_the_other_ran, 256u);
    run_until([&] { return sink.events.size() == 10'000; });
}

TEST(netpoll, stopping_ends_the_loop_and_so_the_run) {
    boost::asio::io_context context{1};
    slab records{1};
    netpoll poll{context, records};
    poll.start();
    boost::asio::post(context, [&] { poll.stop(); });
    context.run();
    EXPECT_TRUE(context.stopped());
}

TEST(netpoll, stopping_within_a_callback_ends_the_loop) {
    boost::asio::io_context context{1};
    slab records{1};
    recording_sink sink{records};
    netpoll poll{context, records};
    poll.attach(owner::websocket, sink);
    poll.start();
    const int descriptor = ::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    auto* c = records.emplace<connection>(owner::websocket);
    c->descriptor = descriptor;
    ASSERT_TRUE(poll.watch(*c).has_value());
    sink.then = [&](connection&) { poll.stop(); };
    context.run();
    EXPECT_EQ(sink.events.size(), 1u);
    ::close(descriptor);
}

TEST(netpoll, one_that_was_never_started_may_end) {
    boost::asio::io_context context{1};
    slab records{1};
    netpoll poll{context, records};
    poll.stop();
    EXPECT_EQ(context.run(), 0u);
}

} // namespace
} // namespace carillon::net
