#include "resp/writer.hpp"
#include "support/allocations.hpp"
#include "support/test_shard.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace carillon::test {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;

std::string command(std::initializer_list<std::string_view> parts) {
    std::string out;
    resp::append_command(out, parts);
    return out;
}

peer subscriber(test_shard& shard, std::string_view channel, bool resp3 = false) {
    peer program = shard.program((resp3 ? command({"HELLO", "3"}) : "") + command({"SUBSCRIBE", channel}));
    program.take();
    return program;
}

std::string message(std::string_view channel, std::string_view payload, resp::version dialect = resp::version::resp2) {
    std::string out;
    resp::append_message(out, channel, payload, dialect);
    return out;
}

TEST(door_delivery, programs_and_browsers_on_a_channel_hear_a_publication_once_each) {
    test_shard shard;
    peer old_program = subscriber(shard, "a");
    peer new_program = subscriber(shard, "a", true);
    ws_client browser = shard.connected("a");
    peer elsewhere = subscriber(shard, "b");
    peer publisher = shard.program(command({"PUBLISH", "a", "{\"bell\":1}"}));
    EXPECT_EQ(publisher.take(), ":3\r\n");
    EXPECT_EQ(old_program.take(), message("a", "{\"bell\":1}"));
    EXPECT_EQ(new_program.take(), message("a", "{\"bell\":1}", resp::version::resp3));
    EXPECT_EQ(browser.heard(), words{R"({"push":{"channel":"a","pub":{"data":{"bell":1}}}})"});
    EXPECT_EQ(elsewhere.take(), "");
    // What a browser publishes, programs hear without its info.
    browser.say(R"({"id":3,"publish":{"channel":"a","data":[ 1 ]}})");
    shard.settle();
    EXPECT_EQ(old_program.take(), message("a", "[ 1 ]"));
    EXPECT_EQ(new_program.take(), message("a", "[ 1 ]", resp::version::resp3));
    // Text becomes a JSON string for browsers only.
    browser.heard();
    publisher.write(command({"PUBLISH", "a", "say \"hi\""}));
    shard.settle();
    EXPECT_EQ(old_program.take(), message("a", "say \"hi\""));
    EXPECT_EQ(browser.heard(), words{R"({"push":{"channel":"a","pub":{"data":"say \"hi\""}}})"});
}

TEST(door_delivery, a_pipeline_of_any_depth_is_answered_in_order) {
    test_shard shard;
    peer reader = subscriber(shard, "a");
    peer publisher = shard.program();
    std::string pipeline;
    std::string replies;
    std::string messages;
    for (int i = 0; i < 5000; ++i) {
        const std::string number = std::to_string(i);
        pipeline += command({"PUBLISH", "a", number}) + command({"ECHO", number});
        replies += ":1\r\n";
        resp::append_bulk(replies, number);
        messages += message("a", number);
    }
    std::string heard;
    std::string read;
    for (std::string_view left = pipeline; !left.empty();) {
        left.remove_prefix(publisher.write_some(left.substr(0, 50'000)));
        shard.settle();
        heard += publisher.take();
        read += reader.take();
        shard.settle();
    }
    for (int i = 0; i < 100; ++i) {
        shard.settle();
        heard += publisher.take();
        read += reader.take();
    }
    EXPECT_EQ(heard, replies);
    EXPECT_EQ(read, messages);
    shard.expect_at_rest();
}

TEST(door_delivery, a_subscriber_that_publishes_hears_its_confirmation_first) {
    test_shard shard;
    peer program = shard.program(command({"HELLO", "3"}));
    program.take();
    program.write(command({"SUBSCRIBE", "a"}) + command({"PUBLISH", "a", "1"}) + command({"PUBLISH", "b", "2"}));
    shard.settle();
    EXPECT_EQ(program.take(),
              ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n" + message("a", "1", resp::version::resp3) + ":1\r\n:0\r\n");
}

TEST(door_delivery, a_command_of_the_largest_size_is_gathered_from_its_pieces) {
    shard_options how;
    how.programs.payload_bytes_max = 1'000'000;
    test_shard shard{how};
    peer reader = subscriber(shard, "a");
    peer publisher = shard.program();
    const std::string payload(900'000, 'x');
    const std::string bytes = command({"PUBLISH", "a", payload});
    std::string heard;
    for (std::string_view left = bytes; !left.empty();) {
        left.remove_prefix(publisher.write_some(left.substr(0, 10'000)));
        shard.settle();
    }
    for (int i = 0; i < 100; ++i) {
        heard += reader.take();
        shard.settle();
    }
    EXPECT_EQ(heard, message("a", payload));
    EXPECT_EQ(publisher.take(), ":1\r\n");
    shard.expect_at_rest();
}

TEST(door_delivery, a_reader_that_does_not_read_is_dropped_at_the_bound_and_the_others_lose_nothing) {
    shard_options how;
    how.programs.output_bytes_max = 1'000'000;
    test_shard shard{how};
    peer slow = subscriber(shard, "a");
    peer quick = subscriber(shard, "a");
    const std::string payload(50'000, 'x');
    for (int i = 0; i < 40; ++i) {
        shard.publish("a", '"' + payload + '"');
        EXPECT_EQ(quick.take(), message("a", '"' + payload + '"'));
        EXPECT_LE(shard.counters.outbox_bytes, 1'000'000);
        shard.settle();
    }
    EXPECT_EQ(shard.counters.slow_consumers(metrics::connection_kind::resp), 1u);
    EXPECT_EQ(shard.door.open(), 1u);
    EXPECT_EQ(shard.subscribers.subscribers("a"), 1u);
    EXPECT_EQ(shard.counters.connections_closed.resp(), 1u);
    shard.expect_at_rest();
    quick.hang_up();
    shard.expect_empty();
}

TEST(door_delivery, replies_that_are_not_read_count_against_the_bound_too) {
    shard_options how;
    how.programs.output_bytes_max = 500'000;
    test_shard shard{how};
    peer program = shard.program();
    const std::string echo = command({"ECHO", std::string(10'000, 'x')});
    for (int i = 0; i < 200 && shard.door.open() == 1; ++i) {
        program.write(echo);
        shard.settle();
    }
    EXPECT_EQ(shard.counters.slow_consumers(metrics::connection_kind::resp), 1u);
    shard.expect_empty();
}

TEST(door_delivery, one_who_has_quit_is_no_receiver_any_more) {
    test_shard shard;
    peer program = subscriber(shard, "a");
    program.write(command({"QUIT"}));
    shard.settle();
    EXPECT_EQ(program.take(), "+OK\r\n");
    EXPECT_TRUE(program.ended());
    // It has not closed its side yet, but Redis would not count it either.
    peer publisher = shard.program(command({"PUBLISH", "a", "1"}));
    EXPECT_EQ(publisher.take(), ":0\r\n");
    shard.advance(5100ms); // close_timeout
    EXPECT_EQ(shard.door.open(), 1u);
}

TEST(door_delivery, connections_over_the_limit_are_told_so) {
    shard_options how;
    how.programs.connections_max = 1;
    test_shard shard{how};
    peer first = shard.program();
    peer second = shard.program();
    EXPECT_EQ(second.take(), "-ERR max number of clients reached\r\n");
    EXPECT_TRUE(second.ended());
    first.write("PING\r\n");
    shard.settle();
    EXPECT_EQ(first.take(), "+PONG\r\n");
    EXPECT_EQ(shard.counters.accept_errors(metrics::accept_error::connection_limit), 1u);
}

TEST(door_delivery, a_program_that_goes_within_a_command_leaves_nothing) {
    const std::string bytes = command({"PUBLISH", "a", "1"});
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        test_shard shard;
        peer program = shard.program(std::string_view{bytes}.substr(0, cut));
        EXPECT_EQ(shard.counters.partial_bytes, static_cast<std::int64_t>(cut));
        program.hang_up();
        shard.expect_empty();
    }
}

TEST(door_delivery, allocates_nothing_for_a_publication_from_command_to_delivery) {
    test_shard shard;
    std::vector<peer> readers;
    for (int i = 0; i < 50; ++i) readers.push_back(subscriber(shard, "a", i % 2 == 0));
    const ws_client browser = shard.connected("a");
    const peer publisher = shard.program();
    const std::string bytes = command({"PUBLISH", "a", "{\"bell\":1}"}) + command({"PING"});
    std::array<char, 4096> buffer;
    const auto publish_one = [&] {
        publisher.write(bytes);
        shard.settle();
        for (const peer& each : readers) (void)::recv(each.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        (void)::recv(browser.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        (void)::recv(publisher.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    };
    for (int i = 0; i < 20; ++i) publish_one();
    EXPECT_EQ(allocations_during([&] {
                  for (int i = 0; i < 100; ++i) publish_one();
              }),
              0u);
}

// The same script of failures as for browsers: every socket call of a program's connection fails once.
std::string lead_a_life(std::uint64_t strike_at, mishap what, bool& struck) {
    test_shard shard;
    peer bystander = subscriber(shard, "a");
    auto [mine, near] = socket_pair();
    script = {.victim = mine, .strike_at = strike_at, .what = what};
    const auto step = [&](std::string_view bytes) {
        near.write(bytes);
        shard.settle();
        if (script.struck) shard.nudge(mine);
        near.read();
    };
    shard.accept(shard.door, mine);
    step("");
    step(command({"HELLO", "3"}));
    step(command({"SUBSCRIBE", "a"}).substr(0, 10));
    step(command({"SUBSCRIBE", "a"}).substr(10));
    step(command({"PUBLISH", "a", "1"}) + command({"PING"}));
    shard.publish("a", "2");
    step("");
    step(command({"QUIT"}));
    near.read();
    struck = script.struck;
    std::string heard = near.take();
    near.hang_up();
    step("");
    EXPECT_EQ(shard.door.open(), 1u);
    shard.expect_at_rest();
    bystander.hang_up();
    shard.expect_empty();
    EXPECT_EQ(script.closes, 2u);
    script = {};
    return heard;
}

TEST(door_delivery, failures_at_every_socket_call_are_survived) {
    bool struck = false;
    const std::string undisturbed = lead_a_life(0, mishap::reset, struck);
    ASSERT_TRUE(undisturbed.ends_with("+OK\r\n"));
    for (const mishap what : mishaps) {
        struck = true;
        for (std::uint64_t k = 1; struck; ++k) {
            SCOPED_TRACE(fmt::format("{} at call {}", name_of(what), k));
            const std::string heard = lead_a_life(k, what, struck);
            if (is_fatal(what)) {
                EXPECT_TRUE(undisturbed.starts_with(heard));
            } else {
                EXPECT_EQ(heard, undisturbed);
            }
            if (HasFailure()) return;
        }
    }
}

} // namespace
} // namespace carillon::test
