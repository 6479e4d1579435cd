/// \file
/// What an opening handshake costs: reading the head of a browser's request, the verdict, the whole upgrade; and the
/// same bytes read and accepted by Boost.Beast.

#include "base/result.hpp"
#include "http/accept_key.hpp"
#include "http/request_head.hpp"
#include "http/upgrade.hpp"
#include "support/allocations.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::http {
namespace {

/// As Chrome sends it to a site with the usual cookies.
constexpr std::string_view browser_head =
    "GET /connection/websocket?cf_ws_frame_ping_pong=true HTTP/1.1\r\n"
    "Host: notifications.example.org\r\n"
    "Connection: Upgrade\r\n"
    "Pragma: no-cache\r\n"
    "Cache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
    "Safari/537.36\r\n"
    "Upgrade: websocket\r\n"
    "Origin: https://mail.example.org\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    "Cookie: _ga=GA1.2.1193479212.1731930111; _gid=GA1.2.2021183320.1732012345; consent=eyJ2IjoxLCJhZHMiOmZhbHNlfQ; "
    "session=8f0c8d1b5e9a4b7d9c3f2a1e0d4b6c8a7f5e3d1c9b8a6f4e; theme=dark; tz=Europe%2FBerlin\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    "Sec-WebSocket-Protocol: centrifuge-json\r\n"
    "\r\n";
static_assert(browser_head.size() >= 700 && browser_head.size() <= 1000);

const std::array<std::string_view, 2> subprotocols{"centrifuge-json", "centrifuge-protobuf"};
const std::array<std::string, 1> origins{"https://*.example.org"};
const upgrade_rules rules{"/connection/websocket", subprotocols, origins};

/// Counts what one more round would take from the heap; printed next to the time.
template <class Round>
void run(benchmark::State& state, Round round) {
    for (auto _ : state) round();
    state.counters["allocations"] = static_cast<double>(test::allocations_during(round));
    state.counters["head_bytes"] = static_cast<double>(browser_head.size());
}

void read_browser_head(benchmark::State& state) {
    run(state, [] {
        request_head head;
        std::size_t scanned = 0;
        benchmark::DoNotOptimize(parse_head(browser_head, scanned, head));
        benchmark::DoNotOptimize(head);
    });
}
BENCHMARK(read_browser_head);

void decide_on_read_head(benchmark::State& state) {
    request_head head;
    std::size_t scanned = 0;
    benchmark::DoNotOptimize(parse_head(browser_head, scanned, head));
    run(state, [&] { benchmark::DoNotOptimize(decide_upgrade(head, rules)); });
}
BENCHMARK(decide_on_read_head);

void compute_accept_key(benchmark::State& state) {
    std::array<char, websocket_accept_bytes> accept;
    run(state, [&] {
        write_accept(accept, "dGhlIHNhbXBsZSBub25jZQ==");
        benchmark::DoNotOptimize(accept);
    });
}
BENCHMARK(compute_accept_key);

void upgrade_browser(benchmark::State& state) {
    std::array<char, reply_bytes_max> reply;
    run(state, [&] {
        request_head head;
        std::size_t scanned = 0;
        const parse_result parsed = parse_head(browser_head, scanned, head);
        if (parsed.outcome != parse_outcome::complete) state.SkipWithError("the head was not read");
        const upgrade_verdict verdict = decide_upgrade(head, rules);
        if (verdict.code != status::switching_protocols) state.SkipWithError("the upgrade was refused");
        benchmark::DoNotOptimize(write_switching_protocols(reply, verdict));
        benchmark::DoNotOptimize(reply);
    });
}
BENCHMARK(upgrade_browser);

namespace beast = boost::beast;
namespace asio = boost::asio;

/// A connection that swallows what is written, so that accept() does all its work and no system call.
struct swallowing_stream {
    using executor_type = asio::io_context::executor_type;
    executor_type get_executor() { return context->get_executor(); }

    template <class Buffers>
    std::size_t read_some(const Buffers&, error_code& failed) {
        failed = asio::error::eof;
        return 0;
    }
    template <class Buffers>
    std::size_t write_some(const Buffers& buffers, error_code& failed) {
        failed = {};
        return write_some(buffers);
    }
    // Asked for by the concept of a stream, and not called.
    template <class Buffers>
    std::size_t read_some(const Buffers&) {
        return 0;
    }
    template <class Buffers>
    std::size_t write_some(const Buffers& buffers) {
        written += asio::buffer_size(buffers);
        return asio::buffer_size(buffers);
    }

    asio::io_context* context;
    std::size_t written = 0;
};

using beast_parser = beast::http::request_parser<beast::http::empty_body>;

void beast_reads_browser_head(benchmark::State& state) {
    run(state, [&] {
        beast_parser parser;
        error_code failed;
        parser.put(asio::buffer(browser_head.data(), browser_head.size()), failed);
        if (failed || !parser.is_done()) state.SkipWithError("the head was not read");
        benchmark::DoNotOptimize(parser.get());
    });
}
BENCHMARK(beast_reads_browser_head);

/// The parser, the WebSocket's checks, and the 101 through the serializer. The stream is made once, which is less than
/// a server does: making one takes another allocation.
void beast_upgrades_browser(benchmark::State& state) {
    asio::io_context context;
    beast::websocket::stream<swallowing_stream> socket{swallowing_stream{&context}};
    run(state, [&] {
        beast_parser parser;
        error_code failed;
        parser.put(asio::buffer(browser_head.data(), browser_head.size()), failed);
        if (!failed) socket.accept(parser.get(), failed);
        if (failed) state.SkipWithError("the upgrade was refused");
        benchmark::DoNotOptimize(socket.next_layer().written);
    });
}
BENCHMARK(beast_upgrades_browser);

/// The head of a client, or of an attacker, that sends one byte at a time: all calls together.
void read_byte_by_byte(benchmark::State& state, const std::string& wire) {
    for (auto _ : state) {
        request_head head;
        std::size_t scanned = 0;
        for (std::size_t size = 1; size <= wire.size(); ++size)
            benchmark::DoNotOptimize(parse_head(std::string_view{wire}.substr(0, size), scanned, head));
    }
    state.counters["calls"] = static_cast<double>(wire.size());
}
BENCHMARK_CAPTURE(read_byte_by_byte, browser, std::string{browser_head});
BENCHMARK_CAPTURE(read_byte_by_byte, one_line_of_8_kib, "GET / HTTP/1.1\r\nCookie: " + std::string(8160, 'c'));

void write_refusal_of_a_version(benchmark::State& state) {
    std::array<char, reply_bytes_max> reply;
    run(state, [&] {
        benchmark::DoNotOptimize(write_refusal(reply, status::upgrade_required, "Only version 13 is spoken here."));
    });
}
BENCHMARK(write_refusal_of_a_version);

} // namespace
} // namespace carillon::http

BENCHMARK_MAIN();
