#include "control/server_here.hpp"
#include "support/self_signed.hpp"
#include "tls/trust.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace carillon::control {
namespace {

using metrics::tls_handshake;

tls::entrance& entrance() {
    static tls::ticket_keys tickets; // as the certificates, for all tests
    static const auto made = [] {
        const test::self_signed own;
        std::shared_ptr<const tls::certificates> read;
        EXPECT_EQ(tls::certificates::read({.files = {{own.certificate, own.key}}}, tickets, read), std::nullopt);
        return read;
    }();
    static tls::entrance open{made};
    return open;
}

http_options encrypted(http_options how) {
    how.entrance = &entrance();
    return how;
}

/// A server that speaks TLS, and a client of it whose bytes the test carries in pieces.
struct encrypted_here : server_here, tls::wire {
    explicit encrypted_here(const http_options& how = {}) : server_here{encrypted(how)} {
        EXPECT_EQ(tls::trust::read({.anybody = true}, believes), std::nullopt);
        stream = tls::stream::connect(*believes, "localhost");
    }

    long read(std::span<std::byte> into) override {
        const std::size_t count = std::min(into.size(), over.received().size());
        if (count == 0) return over.ended() ? 0 : -EAGAIN;
        std::ranges::copy(std::as_bytes(std::span{over.received()}.first(count)), into.begin());
        over.received().erase(0, count);
        return static_cast<long>(count);
    }
    long write(std::span<const std::byte> bytes) override {
        std::string_view left{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
        while (!left.empty()) {
            over.write(left.substr(0, piece));
            left.remove_prefix(std::min(piece, left.size()));
            turn();
        }
        return static_cast<long>(bytes.size());
    }
    void turn() {
        context.restart();
        context.run_one_for(std::chrono::milliseconds{5});
        over.read_up_to(piece_read);
    }
    /// Runs until `said` has come, or the end.
    std::string hear(std::string_view said) {
        std::string heard;
        std::array<std::byte, 16'384> buffer{};
        while (!heard.ends_with(said)) {
            const auto got = stream->receive(*this, buffer);
            heard.append(reinterpret_cast<const char*>(buffer.data()), got.bytes);
            if (got.bytes == 0 && got.error != EAGAIN) break;
            if (got.bytes == 0) turn();
        }
        return heard;
    }
    bool shake_hands() {
        std::array<std::byte, 16> nothing{};
        while (!stream->established()) {
            const auto got = stream->receive(*this, nothing);
            if (got.error != EAGAIN) return false;
            turn();
        }
        return true;
    }
    void say(std::string_view text) { stream->send(*this, std::as_bytes(std::span{text})); }
    void run_until_idle() {
        while (server.connections() > 0) turn();
    }

    std::size_t piece = 65'536;
    std::size_t piece_read = 1024 * 1024;
    std::shared_ptr<const tls::trust> believes;
    std::unique_ptr<tls::stream> stream;
    peer over = connected_to(port);
};

TEST(encrypted_control, requests_are_answered_however_their_bytes_come) {
    for (const std::size_t piece : {1u, 5u, 6u, 100u, 65'536u}) {
        SCOPED_TRACE(piece);
        encrypted_here here;
        here.piece = piece;
        ASSERT_TRUE(here.shake_hands());
        for (int i = 0; i < 2; ++i) {
            here.say("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
            EXPECT_TRUE(here.hear("\r\n\r\nhello\n").starts_with("HTTP/1.1 200 OK\r\n"));
        }
        here.say("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET ");
        EXPECT_TRUE(here.hear("never").ends_with("\r\n\r\nhello\n")); // up to close_notify
        here.over.hang_up();
        here.run_until_idle();
        EXPECT_EQ(here.server.handshakes()(tls_handshake::full), 1u);
    }
}

TEST(encrypted_control, who_reads_slowly_hears_all_of_a_large_answer) {
    encrypted_here here;
    const std::string body = std::string(8 * 1024 * 1024, 'x') + "end";
    here.routes.add("/large", response{.status = 200, .body = body, .fields = {}});
    here.piece_read = 30'000;
    ASSERT_TRUE(here.shake_hands());
    here.say("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string heard = here.hear("end");
    EXPECT_EQ(heard.size() - heard.find("\r\n\r\n") - 4, body.size());
}

struct outcome_case {
    const char* name;
    std::string_view said;
    bool leaves;
    tls_handshake counted;
    std::string_view told; ///< how what is heard begins
};

TEST(encrypted_control, handshakes_that_come_to_nothing_are_ended_and_counted) {
    const outcome_case cases[] = {
        {"nothing said, and gone", "", true, tls_handshake::abandoned, ""},
        {"a piece, and gone", "\x16\x03\x01\x02", true, tls_handshake::abandoned, ""},
        {"nothing said", "", false, tls_handshake::cut, ""},
        {"a piece", "\x16\x03\x01\x02", false, tls_handshake::cut, ""},
        {"plain HTTP", "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", false, tls_handshake::failed, "HTTP/1.1 400 "},
        {"garbage", "\x55\x55\x55\x55\x55\x55\x55\x55", false, tls_handshake::failed, ""},
    };
    for (const auto& [name, said, leaves, counted, told] : cases) {
        encrypted_here here{{.request_timeout = std::chrono::milliseconds{50}}};
        here.over.write(said);
        if (leaves) here.over.end_sending();
        here.run_to_the_end(here.over);
        EXPECT_NE(here.over.received().find(told), std::string::npos) << name;
        here.over.hang_up();
        here.run_until_idle();
        std::uint64_t all = 0;
        here.server.handshakes().each(
            [&](std::initializer_list<std::string_view>, std::uint64_t each) { all += each; });
        EXPECT_EQ(all, 1u) << name;
        EXPECT_EQ(here.server.handshakes()(counted), 1u) << name;
    }
}

} // namespace
} // namespace carillon::control
