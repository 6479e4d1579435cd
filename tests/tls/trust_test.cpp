#include "support/self_signed.hpp"
#include "tls/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

namespace carillon::tls {
namespace {

using test::self_signed;

/// One end of two directions in memory.
class memory_end final : public wire {
public:
    memory_end(std::string& in, std::string& out) : in_{in}, out_{out} {}

    long read(std::span<std::byte> into) override {
        const std::size_t count = std::min(into.size(), in_.size());
        if (count == 0) return -EAGAIN;
        std::ranges::copy(std::as_bytes(std::span{in_}.first(count)), into.begin());
        in_.erase(0, count);
        return static_cast<long>(count);
    }
    long write(std::span<const std::byte> bytes) override {
        out_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return static_cast<long>(bytes.size());
    }

private:
    std::string& in_;
    std::string& out_;
};

std::shared_ptr<const certificates> server_with(const self_signed& own, const std::string& client_ca = {}) {
    static ticket_keys tickets;
    std::shared_ptr<const certificates> made;
    const auto why =
        certificates::read({.files = {{own.certificate, own.key}}, .client_ca_file = client_ca}, tickets, made);
    EXPECT_EQ(why, std::nullopt);
    return made;
}

std::shared_ptr<const trust> client_with(const trust_terms& how) {
    std::shared_ptr<const trust> made;
    EXPECT_EQ(trust::read(how, made), std::nullopt);
    return made;
}

/// Both sides of one connection.
struct pair {
    pair(std::shared_ptr<const certificates> accepts, const trust& believes, const std::string& host)
        : server{stream::accept(std::move(accepts))}, client{stream::connect(believes, host)} {}

    /// Until both have nothing more to say; the error that the client ends with.
    int shake_hands() {
        int failed = 0;
        for (int i = 0; i < 6 && failed == 0; ++i) {
            const auto got = client->receive(of_client, buffer);
            if (got.bytes == 0 && got.error != EAGAIN) failed = got.error;
            (void)server->receive(of_server, buffer);
        }
        return failed;
    }

    std::string up, down;
    memory_end of_client{down, up};
    memory_end of_server{up, down};
    std::unique_ptr<stream> server;
    std::unique_ptr<stream> client;
    std::array<std::byte, 4096> buffer{};
};

TEST(trust, two_who_believe_each_other_talk) {
    const self_signed own{"DNS:bus.example"};
    const auto believes = client_with({.ca_file = own.certificate});
    pair both{server_with(own), *believes, "bus.example"};
    EXPECT_EQ(both.shake_hands(), 0);
    ASSERT_TRUE(both.client->established() && both.server->established());
    constexpr std::string_view text = "hello";
    EXPECT_EQ(both.client->send(both.of_client, std::as_bytes(std::span{text})).bytes, text.size());
    const auto got = both.server->receive(both.of_server, both.buffer);
    EXPECT_EQ((std::string_view{reinterpret_cast<const char*>(both.buffer.data()), got.bytes}), text);
    EXPECT_EQ(both.client->failure(), "");
}

struct doubt_case {
    const char* name;
    const char* names; // of the certificate
    const char* host;
    bool known;
    const char* why; // empty: it is believed
};

TEST(trust, a_certificate_is_for_the_host_that_is_asked_for_and_of_somebody_known) {
    const doubt_case cases[] = {
        {"a name", "DNS:bus.example", "bus.example", true, ""},
        {"a wildcard", "DNS:*.bus.example", "one.bus.example", true, ""},
        {"an address", "IP:10.0.0.1", "10.0.0.1", true, ""},
        {"IPv6", "IP:::1", "::1", true, ""},
        {"another name", "DNS:bus.example", "other.example", true, "hostname mismatch"},
        {"another address", "IP:10.0.0.1", "10.0.0.2", true, "IP address mismatch"},
        {"an address where a name is", "DNS:bus.example", "10.0.0.1", true, "IP address mismatch"},
        {"a part of a label", "DNS:o*.bus.example", "one.bus.example", true, "hostname mismatch"},
        {"nobody known", "DNS:bus.example", "bus.example", false, "self-signed certificate"},
    };
    const self_signed stranger{"DNS:stranger.example"};
    for (const auto& [name, names, host, known, why] : cases) {
        const self_signed own{names};
        const auto believes = client_with({.ca_file = known ? own.certificate : stranger.certificate});
        pair both{server_with(own), *believes, host};
        const int failed = both.shake_hands();
        EXPECT_EQ(failed, *why == '\0' ? 0 : EPROTO) << name;
        EXPECT_EQ(both.client->is_doubted(), *why != '\0') << name;
        EXPECT_EQ(both.client->failure(), why) << name;
        EXPECT_EQ(both.client->established(), *why == '\0') << name;
    }
}

TEST(trust, a_server_that_asks_for_a_certificate_is_shown_one) {
    const self_signed own{"DNS:bus.example"}, ours{"DNS:gateway.example"};
    const auto shows =
        client_with({.ca_file = own.certificate, .certificate_file = ours.certificate, .key_file = ours.key});
    pair good{server_with(own, ours.certificate), *shows, "bus.example"};
    EXPECT_EQ(good.shake_hands(), 0);
    EXPECT_TRUE(good.client->established() && good.server->established());

    const auto shows_none = client_with({.ca_file = own.certificate});
    pair bad{server_with(own, ours.certificate), *shows_none, "bus.example"};
    EXPECT_EQ(bad.shake_hands(), EPROTO);
    EXPECT_FALSE(bad.client->is_doubted());
    EXPECT_NE(bad.client->failure().find("certificate required"), std::string::npos) << bad.client->failure();
}

struct own_case {
    const char* name;
    const self_signed& shown;
    bool good;
};

// So that the program can ask itself how it is, whoever vouches for its clients.
TEST(trust, a_server_may_take_its_own_certificates_from_clients) {
    const self_signed first{"DNS:first.example"}, second{"DNS:second.example"}, vouches, stranger;
    static ticket_keys tickets;
    terms how{.files = {{first.certificate, first.key}, {second.certificate, second.key}},
              .client_ca_file = vouches.certificate,
              .takes_its_own = true};
    for (const bool takes : {true, false}) {
        how.takes_its_own = takes;
        std::shared_ptr<const certificates> made;
        ASSERT_EQ(certificates::read(how, tickets, made), std::nullopt);
        const own_case cases[] = {{"its first", first, takes},
                                  {"its second", second, takes},
                                  {"one that is vouched for", vouches, true},
                                  {"another", stranger, false}};
        for (const auto& [name, shown, good] : cases) {
            const auto shows =
                client_with({.certificate_file = shown.certificate, .key_file = shown.key, .anybody = true});
            pair both{made, *shows, "anywhere.example"};
            EXPECT_EQ(both.shake_hands(), good ? 0 : EPROTO) << name;
            EXPECT_EQ(both.server->established(), good) << name;
        }
    }
}

TEST(trust, who_speaks_no_tls_is_found_out) {
    const self_signed own;
    const auto believes = client_with({.ca_file = own.certificate});
    pair both{server_with(own), *believes, "localhost"};
    (void)both.client->receive(both.of_client, both.buffer);
    both.down = "-ERR Protocol error: invalid multibulk length\r\n";
    EXPECT_EQ(both.client->receive(both.of_client, both.buffer).error, EPROTO);
    EXPECT_EQ(both.client->failure(), "wrong version number");
}

struct file_case {
    const char* name;
    trust_terms how;
    std::string why;
};

TEST(trust, files_that_are_no_good_are_named_with_their_option_and_without_a_byte_of_them) {
    const self_signed own, other;
    const std::string empty = own.name + ".empty", nowhere = own.name + ".nowhere";
    std::ofstream{empty} << "secret";
    const file_case cases[] = {
        {"no file",
         {.ca_file = nowhere, .options = "bus_tls_"},
         "bus_tls_ca_file: " + nowhere + " cannot be read: No such file or directory"},
        {"no certificate",
         {.ca_file = empty, .options = "bus_tls_"},
         "bus_tls_ca_file: " + empty + " holds no certificate as PEM"},
        {"no certificate to be shown",
         {.certificate_file = empty, .key_file = own.key},
         "certificate_file: " + empty + " holds no certificate as PEM"},
        {"no key",
         {.certificate_file = own.certificate, .key_file = empty},
         "key_file: " + empty + " holds no private key as PEM, or one with a passphrase"},
        {"another's key",
         {.certificate_file = own.certificate, .key_file = other.key},
         "key_file: " + other.key + " is not the key of the certificate in " + own.certificate},
    };
    for (const auto& [name, how, why] : cases) {
        std::shared_ptr<const trust> made;
        EXPECT_EQ(trust::read(how, made), why) << name;
        EXPECT_EQ(made, nullptr) << name;
    }
    ::unlink(empty.c_str());
}

} // namespace
} // namespace carillon::tls
