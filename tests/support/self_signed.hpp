#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <string>
#include <unistd.h>

namespace carillon::test {

/// A certificate that has signed itself, for `names` ("DNS:a.example,DNS:b.example"), and its key, in files that go
/// with it.
struct self_signed {
    explicit self_signed(const char* names = "DNS:localhost") {
        EVP_PKEY* const pair = EVP_EC_gen("P-256");
        X509* const made = X509_new();
        X509_set_version(made, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
        X509_gmtime_adj(X509_getm_notBefore(made), -3600);
        X509_gmtime_adj(X509_getm_notAfter(made), 3600);
        X509_set_pubkey(made, pair);
        X509_EXTENSION* const names_of_it = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
        X509_add_ext(made, names_of_it, -1);
        X509_EXTENSION_free(names_of_it);
        X509_sign(made, pair, EVP_sha256());
        std::FILE* out = std::fopen(certificate.c_str(), "w");
        PEM_write_X509(out, made);
        std::fclose(out);
        out = std::fopen(key.c_str(), "w");
        PEM_write_PrivateKey(out, pair, nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(out);
        X509_free(made);
        EVP_PKEY_free(pair);
    }
    self_signed(const self_signed&) = delete;
    self_signed& operator=(const self_signed&) = delete;
    ~self_signed() {
        ::unlink(certificate.c_str());
        ::unlink(key.c_str());
    }

    static std::string fresh_name() {
        static int made = 0;
        return fmt::format("{}self-signed-{}-{}", testing::TempDir(), ::getpid(), ++made);
    }

    std::string name = fresh_name();
    std::string certificate = name + ".pem";
    std::string key = name + ".key";
};

} // namespace carillon::test
