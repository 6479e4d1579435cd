// What it costs to make a delta of one JSON document to the next, and to apply it.
#include "base/check.hpp"
#include "fossil/delta.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

namespace {

using namespace carillon;

constexpr std::size_t bytes_max = 1024 * 1024; // of a delta: never met

/// A table of about so many bytes, one price after the other.
std::string table(std::int64_t bytes, std::uint32_t seed) {
    std::minstd_rand random{seed};
    std::string made = R"({"rows":[)";
    for (std::size_t row = 0; made.size() + 64 < static_cast<std::size_t>(bytes); ++row) {
        if (row > 0) made += ',';
        made += R"({"symbol":"S)" + std::to_string(row) + R"(","bid":)" + std::to_string(random() % 100'000) +
                R"(,"ask":)" + std::to_string(random() % 100'000) + '}';
    }
    return made += "]}";
}

void encode(benchmark::State& state, const std::string& from, const std::string& to) {
    fossil::encoder encoder;
    std::string delta;
    for (auto _ : state) {
        delta.clear();
        benchmark::DoNotOptimize(encoder.encode(from, to, bytes_max, delta));
    }
    CHECK(fossil::apply(from, delta, to.size()) == to);
    state.counters["before"] = static_cast<double>(to.size());
    state.counters["after"] = static_cast<double>(delta.size());
}

// One row of the table is another.
void encode_one_row(benchmark::State& state) {
    const std::string from = table(state.range(0), 1);
    std::string to = from;
    const std::size_t price = to.find("\"bid\":", to.size() / 2) + 6;
    to.replace(price, to.find(',', price) - price, "4711");
    encode(state, from, to);
}

// All prices are others.
void encode_all_rows(benchmark::State& state) { encode(state, table(state.range(0), 1), table(state.range(0), 2)); }

// The most work that there can be: at each place of the text as many candidates as are looked at, and none is worth it.
void encode_worst(benchmark::State& state) {
    constexpr std::size_t period = 1021, block = 8;
    std::minstd_rand random{3};
    std::string once, from, to;
    while (once.size() < period) once += static_cast<char>('a' + random() % 26);
    const std::string twice = once + once;
    const auto bytes = static_cast<std::size_t>(state.range(0));
    for (std::size_t i = 0; from.size() + block <= bytes; i = (i + 389) % period) from += twice.substr(i, block);
    while (to.size() < bytes) to += once;
    to.resize(bytes);
    encode(state, from, to);
}

void apply(benchmark::State& state) {
    const std::string from = table(state.range(0), 1), to = table(state.range(0), 2);
    std::string delta;
    CHECK(fossil::encoder{}.encode(from, to, bytes_max, delta));
    for (auto _ : state) benchmark::DoNotOptimize(fossil::apply(from, delta, to.size()));
}

void sizes(benchmark::internal::Benchmark* of) {
    for (const std::int64_t bytes : {256, 1024, 4096, 16 * 1024, 64 * 1024}) of->Arg(bytes);
}

BENCHMARK(encode_one_row)->Apply(sizes);
BENCHMARK(encode_all_rows)->Apply(sizes);
BENCHMARK(encode_worst)->Apply(sizes);
BENCHMARK(apply)->Apply(sizes);

} // namespace

BENCHMARK_MAIN();
