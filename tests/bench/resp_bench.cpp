#include "base/check.hpp"
#include "resp/command.hpp"
#include "resp/glob.hpp"
#include "resp/reply.hpp"
#include "resp/writer.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace carillon::resp {
namespace {

const std::string channel = "user:#12345";
constexpr int commands_per_pipeline = 32;

std::string payload_of(const benchmark::State& state) {
    return std::string(static_cast<std::size_t>(state.range(0)), 'p');
}

void count(benchmark::State& state, std::size_t items, std::size_t bytes) {
    const auto rounds = static_cast<std::size_t>(state.iterations());
    state.SetItemsProcessed(static_cast<std::int64_t>(rounds * items));
    state.SetBytesProcessed(static_cast<std::int64_t>(rounds * bytes));
}

/// The server's door: 32 PUBLISH commands that arrived together.
void parse_pipelined_publish(benchmark::State& state) {
    std::string wire;
    for (int i = 0; i < commands_per_pipeline; ++i) append_command(wire, {"PUBLISH", channel, payload_of(state)});
    command_parser parser;
    for ([[maybe_unused]] auto _ : state) {
        for (std::string_view rest = wire; !rest.empty();) {
            const auto step = parser.next(rest);
            CHECK(step.what == outcome::complete && step.args.size() == 3);
            benchmark::DoNotOptimize(step.args.data());
            rest.remove_prefix(step.consumed);
        }
    }
    count(state, commands_per_pipeline, wire.size());
}
BENCHMARK(parse_pipelined_publish)->Arg(16)->Arg(256)->Arg(4096);

/// The server's door: one message for one subscriber.
void write_message_push(benchmark::State& state) {
    const std::string payload = payload_of(state);
    std::string out;
    out.reserve(message_bytes(channel, payload));
    for ([[maybe_unused]] auto _ : state) {
        out.clear();
        append_message(out, channel, payload, version::resp3);
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
    count(state, 1, out.size());
}
BENCHMARK(write_message_push)->Arg(16)->Arg(256)->Arg(4096);

/// The client's side: 32 messages that arrived together.
void parse_message_push(benchmark::State& state) {
    std::string wire;
    for (int i = 0; i < commands_per_pipeline; ++i) append_message(wire, channel, payload_of(state), version::resp3);
    reply_parser parser;
    for ([[maybe_unused]] auto _ : state) {
        for (std::string_view rest = wire; !rest.empty();) {
            const auto step = parser.next(rest);
            CHECK(step.what == outcome::complete && step.nodes.size() == 4);
            benchmark::DoNotOptimize(step.nodes.data());
            rest.remove_prefix(step.consumed);
        }
    }
    count(state, commands_per_pipeline, wire.size());
}
BENCHMARK(parse_message_push)->Arg(16)->Arg(256)->Arg(4096);

/// One pattern of one subscriber against the channel of a message.
void match_pattern(benchmark::State& state) {
    for ([[maybe_unused]] auto _ : state) {
        bool matched = glob_match("user:#*", channel);
        benchmark::DoNotOptimize(matched);
    }
    count(state, 1, channel.size());
}
BENCHMARK(match_pattern);

} // namespace
} // namespace carillon::resp

BENCHMARK_MAIN();
