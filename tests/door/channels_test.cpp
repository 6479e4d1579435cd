#include "resp/writer.hpp"
#include "support/test_shard.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

// PUBSUB CHANNELS where there are more than a turn looks at.
namespace carillon::test {
namespace {

constexpr int in_a_turn = 4'096;
constexpr int many = 2 * in_a_turn + 1'000;

std::string command(const std::vector<std::string>& parts) {
    std::string out;
    resp::append_array_header(out, parts.size());
    for (const std::string& each : parts) resp::append_bulk(out, each);
    return out;
}

std::vector<std::string> names_of(int first, int count) {
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) names.push_back("channel-" + std::to_string(first + i));
    return names;
}

// One program that has subscribed to all of them, with SUBSCRIBE or SSUBSCRIBE.
peer listener(test_shard& shard, const char* how, int count) {
    peer program = shard.program();
    for (int first = 0; first < count; first += 1'000) {
        std::vector<std::string> words = names_of(first, std::min(1'000, count - first));
        words.insert(words.begin(), how);
        program.write(command(words));
        shard.settle();
        program.take();
    }
    return program;
}

std::string list(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    std::string out;
    resp::append_array_header(out, names.size());
    for (const std::string& each : names) resp::append_bulk(out, each);
    return out;
}

bus::inquiry about(bus::question what) { return {.what = std::make_shared<const bus::question>(std::move(what))}; }

TEST(door_channels, a_turn_looks_at_some_of_them_and_all_turns_at_each_once) {
    test_shard shard;
    const peer program = listener(shard, "SUBSCRIBE", many);
    bus::inquiry of = about({.about = bus::question::subject::channels});
    std::size_t before = 0;
    int turns = 1;
    for (; !shard.door.answer_some(of); ++turns) {
        EXPECT_EQ(of.said.names.size() - before, static_cast<std::size_t>(in_a_turn));
        before = of.said.names.size();
    }
    EXPECT_EQ(turns, 3);
    std::vector<std::string> expected = names_of(0, many);
    std::sort(expected.begin(), expected.end());
    std::sort(of.said.names.begin(), of.said.names.end());
    EXPECT_EQ(of.said.names, expected);
}

struct asked_channels {
    const char* name;
    const char* subscribe;
    std::string says;
    std::string hears;
};

class door_channels_of : public testing::TestWithParam<asked_channels> {};
const asked_channels cases[] = {
    {"everything", "SUBSCRIBE", "PUBSUB CHANNELS\r\n", list(names_of(0, many))},
    {"a_pattern", "SUBSCRIBE", "PUBSUB CHANNELS channel-90*\r\n", list([] {
         auto names = names_of(9'000, 100);
         names.push_back("channel-90");
         for (const auto& each : names_of(900, 10)) names.push_back(each);
         return names;
     }())},
    {"nothing", "SUBSCRIBE", "PUBSUB CHANNELS none*\r\n", "*0\r\n"},
    {"sharded", "SSUBSCRIBE", "PUBSUB SHARDCHANNELS\r\n", list(names_of(0, many))},
    {"commands_behind_it", "SUBSCRIBE", "PUBSUB CHANNELS none*\r\nPING\r\nPUBSUB CHANNELS none*\r\nECHO x\r\n",
     "*0\r\n+PONG\r\n*0\r\n$1\r\nx\r\n"},
    {"in_a_transaction", "SUBSCRIBE", "MULTI\r\nPUBSUB CHANNELS none*\r\nPING\r\nEXEC\r\n",
     "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n*0\r\n+PONG\r\n"},
};
INSTANTIATE_TEST_SUITE_P(cases, door_channels_of, testing::ValuesIn(cases),
                         [](const auto& row) { return row.param.name; });

TEST_P(door_channels_of, are_all_told) {
    test_shard shard;
    const peer program = listener(shard, GetParam().subscribe, many);
    peer asks = shard.program();
    asks.write(GetParam().says);
    shard.settle();
    EXPECT_EQ(asks.take(), GetParam().hears);
}

TEST(door_channels, who_goes_while_it_is_looked_for_is_missed_by_nobody) {
    test_shard shard;
    const peer program = listener(shard, "SUBSCRIBE", many);
    {
        peer asks = shard.program();
        asks.write("PUBSUB CHANNELS\r\n");
    }
    shard.settle();
    peer other = shard.program("PUBSUB CHANNELS none*\r\n");
    EXPECT_EQ(other.take(), "*0\r\n");
    shard.expect_at_rest();
}

TEST(door_channels, more_than_fits_into_the_output_is_an_error) {
    shard_options how;
    how.programs.output_bytes_max = 100'000;
    test_shard shard{how};
    const peer program = listener(shard, "SUBSCRIBE", many);
    peer asks = shard.program();
    asks.write("PUBSUB CHANNELS\r\nPUBSUB CHANNELS channel-9000\r\n");
    shard.settle();
    EXPECT_EQ(asks.take(), "-ERR more channels than bus_output_bytes_max; give a pattern\r\n" + list({"channel-9000"}));
    EXPECT_EQ(shard.counters.resp_errors(metrics::resp_error::limit), 1u);
}

} // namespace
} // namespace carillon::test
