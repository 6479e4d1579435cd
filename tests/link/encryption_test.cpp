#include "link/ground.hpp"
#include "support/self_signed.hpp"
#include "tls/stream.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>

namespace carillon::test {
namespace {

std::shared_ptr<const tls::certificates> make_certificates() {
    static tls::ticket_keys tickets; // as the certificates, for all tests
    const self_signed self;
    std::shared_ptr<const tls::certificates> made;
    const auto why = tls::certificates::read({.files = {{self.certificate, self.key}}}, tickets, made);
    EXPECT_FALSE(why) << *why;
    return made;
}

tls::entrance& entrance() {
    static tls::entrance made{make_certificates()};
    return made;
}

link::server::options encrypted(link::server::options how = {}) {
    how.entrance = &entrance();
    return how;
}

/// A shard on which TLS is spoken.
struct encrypted_ground : ground {
    explicit encrypted_ground(const link::server::options& how = {}) : ground{encrypted(how)} {}
    ~encrypted_ground() {
        server.drop_all();
        settle();
        EXPECT_EQ(counters.tls_connections, 0);
        EXPECT_EQ(counters.tls_handshakes_in_flight, 0);
        EXPECT_EQ(counters.outboxes, 0);
        EXPECT_EQ(counters.outbox_bytes, 0);
    }

    peer open_encrypted(std::string_view sent_before = {}) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
        peer near{ends[1]};
        near.set_far(ends[0]);
        near.write(sent_before);
        link::server::encrypting door{server};
        {
            work::lease held = pool.try_acquire();
            door(ends[0], held);
        }
        settle();
        return near;
    }

    std::uint64_t handshakes(metrics::tls_handshake what) const { return std::as_const(counters).tls_handshakes(what); }
};

/// A client whose encrypted bytes the test carries itself.
class tls_client {
public:
    tls_client(encrypted_ground& on, peer& over, std::size_t piece = 65'536)
        : on_{on}, over_{over}, piece_{piece}, context_{SSL_CTX_new(TLS_client_method())}, ssl_{SSL_new(
                                                                                               context_.get())} {
        SSL_set_connect_state(ssl_.get());
        SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    }

    bool shake_hands() {
        for (int rounds = 0; rounds < 8; ++rounds) {
            const int done = SSL_do_handshake(ssl_.get());
            carry();
            if (done == 1) return true;
        }
        return false;
    }
    void say(std::string_view text) {
        SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
        carry();
    }
    void end() {
        SSL_shutdown(ssl_.get());
        carry();
    }
    /// Both ways, what there is.
    void carry() {
        std::array<char, 65'536> buffer;
        for (;;) {
            const int count = BIO_read(SSL_get_wbio(ssl_.get()), buffer.data(), static_cast<int>(buffer.size()));
            if (count <= 0) break;
            std::string_view left{buffer.data(), static_cast<std::size_t>(count)};
            while (!left.empty()) {
                over_.write(left.substr(0, piece_));
                left.remove_prefix(std::min(piece_, left.size()));
                on_.settle();
            }
        }
        on_.settle();
        listen();
    }
    void listen() {
        over_.read();
        const std::string came = over_.take();
        if (!came.empty()) BIO_write(SSL_get_rbio(ssl_.get()), came.data(), static_cast<int>(came.size()));
        std::array<char, 65'536> buffer;
        for (int count; (count = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()))) > 0;)
            heard.append(buffer.data(), static_cast<std::size_t>(count));
    }
    /// Everything, until nothing comes any more.
    void listen_to_the_end() {
        for (std::size_t before = static_cast<std::size_t>(-1); before != heard.size();) {
            before = heard.size();
            on_.settle();
            listen();
        }
    }
    bool told_the_end() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

    std::string heard;

private:
    encrypted_ground& on_;
    peer& over_;
    std::size_t piece_;
    tls::owned_context context_;
    tls::owned_ssl ssl_;
};

std::string text_of(std::size_t bytes) {
    std::string text(bytes, ' ');
    for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    return text;
}

TEST(encryption, a_conversation_in_pieces_of_every_size) {
    for (const std::size_t piece : {1u, 2u, 3u, 5u, 6u, 17u, 100u, 1000u, 65'536u}) {
        SCOPED_TRACE(piece);
        encrypted_ground shard;
        peer near = shard.open_encrypted();
        tls_client client{shard, near, piece};
        ASSERT_TRUE(client.shake_hands());
        client.say("hello");
        EXPECT_EQ(client.heard, "hello");
        client.say(text_of(30'000));
        client.listen_to_the_end();
        EXPECT_EQ(client.heard, "hello" + text_of(30'000));
        EXPECT_EQ(shard.handshakes(metrics::tls_handshake::full), 1u);
        client.end();
        EXPECT_TRUE(client.told_the_end());
        EXPECT_EQ(shard.server.endings, std::vector{link::ending::by_peer});
    }
}

// The n-th socket call fails, or does little: the conversation goes on, or the connection ends, and nothing is left.
TEST(encryption, whatever_happens_to_a_socket_call) {
    for (const mishap what : mishaps) {
        for (std::uint64_t call = 1; call <= 16; ++call) {
            SCOPED_TRACE(fmt::format("{} at call {}", name_of(what), call));
            encrypted_ground shard;
            script = {};
            peer near = shard.open_encrypted();
            script = {.victim = near.far(), .strike_at = call, .what = what};
            tls_client client{shard, near};
            const auto nudge = [&] {
                if (shard.server.open() > 0)
                    shard.server.on_ready(*shard.server.last, {.readable = true, .writable = true});
                shard.settle();
                client.carry();
            };
            for (int i = 0; i < 3 && !client.shake_hands(); ++i) nudge();
            for (const char* word : {"one", "two", "three"}) {
                client.say(word);
                nudge();
            }
            if (!is_fatal(what) || !script.struck) {
                EXPECT_EQ(client.heard, "onetwothree");
                EXPECT_EQ(shard.server.open(), 1u);
            } else {
                EXPECT_EQ(shard.server.open(), 0u);
                EXPECT_TRUE(std::string_view{"onetwothree"}.starts_with(client.heard));
            }
            script = {};
        }
    }
}

TEST(encryption, what_a_slow_reader_does_not_take_waits_and_comes_whole) {
    encrypted_ground shard;
    peer near = shard.open_encrypted();
    tls_client client{shard, near};
    ASSERT_TRUE(client.shake_hands());
    std::string all;
    for (int i = 0; i < 20; ++i) {
        const std::string part = text_of(20'000 + static_cast<std::size_t>(i) * 1'777);
        shard.server.send(*shard.server.last, part);
        all += part;
    }
    EXPECT_EQ(shard.counters.outboxes, 1);
    shard.server.close(*shard.server.last, "the last word", false);
    shard.settle();
    client.listen_to_the_end();
    EXPECT_EQ(client.heard, all + "the last word");
    EXPECT_TRUE(client.told_the_end());
    EXPECT_EQ(shard.counters.outboxes, 0);
}

// A message that has been begun is finished, and then comes the last word.
TEST(encryption, who_is_too_slow_gets_whole_messages_and_the_last_word) {
    encrypted_ground shard{{.outbox_bytes_max = 100'000}};
    peer near = shard.open_encrypted();
    tls_client client{shard, near};
    ASSERT_TRUE(client.shake_hands());
    const std::string message = text_of(30'000);
    for (int i = 0; i < 40 && shard.server.slow == 0; ++i) {
        shard.server.send(*shard.server.last, message);
        shard.settle();
    }
    EXPECT_EQ(shard.server.slow, 1);
    client.listen_to_the_end();
    ASSERT_TRUE(client.heard.ends_with("too slow"));
    const std::size_t before = client.heard.size() - std::string_view{"too slow"}.size();
    EXPECT_GT(before, 0u);
    EXPECT_EQ(before % message.size(), 0u);
    EXPECT_TRUE(client.told_the_end());
}

TEST(encryption, who_speaks_no_tls_is_told_or_cut) {
    struct row {
        std::string_view said;
        std::string_view answer;
    };
    for (const row& each : {row{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
                            row{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", ""},
                            row{"*1\r\n$4\r\nPING\r\n", "-ERR this port speaks TLS\r"}}) {
        SCOPED_TRACE(each.said);
        encrypted_ground shard;
        peer near = shard.open_encrypted(each.said);
        near.read();
        EXPECT_EQ(near.received().substr(0, 26), each.answer);
        EXPECT_TRUE(near.ended());
        EXPECT_EQ(shard.handshakes(metrics::tls_handshake::failed), 1u);
        EXPECT_EQ(shard.server.heard, "");
    }
}

TEST(encryption, handshakes_are_bounded_in_number_and_time) {
    encrypted_ground shard{{.handshakes_max = 2}};
    peer silent = shard.open_encrypted();
    peer gone = shard.open_encrypted();
    peer refused = shard.open_encrypted();
    refused.read();
    EXPECT_TRUE(refused.ended());
    EXPECT_EQ(shard.handshakes(metrics::tls_handshake::refused), 1u);
    EXPECT_EQ(shard.counters.tls_handshakes_in_flight, 2);
    gone.hang_up();
    shard.settle();
    EXPECT_EQ(shard.handshakes(metrics::tls_handshake::abandoned), 1u);
    shard.advance(std::chrono::seconds{2});
    EXPECT_EQ(shard.handshakes(metrics::tls_handshake::cut), 1u);
    peer near = shard.open_encrypted();
    tls_client client{shard, near};
    EXPECT_TRUE(client.shake_hands());
}

TEST(encryption, a_released_descriptor_speaks_without_it) {
    encrypted_ground shard;
    peer near = shard.open_encrypted();
    tls_client client{shard, near};
    ASSERT_TRUE(client.shake_hands());
    client.say("release me");
    peer page{shard.server.released};
    EXPECT_EQ(shard.counters.tls_relays, 1);
    client.say("more of the request");
    page.read();
    EXPECT_EQ(page.received(), "more of the request");
    const std::string answer = text_of(100'000);
    page.write(answer);
    page.hang_up();
    for (int i = 0; i < 20; ++i) client.listen_to_the_end();
    EXPECT_EQ(client.heard, answer);
    EXPECT_TRUE(client.told_the_end());
    client.end();
    near.hang_up();
    shard.settle();
    EXPECT_EQ(shard.counters.tls_relays, 0);
}

TEST(encryption, plain_connections_beside_it_have_no_stream) {
    encrypted_ground shard;
    peer plain = shard.open("hello");
    plain.read();
    EXPECT_EQ(plain.received(), "hello");
    EXPECT_EQ(shard.counters.tls_connections, 0);
}

} // namespace
} // namespace carillon::test
