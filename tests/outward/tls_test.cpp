#include "outward/client.hpp"
#include "outward/error.hpp"
#include "outward/servers.hpp"

#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>

namespace carillon::outward {
namespace {

/// A key and a certificate for it that it has signed itself.
struct identity {
    explicit identity(const char* names) : pair{EVP_EC_gen("P-256")}, certificate{X509_new()} {
        X509_set_version(certificate, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
        X509_set_pubkey(certificate, pair);
        X509_NAME* name = X509_get_subject_name(certificate);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
        X509_set_issuer_name(certificate, name);
        X509_EXTENSION* other = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
        X509_add_ext(certificate, other, -1);
        X509_EXTENSION_free(other);
        X509_sign(certificate, pair, EVP_sha256());
    }
    identity(const identity&) = delete;
    identity& operator=(const identity&) = delete;
    ~identity() {
        X509_free(certificate);
        EVP_PKEY_free(pair);
    }

    std::string file() const {
        const std::string path = testing::TempDir() + "outward-" + std::to_string(::getpid()) + ".pem";
        std::FILE* out = std::fopen(path.c_str(), "w");
        PEM_write_X509(out, certificate);
        std::fclose(out);
        return path;
    }

    EVP_PKEY* pair;
    X509* certificate;
};

// Answers two requests on each connection.
test_server::script speaking_tls(const identity& as) {
    return [&as](test_server&, int descriptor, int) {
        const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
        SSL_CTX_use_certificate(context.get(), as.certificate);
        SSL_CTX_use_PrivateKey(context.get(), as.pair);
        const std::unique_ptr<SSL, void (*)(SSL*)> with{SSL_new(context.get()), SSL_free};
        SSL_set_fd(with.get(), descriptor);
        if (SSL_accept(with.get()) != 1) return;
        for (int i = 0; i < 2; ++i) {
            std::string text;
            while (!text.ends_with("\r\n\r\n{}")) {
                char bytes[1024];
                const int count = SSL_read(with.get(), bytes, sizeof bytes);
                if (count <= 0) return;
                text.append(bytes, static_cast<std::size_t>(count));
            }
            const std::string said = test_server::ok("safe");
            SSL_write(with.get(), said.data(), static_cast<int>(said.size()));
        }
    };
}

answer ask(client& one, std::size_t target) {
    std::promise<answer> said;
    one.send(target, {.body = "{}"}, [&](answer with) { said.set_value(std::move(with)); });
    return said.get_future().get();
}

target_options options_for(const test_server& server, std::string host, std::string ca_file) {
    target_options how;
    how.where = {.encrypted = true, .host = std::move(host), .port = server.port, .target = "/"};
    how.ca_file = std::move(ca_file);
    how.timeout = std::chrono::seconds{20};
    return how;
}

TEST(tls, a_certificate_must_be_good_and_for_the_name) {
    const identity mine{"DNS:localhost,IP:127.0.0.1"};
    const identity of_another{"DNS:elsewhere.example.com"};
    test_server good{speaking_tls(mine)};
    test_server wrong_name{speaking_tls(of_another)};
    test_server not_encrypted{[](test_server&, int descriptor, int) {
        test_server::write(descriptor, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    }};
    const std::string ca = mine.file();
    client one;
    const auto by_name = one.add(options_for(good, "localhost", ca));
    const auto by_address = one.add(options_for(good, "127.0.0.1", ca));
    const auto unknown_issuer = one.add(options_for(good, "localhost", ""));
    const std::string others = of_another.file();
    const auto other_name = one.add(options_for(wrong_name, "localhost", others));
    const auto plain = one.add(options_for(not_encrypted, "localhost", ca));
    std::remove(others.c_str());
    std::thread thread{[&] { one.run(); }};
    for (const auto target : {by_name, by_address}) {
        for (int i = 0; i < 3; ++i) {
            const answer said = ask(one, target);
            ASSERT_TRUE(said) << said.error().message();
            EXPECT_EQ(said->body, "safe");
        }
    }
    for (const auto target : {unknown_issuer, other_name, plain}) EXPECT_EQ(ask(one, target).error(), error::untrusted);
    one.stop();
    thread.join();
}

TEST(tls, certificates_that_cannot_be_read_are_told_at_the_start) {
    client one;
    target_options how;
    how.where = {.encrypted = true, .host = "localhost", .port = 1, .target = "/"};
    how.ca_file = "/nowhere/ca.pem";
    EXPECT_THROW(one.add(how), boost::system::system_error);
}

} // namespace
} // namespace carillon::outward
