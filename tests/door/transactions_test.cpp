#include "resp/writer.hpp"
#include "support/test_shard.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace carillon::test {
namespace {

using metrics::resp_error;

std::string command(std::initializer_list<std::string_view> parts) {
    std::string out;
    resp::append_command(out, parts);
    return out;
}

std::string message(std::string_view channel, std::string_view payload, resp::version dialect = resp::version::resp2) {
    std::string out;
    resp::append_message(out, channel, payload, dialect);
    return out;
}

std::string times(std::size_t count, std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += text;
    return out;
}

std::string array_of(std::size_t count, std::string_view item) {
    return fmt::format("*{}\r\n{}", count, times(count, item));
}

peer subscriber(test_shard& shard, std::string_view channel) {
    peer program = shard.program(command({"SUBSCRIBE", channel}));
    program.take();
    return program;
}

// Two shards on the test's thread; what has to cross over waits until both are settled.
struct two_shards {
    explicit two_shards(const shard_options& how = {}) : near{how, bus, 0}, far{how, bus, 1} {}
    void settle() {
        for (int round = 0; round < 8; ++round) {
            near.settle();
            far.settle();
        }
    }
    // A channel whose order is made at the far one, so that its PUBLISH is answered later.
    std::string far_channel() const {
        for (int i = 0;; ++i) {
            std::string name = "channel" + std::to_string(i);
            if ((bus::channel_hash(name) >> 32) % 2 == 1) return name;
        }
    }
    bus::embedded_bus bus{2};
    test_shard near;
    test_shard far;
};

TEST(door_transactions, many_commands_are_carried_out_in_one_and_one_more_is_too_many) {
    for (const std::size_t commands : {4u, 5u}) {
        shard_options how;
        how.programs.transaction_commands_max = 4;
        test_shard shard{how};
        peer reader = subscriber(shard, "a");
        peer program = shard.program("MULTI\r\n" + times(commands, "PUBLISH a 1\r\n") + "EXEC\r\nPING\r\n");
        const bool allowed = commands == 4;
        EXPECT_EQ(program.take(), "+OK\r\n" + times(4, "+QUEUED\r\n") +
                                      (allowed ? array_of(4, ":1\r\n")
                                               : "-ERR more than 4 commands in a transaction\r\n"
                                                 "-EXECABORT Transaction discarded because of previous errors.\r\n") +
                                      "+PONG\r\n");
        EXPECT_EQ(reader.take(), times(allowed ? 4 : 0, message("a", "1")));
        EXPECT_EQ(shard.counters.resp_errors(resp_error::limit), allowed ? 0u : 1u);
        shard.expect_at_rest();
    }
}

TEST(door_transactions, its_bytes_are_limited_as_those_of_one_command) {
    shard_options how;
    how.programs.query_bytes_max = 2000;
    test_shard shard{how};
    peer reader = subscriber(shard, "a");
    const std::string publish = command({"PUBLISH", "a", std::string(400, 'x')});
    peer program = shard.program("MULTI\r\n" + times(5, publish) + "EXEC\r\n");
    const std::string heard = program.take();
    EXPECT_NE(heard.find("-ERR transaction is longer than 2000 bytes\r\n"), std::string::npos) << heard;
    EXPECT_TRUE(heard.ends_with("-EXECABORT Transaction discarded because of previous errors.\r\n")) << heard;
    EXPECT_EQ(reader.take(), "");
    EXPECT_EQ(shard.counters.resp_errors(resp_error::limit), 1u);
}

TEST(door_transactions, a_publisher_that_listens_hears_its_own_after_the_array) {
    test_shard shard;
    peer program = shard.program(command({"HELLO", "3"}) + command({"SUBSCRIBE", "a"}));
    program.take();
    // More than the hub holds: it delivers in the middle.
    const std::string payload(40'000, 'x');
    const std::string publish = command({"PUBLISH", "a", payload});
    program.write("MULTI\r\n" + times(5, publish) + "EXEC\r\nPING\r\n");
    shard.settle();
    EXPECT_EQ(program.take(), "+OK\r\n" + times(5, "+QUEUED\r\n") + array_of(5, ":1\r\n") +
                                  times(5, message("a", payload, resp::version::resp3)) + "+PONG\r\n");
}

TEST(door_transactions, the_array_is_complete_and_in_order_while_other_shards_count) {
    two_shards house;
    const std::string channel = house.far_channel();
    peer reader = subscriber(house.far, channel);
    peer program = house.near.program();
    program.write("MULTI\r\n" + command({"PUBLISH", channel, "1"}) + "ECHO x\r\n" + command({"PUBLISH", channel, "2"}) +
                  command({"PUBSUB", "NUMSUB", channel}) + "PUBSUB NUMPAT\r\n" + command({"PUBLISH", channel, "3"}) +
                  "SUBSCRIBE own\r\nPUBLISH own 4\r\nEXEC\r\nPING y\r\n");
    house.near.settle();
    EXPECT_EQ(program.take(), "+OK\r\n" + times(8, "+QUEUED\r\n")) << "half an array is not sent";
    house.settle();
    EXPECT_EQ(program.take(), fmt::format("*8\r\n:1\r\n$1\r\nx\r\n:1\r\n"
                                          "*2\r\n${0}\r\n{1}\r\n:1\r\n:0\r\n:1\r\n*3\r\n$9\r\n"
                                          "subscribe\r\n$3\r\nown\r\n:1\r\n:1\r\n",
                                          channel.size(), channel) +
                                  message("own", "4") + "*2\r\n$4\r\npong\r\n$1\r\ny\r\n");
    EXPECT_EQ(reader.take(), message(channel, "1") + message(channel, "2") + message(channel, "3"));
    program.hang_up();
    house.settle();
    house.near.expect_at_rest();
}

TEST(door_transactions, what_is_published_meanwhile_is_heard_after_the_array) {
    two_shards house;
    peer program = house.near.program(command({"HELLO", "3"}) + command({"SUBSCRIBE", "news"}));
    program.take();
    program.write("MULTI\r\n" + command({"PUBLISH", house.far_channel(), "1"}) + "PING\r\nEXEC\r\n");
    house.near.settle();
    EXPECT_EQ(program.take(), "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    house.near.publish("news", "2");
    EXPECT_EQ(program.take(), "");
    house.settle();
    EXPECT_EQ(program.take(), "*2\r\n:0\r\n+PONG\r\n" + message("news", "2", resp::version::resp3));
}

TEST(door_transactions, more_publications_than_may_wait_for_other_shards) {
    shard_options how;
    how.programs.unanswered_max = 8;
    two_shards house{how};
    const std::string publish = command({"PUBLISH", house.far_channel(), "1"});
    peer reader = subscriber(house.far, house.far_channel());
    peer program = house.near.program();
    const std::string one = "MULTI\r\n" + times(50, publish) + "EXEC\r\n";
    program.write(one + one + publish + "PING\r\n");
    for (int i = 0; i < 20; ++i) house.settle();
    const std::string answer = "+OK\r\n" + times(50, "+QUEUED\r\n") + array_of(50, ":1\r\n");
    EXPECT_EQ(program.take(), answer + answer + ":1\r\n+PONG\r\n");
    EXPECT_EQ(reader.take(), times(101, message(house.far_channel(), "1")));
    house.near.expect_at_rest();
}

TEST(door_transactions, cut_anywhere_they_say_the_same) {
    two_shards house;
    const std::string pipeline = "MULTI\r\n" + command({"PUBLISH", house.far_channel(), "1"}) + "PING\r\nEXEC\r\n" +
                                 command({"PUBLISH", house.far_channel(), "2"}) + "PING\r\n";
    for (std::size_t cut = 0; cut <= pipeline.size(); ++cut) {
        peer program = house.near.program(pipeline.substr(0, cut));
        program.write(pipeline.substr(cut));
        house.settle();
        EXPECT_EQ(program.take(), "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:0\r\n+PONG\r\n:0\r\n+PONG\r\n") << cut;
    }
}

TEST(door_transactions, who_ends_its_side_behind_one_gets_the_array) {
    two_shards house;
    peer program = house.near.program();
    program.write("MULTI\r\n" + command({"PUBLISH", house.far_channel(), "1"}) + "PUBSUB NUMPAT\r\nPING\r\nEXEC\r\n");
    program.end_sending();
    house.settle();
    EXPECT_EQ(program.take(), "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:0\r\n:0\r\n+PONG\r\n");
    EXPECT_TRUE(program.ended());
    house.near.expect_at_rest();
}

TEST(door_transactions, who_goes_in_the_middle_of_one_leaves_nothing_behind) {
    two_shards house;
    const std::string said = "MULTI\r\n" + command({"PUBLISH", house.far_channel(), "1"}) + "PUBSUB NUMPAT\r\nEXEC\r\n";
    peer program = house.near.program(said);
    peer another = house.near.program("CLIENT KILL TYPE normal\r\n");
    house.settle();
    program.take();
    EXPECT_TRUE(program.ended());
    { peer third = house.near.program(said); }
    house.settle();
    another.hang_up();
    house.settle();
    house.near.expect_at_rest();
}

TEST(door_transactions, an_array_longer_than_the_output_limit_ends_the_connection) {
    shard_options how;
    how.programs.output_bytes_max = 10'000;
    test_shard shard{how};
    peer program =
        shard.program("MULTI\r\n" + times(11, command({"ECHO", std::string(1000, 'x')})) + "EXEC\r\nPING\r\n");
    program.take();
    EXPECT_TRUE(program.ended());
    EXPECT_EQ(shard.counters.slow_consumers(metrics::connection_kind::resp), 1u);
    shard.expect_at_rest();
}

// --- the script of Laravel's broadcaster

constexpr std::string_view script = "for i = 2, #ARGV do\n  redis.call('publish', ARGV[i], ARGV[1])\nend";

TEST(door_transactions, a_long_one_goes_on_in_further_turns_with_others_in_between) {
    constexpr std::size_t commands = 100;
    shard_options how;
    how.turns.time_max = std::chrono::milliseconds{0};
    test_shard shard{how};
    peer reader = subscriber(shard, "a");
    peer program = shard.program();
    peer other = shard.program();
    program.write("MULTI\r\n" + times(commands, "PUBLISH a 1\r\n"));
    shard.settle();
    EXPECT_EQ(program.take(), "+OK\r\n" + times(commands, "+QUEUED\r\n"));
    program.write("EXEC\r\nPING\r\n");
    other.write("ECHO me\r\n");
    std::string answer;
    for (int handlers = 0; answer.empty() && handlers < 1000; ++handlers) {
        shard.context.restart();
        shard.context.poll_one();
        answer = other.take();
    }
    EXPECT_EQ(answer, "$2\r\nme\r\n");
    EXPECT_EQ(program.take(), "") << "it is in the middle of it";
    EXPECT_GT(shard.turns.waiting(), 0u);
    shard.settle();
    EXPECT_EQ(program.take(), array_of(commands, ":1\r\n") + "+PONG\r\n");
    EXPECT_EQ(reader.take(), times(commands, message("a", "1")));
    shard.expect_at_rest();
}

TEST(door_transactions, one_that_publishes_more_than_may_wait_makes_room_on_the_way) {
    constexpr std::size_t readers = 3;
    constexpr std::size_t commands = 20;
    shard_options how;
    how.deliveries.sends_per_turn = 1;
    how.deliveries.sends_waiting_max = readers;
    test_shard shard{how};
    std::vector<peer> hearing;
    for (std::size_t i = 0; i < readers; ++i) hearing.push_back(shard.program(command({"SUBSCRIBE", "a", "b"})));
    for (peer& each : hearing) each.take();
    peer program = shard.program();
    program.write("MULTI\r\n" + times(commands, "PUBLISH a 1\r\nPUBLISH b 2\r\n") + "EXEC\r\n");
    std::size_t most = 0;
    for (int handlers = 0; handlers < 10'000; ++handlers) {
        shard.context.restart();
        shard.context.poll_one();
        most = std::max(most, shard.waiting.sends_waiting());
    }
    EXPECT_GT(most, readers);
    EXPECT_LE(most, 2 * readers) << "one publication more than may wait";
    EXPECT_EQ(program.take(), "+OK\r\n" + times(2 * commands, "+QUEUED\r\n") + array_of(2 * commands, ":3\r\n"));
    for (peer& each : hearing) EXPECT_EQ(each.take(), times(commands, message("a", "1") + message("b", "2")));
    shard.expect_at_rest();
}

TEST(door_transactions, a_subscriber_changes_its_dialect_in_one_when_it_has_heard_what_came_before) {
    shard_options how;
    how.deliveries.sends_per_turn = 1;
    test_shard shard{how};
    peer other = subscriber(shard, "a");
    peer listener = shard.program("HELLO 3\r\n" + command({"SUBSCRIBE", "a"}));
    listener.take();
    peer publisher = shard.program();
    publisher.write("PUBLISH a 1\r\nPUBLISH a 2\r\n");
    listener.write("MULTI\r\nHELLO 2\r\nEXEC\r\n");
    shard.settle();
    const std::string heard = listener.take();
    EXPECT_NE(heard.find(message("a", "2", resp::version::resp3)), std::string::npos) << heard;
    publisher.write("PUBLISH a 3\r\n");
    shard.settle();
    EXPECT_EQ(listener.take(), message("a", "3"));
    EXPECT_EQ(other.take(), message("a", "1") + message("a", "2") + message("a", "3"));
}

TEST(door_transactions, one_that_waits_for_a_turn_and_goes_leaves_nothing_behind) {
    shard_options how;
    how.turns.time_max = std::chrono::milliseconds{0};
    test_shard shard{how};
    peer program = shard.program();
    program.write("MULTI\r\n" + times(100, "PUBLISH a 1\r\n"));
    shard.settle();
    program.take();
    program.write("EXEC\r\n");
    for (int handlers = 0; shard.turns.waiting() == 0 && handlers < 1000; ++handlers) {
        shard.context.restart();
        shard.context.poll_one();
    }
    EXPECT_EQ(shard.turns.waiting(), 1u);
    shard.door.drop_all();
    shard.expect_empty();
    EXPECT_EQ(shard.turns.waiting(), 0u);
}

TEST(door_scripts, one_script_is_known_however_it_is_indented) {
    struct known_or_not {
        const char* name;
        std::string text;
        bool known;
    };
    const known_or_not cases[] = {
        {"as it is", std::string{script}, true},
        {"indented, with CR LF", "\r\n  for i = 2, #ARGV do\r\n\tredis.call('publish', ARGV[i], ARGV[1])\r\n  end\r\n",
         true},
        {"nothing", "", false},
        {"a part of it", std::string{script.substr(0, script.size() - 1)}, false},
        {"more than it", std::string{script} + " return 1", false},
        {"another command", "for i = 2, #ARGV do\n  redis.call('spublish', ARGV[i], ARGV[1])\nend", false},
        {"a blank that is not there", "for i=2, #ARGV do\n  redis.call('publish', ARGV[i], ARGV[1])\nend", false},
    };
    for (const known_or_not& each : cases) {
        SCOPED_TRACE(each.name);
        test_shard shard;
        peer reader = subscriber(shard, "a");
        peer program = shard.program(command({"EVAL", each.text, "0", "{}", "a", "b", "a"}));
        EXPECT_EQ(program.take(), each.known ? "$-1\r\n"
                                             : "-ERR there are no scripts here but that of "
                                               "Laravel's Redis broadcaster; "
                                               "use PUBLISH, and MULTI for several\r\n");
        EXPECT_EQ(reader.take(), times(each.known ? 2 : 0, message("a", "{}")));
    }
}

TEST(door_scripts, it_reaches_all_channels_or_none) {
    test_shard shard;
    peer reader = subscriber(shard, "a");
    peer program = shard.program(command({"EVAL", script, "0", "x", "a", std::string(256, 'c')}));
    EXPECT_EQ(program.take(), "-ERR channel is longer than 255 bytes\r\n");
    EXPECT_EQ(reader.take(), "");
}

TEST(door_scripts, its_reply_comes_when_all_shards_have_it) {
    two_shards house;
    const std::string channel = house.far_channel();
    peer reader = subscriber(house.far, channel);
    peer program = house.near.program(command({"HELLO", "3"}));
    program.take();
    const std::string eval = command({"EVAL", script, "0", "1", channel, "x", channel});
    program.write("PING\r\n" + eval + "PING\r\nMULTI\r\n" + eval + "PING\r\nEXEC\r\n");
    house.near.settle();
    EXPECT_EQ(program.take(), "+PONG\r\n");
    house.settle();
    EXPECT_EQ(program.take(), "_\r\n+PONG\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n_\r\n+PONG\r\n");
    EXPECT_EQ(reader.take(), times(4, message(channel, "1")));
    program.hang_up();
    house.settle();
    house.near.expect_at_rest();
}

} // namespace
} // namespace carillon::test
