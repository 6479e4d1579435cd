#include "resp/writer.hpp"
#include "support/test_shard.hpp"

#include <deque>
#include <string>

namespace carillon::test {
namespace {

using namespace std::chrono_literals;

shard_options with_password() {
    shard_options how;
    how.programs.password = "secret";
    how.programs.auth_timeout = 10s;
    how.programs.close_timeout = 5s;
    return how;
}

std::string command(std::initializer_list<std::string_view> parts) {
    std::string out;
    resp::append_command(out, parts);
    return out;
}

struct large_command {
    const char* name;
    std::string bytes;
    const char* heard;
};
const large_command large_commands[] = {
    {"as many arguments as allowed", "*10\r\n$4\r\nPING\r\n" + std::string(0, ' '), ""},
    {"an argument more", "*11\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n"},
    {"an argument as long as allowed", "*2\r\n$4\r\nECHO\r\n$16384\r\n", ""},
    {"a longer argument", "*2\r\n$4\r\nECHO\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n"},
};

TEST(door_login, before_it_commands_are_small_wherever_they_are_cut) {
    for (const large_command& each : large_commands) {
        SCOPED_TRACE(each.name);
        const bool ends = *each.heard != '\0';
        for (const char* before : {"", "AUTH x\r\n", "AUTH secret\r\nRESET\r\n"}) {
            const std::string bytes = before + each.bytes;
            for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
                test_shard shard{with_password()};
                peer program = shard.program(std::string_view{bytes}.substr(0, cut));
                program.write(std::string_view{bytes}.substr(cut));
                shard.settle();
                EXPECT_TRUE(program.take().ends_with(each.heard));
                EXPECT_EQ(program.ended(), ends);
                program.hang_up();
                shard.expect_empty();
            }
        }
    }
}

TEST(door_login, after_it_commands_may_be_large_in_the_same_burst) {
    test_shard shard{with_password()};
    const std::string large(20'000, 'x');
    peer program = shard.program(command({"AUTH", "secret"}));
    program.write(command({"ECHO", large}) +
                  command({"PUBSUB", "NUMSUB", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
    shard.settle();
    const std::string heard = program.take();
    EXPECT_TRUE(heard.starts_with("+OK\r\n$20000\r\n" + large + "\r\n*18\r\n")) << heard.substr(0, 100);
}

TEST(door_login, who_does_not_log_in_in_time_is_cut_and_counted) {
    test_shard shard{with_password()};
    peer silent = shard.program();
    peer talking = shard.program("PING\r\nAUTH wrong\r\n");
    peer half = shard.program("*2\r\n$4\r\nAUTH\r\n$6\r\nsec");
    peer resetting = shard.program();
    peer leaving = shard.program("QUIT\r\n");
    peer known = shard.program("AUTH secret\r\n");
    peer greeted = shard.program("HELLO 3 AUTH default secret\r\n");
    peer forgotten = shard.program("AUTH secret\r\n");
    shard.advance(9'900ms);
    forgotten.write("RESET\r\n");
    resetting.write("RESET\r\n");
    shard.settle();
    for (peer* each : {&silent, &talking, &half, &resetting}) {
        each->read();
        EXPECT_FALSE(each->ended());
    }
    EXPECT_EQ(shard.counters.auth_timeouts, 0u);
    shard.advance(300ms);
    for (peer* each : {&silent, &talking, &half, &resetting}) {
        each->read();
        EXPECT_TRUE(each->ended());
    }
    EXPECT_EQ(shard.counters.auth_timeouts, 4u);
    // Who has logged in may be silent for as long as it likes; who has logged out, as long as who has just come.
    shard.advance(9s);
    forgotten.read();
    EXPECT_FALSE(forgotten.ended());
    shard.advance(2s);
    forgotten.read();
    EXPECT_TRUE(forgotten.ended());
    EXPECT_EQ(shard.counters.auth_timeouts, 5u);
    shard.advance(1h);
    for (peer* each : {&known, &greeted}) {
        each->take();
        EXPECT_FALSE(each->ended());
        each->write("PING\r\n");
        shard.settle();
        EXPECT_EQ(each->take(), "+PONG\r\n");
        each->hang_up();
    }
    EXPECT_EQ(shard.counters.auth_timeouts, 5u) << "who said QUIT is no such case";
    shard.expect_empty();
}

TEST(door_login, silent_connections_hold_their_places_no_longer_than_that) {
    shard_options how = with_password();
    how.programs.connections_max = 3;
    test_shard shard{how};
    std::deque<peer> silent;
    for (int i = 0; i < 3; ++i) silent.push_back(shard.program());
    peer refused = shard.program("AUTH secret\r\n");
    EXPECT_EQ(refused.take(), "-ERR max number of clients reached\r\n");
    shard.advance(10'200ms);
    peer accepted = shard.program("AUTH secret\r\n");
    EXPECT_EQ(accepted.take(), "+OK\r\n");
}

TEST(door_login, for_who_has_not_logged_in_little_is_kept) {
    test_shard shard{with_password()};
    peer program = shard.open(shard.door, {}, 4096);
    std::string pings;
    for (int i = 0; i < 500; ++i) pings += "PING\r\n";
    int rounds = 0;
    for (; rounds < 100 && shard.door.open() > 0; ++rounds) {
        program.write(pings);
        shard.settle();
        EXPECT_LT(shard.counters.outbox_bytes, 128 * 1024);
    }
    EXPECT_EQ(shard.door.open(), 0u);
    EXPECT_GT(rounds, 2);
    EXPECT_EQ(shard.counters.slow_consumers(metrics::connection_kind::resp), 1u);
    shard.expect_empty();
    // Who has logged in is waited for.
    peer known = shard.open(shard.door, "AUTH secret\r\n", 4096);
    for (int i = 0; i < 100; ++i) {
        known.write(pings);
        shard.settle();
    }
    EXPECT_EQ(shard.door.open(), 1u);
}

TEST(door_login, without_a_password_nobody_has_a_deadline) {
    test_shard shard;
    peer silent = shard.program();
    EXPECT_EQ(shard.wheel.size(), 0u);
    shard.advance(1h);
    silent.read();
    EXPECT_FALSE(silent.ended());
}

} // namespace
} // namespace carillon::test
