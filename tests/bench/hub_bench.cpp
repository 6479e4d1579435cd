#include "hub/hub.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::hub {
namespace {

// Costs nothing of its own, so that what is measured is the hub.
struct null_sink final : sink {
    void encode(format, std::string_view, const publication& message, std::string& out) override {
        out.append(message.payload);
    }
    void deliver(subscriber to, frames& what) override {
        benchmark::DoNotOptimize(to);
        benchmark::DoNotOptimize(what.bytes().data());
    }
};

struct crowd {
    explicit crowd(std::size_t size) : lists(size) { bells.attach(format::websocket_json, nobody); }

    static subscriber who(std::size_t i) {
        return subscriber::make(static_cast<std::uint32_t>(i), format::websocket_json);
    }
    void join(std::size_t i, std::string_view channel) { bells.subscribe(who(i), lists[i], channel); }
    void leave(std::size_t i, std::string_view channel) { bells.unsubscribe(who(i), lists[i], channel); }

    deliveries queue{{.sends_per_turn = static_cast<std::size_t>(-1)}};
    hub bells{queue};
    null_sink nobody;
    std::vector<memberships> lists;
};

std::vector<std::string> mailboxes(std::size_t count) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back("mailbox:" + std::to_string(1'000'000 + i));
    return names;
}

// One message to so many subscribers of one channel.
void deliver(benchmark::State& state) {
    const auto receivers = static_cast<std::size_t>(state.range(0));
    crowd all{receivers};
    for (std::size_t i = 0; i < receivers; ++i) all.join(i, "news");
    const publication message{.payload = "you have new mail", .is_json = false, .info = {}};
    for (auto _ : state) {
        all.bells.publish("news", message);
        all.bells.flush();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(deliver)->Arg(1)->Arg(100)->Arg(10'000);

// One message to one of so many channels, each with a subscriber of its own: what finding the channel costs.
void deliver_to_a_mailbox(benchmark::State& state) {
    const auto names = mailboxes(static_cast<std::size_t>(state.range(0)));
    crowd all{names.size()};
    for (std::size_t i = 0; i < names.size(); ++i) all.join(i, names[i]);
    const publication message{.payload = "you have new mail", .is_json = false, .info = {}};
    std::size_t next = 0;
    for (auto _ : state) {
        all.bells.publish(names[next], message);
        next = (next + 7919) % names.size();
    }
    all.bells.flush();
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(deliver_to_a_mailbox)->Arg(1'000)->Arg(1'000'000);

// Joins and leaves a channel that has so many others.
void subscribe_unsubscribe(benchmark::State& state) {
    const auto others = static_cast<std::size_t>(state.range(0));
    crowd all{others + 1};
    for (std::size_t i = 0; i < others; ++i) all.join(i, "news");
    for (auto _ : state) {
        all.join(others, "news");
        all.leave(others, "news");
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(subscribe_unsubscribe)->Arg(0)->Arg(1)->Arg(10'000);

// A hundred thousand connections come, each to its own mailbox, and go.
void come_and_go(benchmark::State& state) {
    const auto names = mailboxes(100'000);
    crowd all{names.size()};
    for (auto _ : state) {
        for (std::size_t i = 0; i < names.size(); ++i) all.join(i, names[i]);
        for (memberships& list : all.lists) all.bells.unsubscribe_all(list, [](std::string_view) {});
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(names.size()));
}
BENCHMARK(come_and_go)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace carillon::hub

BENCHMARK_MAIN();
