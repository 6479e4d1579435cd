/// \file
/// What reading one command of a client costs, beside Boost.JSON used plainly: parse into a value, look up the members.
/// Both check the payload of a publish, Boost.JSON because it parses everything. And what writing a reply costs.

#include "protocol/json_decoder.hpp"
#include "protocol/reply.hpp"
#include "support/allocations.hpp"

#include <benchmark/benchmark.h>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <string>
#include <string_view>
#include <variant>

namespace carillon::protocol {
namespace {

/// As the JavaScript SDK sends them.
constexpr std::string_view connect_line =
    R"({"connect":{"token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImV4cCI6MTc2NDU0NzIwMH0.)"
    R"(2nGd8rJqWl3aUeYbW8x0yJZc5o9fK1mT7sVhQpXeR4s","name":"js"},"id":1})";
constexpr std::string_view subscribe_line = R"({"subscribe":{"channel":"mailbox:1193479212"},"id":2})";
constexpr std::string_view publish_line =
    R"({"publish":{"channel":"room:42","data":{"kind":"message","from":"Ada","text":"Are you there?","urgent":false,)"
    R"("sent":1764547200123,"to":[17,4711]}},"id":3})";
constexpr std::string_view pong_line = "{}";

/// Counts what one more round would take from the heap; printed next to the time.
template <class Round>
void run(benchmark::State& state, std::string_view line, Round round) {
    for (auto _ : state) round();
    state.counters["allocations"] = static_cast<double>(test::allocations_during(round));
    state.counters["line_bytes"] = static_cast<double>(line.size());
}

void decode_ours(benchmark::State& state, std::string_view line) {
    json_decoder decoder{65536};
    std::string padded{line};
    padded.append(64, ' ');
    const auto input = std::string_view{padded}.substr(0, line.size());
    run(state, line, [&] {
        const result<command> read = decoder.decode(input);
        if (!read) state.SkipWithError("the command was not read");
        benchmark::DoNotOptimize(read->what.index());
    });
}
BENCHMARK_CAPTURE(decode_ours, connect, connect_line);
BENCHMARK_CAPTURE(decode_ours, subscribe, subscribe_line);
BENCHMARK_CAPTURE(decode_ours, publish, publish_line);
BENCHMARK_CAPTURE(decode_ours, pong, pong_line);

/// What a server does with a parsed command: the id, and the members that it acts on.
std::size_t look_up(const boost::json::value& parsed) {
    const boost::json::object& command = parsed.as_object();
    const boost::json::value* const id = command.if_contains("id");
    std::size_t seen = id != nullptr ? id->to_number<std::size_t>() : 0;
    if (const auto* connect = command.if_contains("connect")) {
        seen += connect->as_object().at("token").as_string().size();
    } else if (const auto* subscribe = command.if_contains("subscribe")) {
        seen += subscribe->as_object().at("channel").as_string().size();
    } else if (const auto* publish = command.if_contains("publish")) {
        seen += publish->as_object().at("channel").as_string().size();
        seen += publish->as_object().at("data").as_object().size();
    }
    return seen;
}

void decode_boost_json(benchmark::State& state, std::string_view line) {
    run(state, line, [&] {
        error_code failed;
        const boost::json::value parsed = boost::json::parse(line, failed);
        if (failed) state.SkipWithError("the command was not read");
        benchmark::DoNotOptimize(look_up(parsed));
    });
}
BENCHMARK_CAPTURE(decode_boost_json, connect, connect_line);
BENCHMARK_CAPTURE(decode_boost_json, subscribe, subscribe_line);
BENCHMARK_CAPTURE(decode_boost_json, publish, publish_line);
BENCHMARK_CAPTURE(decode_boost_json, pong, pong_line);

/// Writes one reply again and again into a buffer that has its room already, as a shard's.
template <class Append>
void write_reply(benchmark::State& state, Append append) {
    std::string out;
    const auto round = [&] {
        out.clear();
        append(out);
        benchmark::DoNotOptimize(out.data());
    };
    round();
    run(state, out, round);
}
BENCHMARK_CAPTURE(write_reply, connect, [](std::string& out) {
    append_connect_reply(out, 1,
                         {.client = "2f0c7c1e-5ab4-4d43-9c0b-5a8f0c6e9d11",
                          .version = "carillon 1.0.0",
                          .ping = std::chrono::seconds{25},
                          .pong = true});
});
BENCHMARK_CAPTURE(write_reply, subscribe, [](std::string& out) { append_empty_reply(out, 2, "subscribe"); });

} // namespace
} // namespace carillon::protocol

BENCHMARK_MAIN();
