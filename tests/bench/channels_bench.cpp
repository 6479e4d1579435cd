#include "channels/rules.hpp"

#include <benchmark/benchmark.h>

#include <string>

namespace carillon::channels {
namespace {

rules as_many_as(std::size_t count, const std::string& pattern) {
    std::vector<name_space> all;
    for (std::size_t number = 0; number < count; ++number)
        all.push_back({.name = "space" + std::to_string(number),
                       .subscribe = {party::client},
                       .user_limited = true,
                       .channel_pattern = pattern});
    return {all, 255};
}

void subscribe(benchmark::State& state, const std::string& channel, const std::string& pattern) {
    const rules these = as_many_as(static_cast<std::size_t>(state.range(0)), pattern);
    for (auto _ : state) benchmark::DoNotOptimize(these.may_subscribe("42", channel, false));
}

BENCHMARK_CAPTURE(subscribe, plain, "space0:lobby", "")->Arg(1)->Arg(16)->Arg(name_spaces_max);
BENCHMARK_CAPTURE(subscribe, with_pattern, "space0:lobby", "^[a-z0-9_-]+$")->Arg(16);
BENCHMARK_CAPTURE(subscribe, with_users, "space0:dialog#7,8,9,42", "")->Arg(16);
BENCHMARK_CAPTURE(subscribe, with_pattern_and_250_letters, "space0:" + std::string(240, 'a'), "^[a-z0-9_-]+$")->Arg(16);

} // namespace
} // namespace carillon::channels

BENCHMARK_MAIN();
