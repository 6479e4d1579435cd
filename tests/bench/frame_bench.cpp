// What one frame costs: header, mask, UTF-8, a whole message. The Beast lines are the measure next to which ours stand.

#include "ws/assembler.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/websocket/detail/mask.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace carillon;
using namespace carillon::ws;

constexpr mask_key key = 0x3d21fa37;

std::vector<std::byte> client_frame(std::size_t payload_bytes) {
    std::vector<std::byte> frame(header_bytes_max + payload_bytes, std::byte{'t'});
    const std::size_t header_bytes = encode_header_masked(frame, opcode::text, payload_bytes, key);
    frame.resize(header_bytes + payload_bytes);
    std::fill(frame.begin() + static_cast<std::ptrdiff_t>(header_bytes), frame.end(), std::byte{'t'});
    apply_mask(std::span{frame}.subspan(header_bytes), key);
    return frame;
}

void bytes_done(benchmark::State& state, std::size_t bytes) {
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(bytes));
}

void header_decode(benchmark::State& state) {
    const auto frame = client_frame(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        benchmark::DoNotOptimize(frame.data());
        benchmark::DoNotOptimize(decode_header(frame, role::server));
    }
}
BENCHMARK(header_decode)->Arg(100)->Arg(1000)->Arg(70000);

void header_encode(benchmark::State& state) {
    std::array<std::byte, header_bytes_max> out;
    for (auto _ : state) {
        benchmark::DoNotOptimize(encode_header(out, opcode::text, static_cast<std::uint64_t>(state.range(0))));
        benchmark::ClobberMemory();
    }
}
BENCHMARK(header_encode)->Arg(100)->Arg(1000);

void mask_ours(benchmark::State& state) {
    std::vector<std::byte> payload(static_cast<std::size_t>(state.range(0)), std::byte{'t'});
    for (auto _ : state) {
        apply_mask(payload, key);
        benchmark::ClobberMemory();
    }
    bytes_done(state, payload.size());
}
BENCHMARK(mask_ours)->Arg(16)->Arg(128)->Arg(65536);

void mask_beast(benchmark::State& state) {
    std::vector<std::byte> payload(static_cast<std::size_t>(state.range(0)), std::byte{'t'});
    boost::beast::websocket::detail::prepared_key prepared;
    for (auto _ : state) {
        boost::beast::websocket::detail::prepare_key(prepared, key);
        boost::beast::websocket::detail::mask_inplace(boost::asio::buffer(payload.data(), payload.size()), prepared);
        benchmark::ClobberMemory();
    }
    bytes_done(state, payload.size());
}
BENCHMARK(mask_beast)->Arg(16)->Arg(128)->Arg(65536);

void utf8_ascii(benchmark::State& state) {
    const std::string text(static_cast<std::size_t>(state.range(0)), 't');
    for (auto _ : state) benchmark::DoNotOptimize(is_utf8(as_bytes(text)));
    bytes_done(state, text.size());
}
BENCHMARK(utf8_ascii)->Arg(8)->Arg(15)->Arg(16)->Arg(32)->Arg(64)->Arg(128)->Arg(65536);

// The way of a session: an assembler made for the burst, one masked text in it. The assembler unmasks in place, so each
// round takes a fresh copy; `copy_alone` says what that costs.
void whole_message(benchmark::State& state) {
    const auto frame = client_frame(static_cast<std::size_t>(state.range(0)));
    std::vector<std::byte> burst = frame;
    for (auto _ : state) {
        std::copy(frame.begin(), frame.end(), burst.begin());
        assembler reader{role::server, {}};
        std::span<std::byte> input{burst};
        while (true) {
            const event said = reader.next(input);
            benchmark::DoNotOptimize(said.payload.data());
            if (said.what == event::kind::none) break;
        }
    }
    bytes_done(state, frame.size());
}
BENCHMARK(whole_message)->Arg(16)->Arg(128)->Arg(65536);

void copy_alone(benchmark::State& state) {
    const auto frame = client_frame(static_cast<std::size_t>(state.range(0)));
    std::vector<std::byte> burst = frame;
    for (auto _ : state) {
        std::copy(frame.begin(), frame.end(), burst.begin());
        benchmark::ClobberMemory();
    }
    bytes_done(state, frame.size());
}
BENCHMARK(copy_alone)->Arg(16)->Arg(128)->Arg(65536);

// The same message in two bursts: the assembler is moved to the heap in between.
void message_in_two_bursts(benchmark::State& state) {
    const auto frame = client_frame(static_cast<std::size_t>(state.range(0)));
    std::vector<std::byte> burst = frame;
    for (auto _ : state) {
        std::copy(frame.begin(), frame.end(), burst.begin());
        assembler reader{role::server, {}};
        auto input = std::span{burst}.first(burst.size() / 2);
        reader.next(input);
        const auto kept = std::make_unique<assembler>(std::move(reader));
        input = std::span{burst}.subspan(burst.size() / 2);
        benchmark::DoNotOptimize(kept->next(input).payload.data());
    }
    bytes_done(state, frame.size());
}
BENCHMARK(message_in_two_bursts)->Arg(128)->Arg(65536);

} // namespace

BENCHMARK_MAIN();
