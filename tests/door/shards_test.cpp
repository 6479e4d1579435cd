#include "resp/writer.hpp"
#include "support/test_shard.hpp"

#include <iterator>
#include <list>
#include <memory>
#include <random>
#include <set>
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

std::string message(std::string_view channel, std::string_view payload, resp::version dialect = resp::version::resp2) {
    std::string out;
    resp::append_message(out, channel, payload, dialect);
    return out;
}

// Several shards on the one thread of the test: what happens between them happens when they are settled, one after the
// other.
struct test_house {
    explicit test_house(std::uint32_t count, const shard_options& how = {}, std::uint32_t in_flight_max = 65536)
        : bus{count, in_flight_max} {
        for (std::uint32_t i = 0; i < count; ++i) shards.push_back(std::make_unique<test_shard>(how, bus, i));
    }

    // A publication visits up to four shards one after the other.
    void settle() {
        for (int round = 0; round < 8; ++round) {
            for (const auto& each : shards) each->settle();
        }
    }
    std::uint32_t home_of(std::string_view channel) const {
        return static_cast<std::uint32_t>((bus::channel_hash(channel) >> 32) % shards.size());
    }
    // A channel whose order is made at `shard`.
    std::string channel_at(std::uint32_t shard) const {
        for (int i = 0;; ++i) {
            std::string name = "channel" + std::to_string(i);
            if (home_of(name) == shard) return name;
        }
    }
    test_shard& operator[](std::size_t index) { return *shards[index]; }

    bus::embedded_bus bus;
    std::vector<std::unique_ptr<test_shard>> shards;
};

peer subscriber(test_shard& shard, std::string_view channel) {
    peer program = shard.program(command({"SUBSCRIBE", channel}));
    program.take();
    return program;
}

TEST(door_shards, a_publication_reaches_every_shard_once_and_all_are_counted) {
    for (std::uint32_t home = 0; home < 3; ++home) {
        test_house house{3};
        const std::string channel = house.channel_at(home);
        std::vector<peer> readers;
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t n = 0; n <= i; ++n) readers.push_back(subscriber(house[i], channel));
        }
        ws_client browser = house[1].connected(channel);
        for (std::size_t from = 0; from < 3; ++from) {
            peer publisher = house[from].program(command({"PUBLISH", channel, "1"}));
            house.settle();
            EXPECT_EQ(publisher.take(), ":7\r\n") << "from " << from << ", home " << home;
            for (peer& each : readers) EXPECT_EQ(each.take(), message(channel, "1"));
            EXPECT_EQ(browser.heard().size(), 1u);
        }
        // Nobody on a shard: it is not asked, and the count is right.
        readers.clear();
        house.settle();
        peer publisher = house[2].program(command({"PUBLISH", channel, "1"}));
        house.settle();
        EXPECT_EQ(publisher.take(), ":1\r\n");
    }
}

TEST(door_shards, replies_of_a_pipeline_keep_their_order_while_the_shards_count) {
    test_house house{3};
    peer reader = subscriber(house[1], house.channel_at(1));
    peer publisher = house[0].program();
    std::string pipeline;
    std::string expected;
    for (int i = 0; i < 300; ++i) {
        const auto home = static_cast<std::uint32_t>(i % 3);
        pipeline += command({"PUBLISH", house.channel_at(home), std::to_string(i)}) +
                    command({"ECHO", std::to_string(i)}) + (i % 7 == 0 ? "GET\r\n" : "");
        expected += home == 1 ? ":1\r\n" : ":0\r\n";
        resp::append_bulk(expected, std::to_string(i));
        if (i % 7 == 0) expected += "-ERR unknown command 'GET', with args beginning with: \r\n";
    }
    publisher.write(pipeline);
    house.settle();
    EXPECT_EQ(publisher.take(), expected);
    std::string messages;
    for (int i = 1; i < 300; i += 3) messages += message(house.channel_at(1), std::to_string(i));
    EXPECT_EQ(reader.take(), messages);
    house[0].expect_at_rest();
}

TEST(door_shards, a_pipeline_cut_anywhere_says_the_same) {
    test_house house{2};
    const std::string channel = house.channel_at(1);
    const std::string pipeline = command({"PUBLISH", channel, "1"}) + command({"PING"}) + "PING\r\n" +
                                 command({"PUBLISH", house.channel_at(0), "2"}) + command({"ECHO", "x"});
    for (std::size_t cut = 0; cut <= pipeline.size(); ++cut) {
        for (const bool answered_between : {false, true}) {
            peer publisher = house[0].program(std::string_view{pipeline}.substr(0, cut));
            if (answered_between) house.settle();
            publisher.write(std::string_view{pipeline}.substr(cut));
            house.settle();
            EXPECT_EQ(publisher.take(), ":0\r\n+PONG\r\n+PONG\r\n:0\r\n$1\r\nx\r\n");
            house[0].expect_at_rest();
        }
    }
}

TEST(door_shards, one_who_waits_for_too_many_answers_is_not_read_until_half_have_come) {
    shard_options how;
    how.programs.unanswered_max = 8;
    test_house house{2, how};
    const std::string channel = house.channel_at(1);
    peer publisher = house[0].program();
    std::string pipeline;
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        pipeline += command({"PUBLISH", channel, "1"}) + command({"PING"});
        expected += ":0\r\n+PONG\r\n";
    }
    publisher.write(pipeline);
    house[0].settle();
    EXPECT_EQ(house[0].broker.in_flight(), 8u);
    // More comes and is left in the kernel.
    const std::uint64_t received = house[0].counters.bytes_received;
    publisher.write(pipeline);
    house[0].settle();
    EXPECT_EQ(house[0].counters.bytes_received, received);
    EXPECT_EQ(house[0].broker.in_flight(), 8u);
    for (int i = 0; i < 100; ++i) house.settle();
    EXPECT_EQ(publisher.take(), expected + expected);
    EXPECT_EQ(house[0].broker.in_flight(), 0u);
    house[0].expect_at_rest();
}

TEST(door_shards, one_who_goes_while_it_waits_leaves_nothing) {
    shard_options how;
    how.programs.unanswered_max = 4;
    for (int published = 1; published < 8; ++published) {
        test_house house{2, how};
        peer publisher = house[0].program();
        std::string pipeline;
        for (int i = 0; i < published; ++i) pipeline += command({"PUBLISH", house.channel_at(1), "1"});
        publisher.write(pipeline);
        house[0].settle();
        publisher.hang_up();
        house[0].settle();
        house.settle();
        house[0].expect_empty();
        EXPECT_EQ(house[0].broker.in_flight(), 0u);
    }
}

TEST(door_shards, one_who_quits_while_it_waits_gets_its_answers_and_the_end) {
    shard_options how;
    how.programs.unanswered_max = 4;
    for (int published = 1; published < 12; ++published) {
        test_house house{2, how};
        peer publisher = house[0].program();
        std::string pipeline;
        std::string expected;
        for (int i = 0; i < published; ++i) {
            pipeline += command({"PUBLISH", house.channel_at(1), "1"});
            expected += ":0\r\n";
        }
        publisher.write(pipeline + command({"QUIT"}) + command({"PING"}));
        house[0].settle();
        // What comes after a QUIT is not run, and not kept either.
        const std::int64_t kept = house[0].counters.partial_bytes;
        publisher.write(std::string(5'000, 'x'));
        house[0].settle();
        EXPECT_EQ(house[0].counters.partial_bytes, kept);
        for (int i = 0; i < 4; ++i) house.settle();
        EXPECT_EQ(publisher.take(), expected + "+OK\r\n");
        EXPECT_TRUE(publisher.ended());
        publisher.hang_up();
        house[0].expect_empty();
    }
}

// In RESP2 a message between a PUBLISH and its reply would be taken for the reply, and one before the confirmation of
// its channel would belong to nothing.
TEST(door_shards, no_message_overtakes_the_replies_before_the_confirmation_of_its_channel) {
    test_house house{2};
    const std::string channel = house.channel_at(0);
    peer program = house[0].program();
    program.write(command({"PUBLISH", house.channel_at(1), "1"}) + command({"SUBSCRIBE", channel}) + command({"PING"}));
    house[0].settle();
    house[0].publish(channel, "2"); // before the other shard has answered
    house.settle();
    const std::string confirmed = ":0\r\n*3\r\n$9\r\nsubscribe\r\n" + [&] {
        std::string bulk;
        resp::append_bulk(bulk, channel);
        return bulk;
    }() + ":1\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n";
    const std::string heard = program.take();
    EXPECT_TRUE(heard == confirmed || heard == confirmed + message(channel, "2")) << heard;
    house[0].publish(channel, "3");
    EXPECT_EQ(program.take(), message(channel, "3"));
    house[0].expect_at_rest();
}

TEST(door_shards, more_publications_on_their_way_than_allowed_wait_for_their_own_or_are_refused) {
    test_house house{2, {}, 3};
    peer publisher = house[0].program();
    std::string pipeline;
    for (int i = 0; i < 5; ++i) pipeline += command({"PUBLISH", house.channel_at(1), "1"});
    publisher.write(pipeline + command({"PING"}));
    house[0].settle();
    peer another = house[0].program(command({"PUBLISH", house.channel_at(1), "1"}));
    EXPECT_EQ(another.take(), "-ERR too many publications are on their way\r\n");
    house.settle();
    EXPECT_EQ(publisher.take(), ":0\r\n:0\r\n:0\r\n:0\r\n:0\r\n+PONG\r\n");
    publisher.write(pipeline.substr(0, pipeline.size() / 5));
    house.settle();
    EXPECT_EQ(publisher.take(), ":0\r\n");
    // A browser has one on its way at a time: its replies come in the order of its commands, and none is refused.
    ws_client browser = house[0].connected();
    browser.say(fmt::format(R"({{"id":2,"publish":{{"channel":"{0}","data":0}}}})"
                            "\n"
                            R"({{"id":3,"publish":{{"channel":"{0}","data":0}}}})"
                            "\n"
                            R"({{"id":4,"publish":{{"channel":"{0}","data":0}}}})"
                            "\n"
                            R"({{"id":5,"publish":{{"channel":"{0}","data":0}}}})",
                            house.channel_at(1)));
    house.settle();
    EXPECT_EQ(browser.heard(), (words{R"({"id":2,"publish":{}})", R"({"id":3,"publish":{}})",
                                      R"({"id":4,"publish":{}})", R"({"id":5,"publish":{}})"}));
}

// As `printf 'PUBLISH ...' | nc -N`: Redis answers before it reads that the peer has ended its side.
TEST(door_shards, who_ends_its_side_behind_its_commands_gets_the_answers) {
    test_house house{2};
    const std::string publish = command({"PUBLISH", house.channel_at(1), "1"});
    struct parting {
        const char* name;
        std::string said;
        std::string heard;
    };
    const parting partings[] = {
        {"one publication", publish, ":0\r\n"},
        {"several, with other commands", publish + "PING\r\n" + publish + "ECHO x\r\n",
         ":0\r\n+PONG\r\n:0\r\n$1\r\nx\r\n"},
        {"a question to all shards, and what waits for it", "PUBSUB NUMPAT\r\nPING\r\nPUBSUB NUMPAT\r\n" + publish,
         ":0\r\n+PONG\r\n:0\r\n:0\r\n"},
        {"a subscription that waits for a publication", publish + "SUBSCRIBE a\r\n",
         ":0\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"},
        {"half a command behind it", publish + "*2\r\n$4\r\nPI", ":0\r\n"},
        {"QUIT behind it", publish + "QUIT\r\n", ":0\r\n+OK\r\n"},
    };
    for (const parting& each : partings) {
        SCOPED_TRACE(each.name);
        for (const bool at_once : {true, false}) {
            auto [mine, program] = socket_pair();
            if (at_once) {
                program.write(each.said);
                program.end_sending();
                house[0].accept(house[0].door, mine);
            } else {
                house[0].accept(house[0].door, mine);
                house[0].settle();
                program.write(each.said);
                program.end_sending();
            }
            house[0].settle(); // the end has been read, and the other shard has not answered
            house.settle();
            EXPECT_EQ(program.take(), each.heard);
            EXPECT_TRUE(program.ended());
            house[0].expect_empty();
        }
    }
}

TEST(door_shards, who_ends_its_side_and_is_never_answered_is_dropped_at_the_deadline) {
    test_house house{2};
    const std::string publish = command({"PUBLISH", house.channel_at(1), "1"});
    peer program = house[0].program(publish);
    program.end_sending();
    house[0].settle();
    EXPECT_EQ(house[0].door.open(), 1u);
    house[0].advance(4'900ms);
    EXPECT_EQ(house[0].door.open(), 1u);
    house[0].advance(300ms);
    program.read();
    EXPECT_TRUE(program.ended());
    house[0].expect_empty();
    EXPECT_EQ(house[0].counters.auth_timeouts, 0u);
    house.settle(); // the answer comes to nobody
}

TEST(door_shards, who_ends_its_side_with_replies_that_wait_for_room_gets_them) {
    test_house house{1};
    peer program = house[0].open(house[0].door, {}, 4096);
    const std::string text(60'000, 'x');
    program.write(command({"SUBSCRIBE", "a"}) + command({"PING", text}) + command({"PING", text}));
    house[0].settle();
    program.end_sending();
    house[0].settle();
    EXPECT_EQ(house[0].door.open(), 1u);
    EXPECT_EQ(house[0].subscribers.subscriptions(), 0u) << "it hears nothing more";
    std::string heard;
    for (int i = 0; i < 1000 && !program.ended(); ++i) {
        program.read_up_to(4096);
        house[0].settle();
        heard += std::exchange(program.received(), {});
    }
    EXPECT_TRUE(program.ended());
    EXPECT_EQ(heard.size(), 30u + 2 * (4 + 10 + 8 + 60'000 + 2));
    house[0].expect_empty();
}

TEST(door_shards, who_ends_its_side_with_nothing_under_way_is_gone_at_once) {
    test_house house{2};
    peer program = house[0].program("SUBSCRIBE a\r\n");
    program.end_sending();
    house[0].settle();
    program.take();
    EXPECT_TRUE(program.ended());
    house[0].expect_empty();
}

TEST(door_shards, a_browsers_commands_wait_behind_its_publish) {
    test_house house{2};
    const std::string channel = house.channel_at(1);
    const std::string first = fmt::format(R"({{"id":2,"publish":{{"channel":"{0}","data":1}}}})"
                                          "\n"
                                          R"({{"id":3,"subscribe":{{"channel":"{0}","data":0}}}})",
                                          channel);
    const std::string second = fmt::format(R"({{"id":4,"publish":{{"channel":"{0}","data":2}}}})"
                                           "\n"
                                           R"({{"id":5,"unsubscribe":{{"channel":"{0}","data":0}}}})",
                                           channel);
    ws_client browser = house[0].connected();
    browser.say(first);
    browser.say(second); // comes while the first publish waits for the other shard
    house.settle();
    const auto heard = browser.heard();
    std::vector<std::string> replies;
    for (const std::string& each : heard) {
        if (each.find("\"push\"") == std::string::npos) replies.push_back(each);
    }
    EXPECT_EQ(replies, (words{R"({"id":2,"publish":{}})"
                              "\n"
                              R"({"id":3,"subscribe":{}})",
                              R"({"id":4,"publish":{}})"
                              "\n"
                              R"({"id":5,"unsubscribe":{}})"}));
    // It subscribed after the first publication and before the second.
    EXPECT_EQ(heard.size(), 3u);
}

TEST(door_shards, what_waits_behind_a_publish_may_end_the_connection) {
    struct ending {
        const char* name;
        std::string behind; // the publish, in the same segment
        words heard;
    };
    const std::string ok = R"({"id":2,"publish":{}})";
    for (const ending& each : {ending{"a close frame", close_frame(1000), {ok, "close 1000", "end"}},
                               ending{"another command and a close frame",
                                      text_frame(R"({"id":3,"subscribe":{"channel":"b"}})") + close_frame(1000),
                                      {ok + "\n" + R"({"id":3,"subscribe":{}})", "close 1000", "end"}},
                               ending{"what is no command", text_frame("no"), {ok, "close 3501 bad request", "end"}},
                               ending{"what is no frame", std::string(8, '\xff'), {ok, "close 1002", "end"}}}) {
        SCOPED_TRACE(each.name);
        test_house house{2};
        ws_client browser = house[0].connected();
        const auto publish = fmt::format(R"({{"id":2,"publish":{{"channel":"{}","data":0}}}})", house.channel_at(1));
        browser.write(text_frame(publish) + each.behind);
        house[0].settle();
        EXPECT_EQ(browser.heard(), words{}) << "the publish waits for the other shard";
        house.settle();
        EXPECT_EQ(browser.heard(), each.heard);
        browser.hang_up();
        house[0].expect_empty();
    }
}

TEST(door_shards, a_browser_that_is_closed_while_it_waits_is_heard_when_it_ends) {
    test_house house{2};
    ws_client browser = house[0].connected();
    browser.say(fmt::format(R"({{"id":2,"publish":{{"channel":"{}","data":0}}}})", house.channel_at(1)));
    house[0].settle();
    house[0].sessions.close_all(protocol::disconnect::shutdown);
    browser.hang_up();
    house[0].settle();
    EXPECT_EQ(house[0].sessions.open(), 0u) << "before its close timeout";
    house.settle();
    house[0].expect_empty();
}

TEST(door_shards, a_browser_that_goes_before_its_publication_is_answered_leaves_nothing) {
    test_house house{2};
    ws_client browser = house[0].connected("a");
    browser.say(fmt::format(R"({{"id":2,"publish":{{"channel":"{}","data":0}}}})", house.channel_at(1)));
    house[0].settle();
    browser.hang_up();
    house[0].settle();
    ws_client next = house[0].connected("a"); // in the same cell
    house.settle();
    EXPECT_EQ(next.heard(), words{});
    next.hang_up();
    house[0].expect_empty();
}

// Random histories against a model: who is subscribed when a publication is put in order hears it, once, in that order.
TEST(door_shards, random_histories_agree_with_a_model) {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random{seed};
        test_house house{3};
        const std::vector<std::string> channels{house.channel_at(0), house.channel_at(1), house.channel_at(2), "other"};
        struct program_state {
            peer connection;
            std::size_t shard;
            std::set<std::string> joined;
            std::string expected;
        };
        std::list<program_state> programs;
        std::vector<peer> publishers;
        for (std::size_t i = 0; i < 3; ++i) publishers.push_back(house[i].program());
        const auto pick = [&](std::size_t below) {
            return std::uniform_int_distribution<std::size_t>{0, below - 1}(random);
        };
        for (int step = 0; step < 120; ++step) {
            const std::string& channel = channels[pick(channels.size())];
            const std::size_t what = pick(10);
            if (what == 0 || programs.empty()) {
                const std::size_t shard = pick(3);
                programs.push_back({house[shard].program(), shard, {}, {}});
            } else if (what <= 3) {
                program_state& p = *std::next(programs.begin(), static_cast<std::ptrdiff_t>(pick(programs.size())));
                const bool leave = p.joined.contains(channel);
                p.connection.write(command({leave ? "UNSUBSCRIBE" : "SUBSCRIBE", channel}));
                if (leave) {
                    p.joined.erase(channel);
                } else {
                    p.joined.insert(channel);
                }
                resp::append_push_header(p.expected, 3, resp::version::resp2);
                resp::append_bulk(p.expected, leave ? "unsubscribe" : "subscribe");
                resp::append_bulk(p.expected, channel);
                resp::append_integer(p.expected, static_cast<std::int64_t>(p.joined.size()));
                house.settle();
            } else if (what == 4 && programs.size() > 3) {
                const auto gone = std::next(programs.begin(), static_cast<std::ptrdiff_t>(pick(programs.size())));
                EXPECT_EQ(gone->connection.take(), gone->expected);
                programs.erase(gone);
                house.settle();
            } else {
                // A burst from one shard: answered, delivered and ordered.
                const std::size_t from = pick(3);
                const std::size_t count = 1 + pick(5);
                std::string replies;
                std::string burst;
                for (std::size_t i = 0; i < count; ++i) {
                    const std::string payload = fmt::format("{}.{}", step, i);
                    burst += command({"PUBLISH", channel, payload});
                    std::int64_t receivers = 0;
                    for (program_state& p : programs) {
                        if (!p.joined.contains(channel)) continue;
                        ++receivers;
                        p.expected += message(channel, payload);
                    }
                    resp::append_integer(replies, receivers);
                }
                publishers[from].write(burst);
                house.settle();
                ASSERT_EQ(publishers[from].take(), replies);
            }
        }
        for (program_state& p : programs) ASSERT_EQ(p.connection.take(), p.expected);
        programs.clear();
        publishers.clear();
        house.settle();
        for (std::size_t i = 0; i < 3; ++i) house[i].expect_empty();
    }
}

} // namespace
} // namespace carillon::test
