#include "support/self_signed.hpp"
#include "tls/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>

namespace carillon::tls {
namespace {

thread_local ticket_keys::clock::time_point test_time{std::chrono::hours{100}};
ticket_keys::clock::time_point test_now() { return test_time; }

/// Both directions in memory; the client's end is OpenSSL's own.
class memory_wire final : public wire {
public:
    explicit memory_wire(SSL* client) : client_{client} {}

    long read(std::span<std::byte> into) override {
        const int count = BIO_read(SSL_get_wbio(client_), into.data(), static_cast<int>(into.size()));
        return count > 0 ? count : -EAGAIN;
    }
    long write(std::span<const std::byte> bytes) override {
        const std::size_t count = std::min(bytes.size(), room);
        if (count == 0) return -EAGAIN;
        room -= count;
        return BIO_write(SSL_get_rbio(client_), bytes.data(), static_cast<int>(count));
    }

    std::size_t room = static_cast<std::size_t>(-1);

private:
    SSL* client_;
};

/// A client and who accepts it.
struct two {
    explicit two(std::shared_ptr<const certificates> with, SSL_SESSION* session = nullptr)
        : accepted{stream::accept(std::move(with))} {
        SSL_set_connect_state(client.get());
        SSL_set_bio(client.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        if (session != nullptr) SSL_set_session(client.get(), session);
    }

    bool shake_hands() {
        for (int i = 0; i < 4; ++i) {
            const int done = SSL_do_handshake(client.get());
            (void)receive();
            if (done == 1 && accepted->established()) break;
        }
        std::array<char, 16> nothing;
        SSL_read(client.get(), nothing.data(), nothing.size()); // takes the ticket
        return accepted->established();
    }
    stream::received receive() { return accepted->receive(between, buffer); }
    std::string heard() {
        std::string all;
        std::array<char, 4096> part;
        for (int count; (count = SSL_read(client.get(), part.data(), part.size())) > 0;)
            all.append(part.data(), static_cast<std::size_t>(count));
        return all;
    }

    owned_context context{SSL_CTX_new(TLS_client_method())};
    owned_ssl client{SSL_new(context.get())};
    memory_wire between{client.get()};
    std::unique_ptr<stream> accepted;
    std::array<std::byte, 16'384> buffer;
};

struct streams : testing::Test {
    ticket_keys tickets{test_now};
    test::self_signed first{"DNS:first.example,DNS:both.example"};
    test::self_signed second{"DNS:*.second.example,DNS:both.example"};
    std::shared_ptr<const certificates> made = read();

    std::shared_ptr<const certificates> read() {
        std::shared_ptr<const certificates> into;
        const auto why = certificates::read(
            {.files = {{first.certificate, first.key}, {second.certificate, second.key}}}, tickets, into);
        EXPECT_FALSE(why) << *why;
        return into;
    }
    /// Whether a client that comes back with the session need not prove everything again.
    bool resumes(SSL_SESSION* session) {
        two back{made, session};
        EXPECT_TRUE(back.shake_hands());
        return back.accepted->resumed();
    }
};

TEST_F(streams, a_ticket_is_good_for_two_periods_after_its_own) {
    struct row {
        std::chrono::minutes later;
        bool good;
    };
    for (const row& each : {row{std::chrono::minutes{0}, true}, row{std::chrono::minutes{61}, true},
                            row{std::chrono::minutes{170}, true}, row{std::chrono::minutes{181}, false}}) {
        SCOPED_TRACE(each.later.count());
        two once{made};
        ASSERT_TRUE(once.shake_hands());
        EXPECT_FALSE(once.accepted->resumed());
        const keys::owned<SSL_SESSION, SSL_SESSION_free> session{SSL_get1_session(once.client.get())};
        test_time += each.later;
        EXPECT_EQ(resumes(session.get()), each.good);
        EXPECT_LE(tickets.size(), ticket_keys::kept);
    }
}

TEST_F(streams, a_ticket_is_good_for_certificates_that_came_later) {
    two once{made};
    ASSERT_TRUE(once.shake_hands());
    const keys::owned<SSL_SESSION, SSL_SESSION_free> session{SSL_get1_session(once.client.get())};
    made = read();
    EXPECT_TRUE(resumes(session.get()));
}

struct elsewhere_case {
    const char* name;
    terms there;
    bool resumed;
};

// A ticket says that its client has been judged, by those who judged there and then.
TEST_F(streams, a_ticket_is_good_only_where_it_was_given_and_while_the_same_vouch_for_clients) {
    const test::self_signed ours, others;
    const terms::pair pair{first.certificate, first.key};
    const elsewhere_case cases[] = {
        {"the same place", {.files = {pair}, .client_ca_file = ours.certificate, .place = "client"}, true},
        {"another place", {.files = {pair}, .client_ca_file = ours.certificate, .place = "bus"}, false},
        {"others vouch", {.files = {pair}, .client_ca_file = others.certificate, .place = "client"}, false},
        {"nobody has to", {.files = {pair}, .place = "client"}, false},
    };
    const auto made_of = [this](const terms& how) {
        std::shared_ptr<const certificates> into;
        EXPECT_EQ(certificates::read(how, tickets, into), std::nullopt);
        return into;
    };
    const auto show = [&](two& client) {
        SSL_use_certificate_file(client.client.get(), ours.certificate.c_str(), SSL_FILETYPE_PEM);
        SSL_use_PrivateKey_file(client.client.get(), ours.key.c_str(), SSL_FILETYPE_PEM);
    };
    two once{made_of(cases[0].there)};
    show(once);
    ASSERT_TRUE(once.shake_hands());
    const keys::owned<SSL_SESSION, SSL_SESSION_free> session{SSL_get1_session(once.client.get())};
    for (const auto& [name, there, resumed] : cases) {
        two back{made_of(there), session.get()};
        show(back);
        EXPECT_EQ(back.shake_hands(), there.client_ca_file != others.certificate) << name;
        EXPECT_EQ(back.accepted->resumed(), resumed) << name;
    }
}

struct words_case {
    const char* name;
    std::string_view said;
    std::string_view answer; ///< how it begins
};

TEST_F(streams, who_speaks_no_tls_is_told_in_its_own_words) {
    const words_case cases[] = {
        {"HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 "},
        {"RESP", "*1\r\n$4\r\nPING\r\n", "-ERR this port speaks TLS\r\n"},
        {"RESP, cut short", "*1\r\n$4", "-ERR this port speaks TLS\r\n"},
        {"neither", "\x55\x55\x55\x55\x55\x55\x55\x55", ""},
    };
    for (const auto& [name, said, answer] : cases) {
        two both{made};
        BIO_write(SSL_get_wbio(both.client.get()), said.data(), static_cast<int>(said.size()));
        const auto got = both.receive();
        EXPECT_EQ(got.error, EPROTO) << name;
        std::array<char, 4096> heard;
        const int count = BIO_read(SSL_get_rbio(both.client.get()), heard.data(), heard.size());
        const std::string_view text{heard.data(), static_cast<std::size_t>(std::max(count, 0))};
        EXPECT_EQ(text.substr(0, answer.empty() ? text.npos : answer.size()), answer) << name;
        const auto again = both.receive();
        EXPECT_EQ(again.bytes, 0u) << name;
        EXPECT_LE(BIO_read(SSL_get_rbio(both.client.get()), heard.data(), heard.size()), 0) << name;
    }
}

TEST_F(streams, the_certificate_follows_from_the_name) {
    SSL_CTX* const one = made->context_for("first.example");
    SSL_CTX* const other = made->context_for("a.second.example");
    EXPECT_NE(one, other);
    for (const std::string_view name : {"first.example", "FIRST.example", "both.example", "second.example",
                                        "a.b.second.example", "elsewhere.example", "localhost", "", ".", "*"})
        EXPECT_EQ(made->context_for(name), one) << name;
    for (const std::string_view name : {"a.second.example", "A.SECOND.EXAMPLE", "*.second.example"})
        EXPECT_EQ(made->context_for(name), other) << name;
}

// What OpenSSL has encrypted is never taken back, whatever the wire takes.
TEST_F(streams, what_the_wire_does_not_take_waits_and_goes_first) {
    for (const std::size_t room : {0u, 1u, 4u, 5u, 6u, 100u, 16'000u}) {
        SCOPED_TRACE(room);
        two both{made};
        ASSERT_TRUE(both.shake_hands());
        const std::string text(40'000, 'x');
        both.between.room = room;
        std::size_t done = both.accepted->send(both.between, std::as_bytes(std::span{text})).bytes;
        EXPECT_TRUE(both.accepted->has_unsent());
        EXPECT_EQ(both.accepted->send(both.between, std::as_bytes(std::span{text})).error, EAGAIN);
        both.between.room = static_cast<std::size_t>(-1);
        EXPECT_EQ(both.accepted->flush(both.between), 0);
        EXPECT_EQ(both.heard(), text.substr(0, done));
    }
}

// Who makes the protocol answer, and reads no answer, is given up.
TEST_F(streams, unsent_answers_are_bounded) {
    two both{made};
    ASSERT_TRUE(both.shake_hands());
    both.between.room = 0;
    int asked = 0;
    stream::received last{};
    for (; asked < 100'000; ++asked) {
        SSL_key_update(both.client.get(), SSL_KEY_UPDATE_REQUESTED);
        SSL_write(both.client.get(), "x", 1);
        last = both.receive();
        if (last.bytes == 0 && last.error != EAGAIN) break;
    }
    EXPECT_LT(asked, 100'000);
    EXPECT_EQ(last.error, ENOBUFS);
}

} // namespace
} // namespace carillon::tls
