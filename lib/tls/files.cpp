#include "tls/files.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <utility>

namespace carillon::tls {

namespace {

using complaint = std::optional<std::string>;

constexpr std::size_t file_bytes_max = 1024 * 1024;

owned_bio bytes_of(const keys::wiped& text) {
    return owned_bio{BIO_new_mem_buf(text.bytes().data(), static_cast<int>(text.bytes().size()))};
}

// Without it OpenSSL would ask on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

} // namespace

complaint read_file(const std::string& path, keys::wiped& into) {
    std::ifstream file{path, std::ios::binary};
    if (!file) return fmt::format("{} cannot be read: {}", path, std::strerror(errno));
    std::string text(file_bytes_max + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad()) return fmt::format("{} cannot be read: {}", path, std::strerror(errno));
    text.resize(static_cast<std::size_t>(file.gcount()));
    into = keys::wiped{std::move(text)};
    if (into.bytes().size() > file_bytes_max) return fmt::format("{} is larger than {} bytes", path, file_bytes_max);
    return {};
}

complaint use_certificates(SSL_CTX* context, const std::string& path, const keys::wiped& text, owned_certificate& own) {
    const owned_bio bytes = bytes_of(text);
    own.reset(PEM_read_bio_X509(bytes.get(), nullptr, no_passphrase, nullptr));
    if (own == nullptr) return fmt::format("{} holds no certificate as PEM", path);
    if (SSL_CTX_use_certificate(context, own.get()) != 1)
        return fmt::format("{}: OpenSSL does not take the certificate (its key may be too weak)", path);
    for (;;) {
        owned_certificate next{PEM_read_bio_X509(bytes.get(), nullptr, no_passphrase, nullptr)};
        if (next == nullptr) break;
        if (SSL_CTX_add0_chain_cert(context, next.get()) != 1)
            return fmt::format("{}: OpenSSL does not take a certificate of the chain (its key may be too weak)", path);
        (void)next.release();
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return fmt::format("{}: what follows the first certificate cannot be read", path);
    return {};
}

complaint use_key(SSL_CTX* context, const std::string& path, const keys::wiped& text, const std::string& certificate) {
    const owned_bio bytes = bytes_of(text);
    const keys::owned_pkey key{PEM_read_bio_PrivateKey(bytes.get(), nullptr, no_passphrase, nullptr)};
    if (key == nullptr) return fmt::format("{} holds no private key as PEM, or one with a passphrase", path);
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
        return fmt::format("{} is not the key of the certificate in {}", path, certificate);
    return {};
}

complaint believe(SSL_CTX* context, const std::string& path, bool named) {
    keys::wiped text;
    if (auto why = read_file(path, text)) return why;
    const owned_bio bytes = bytes_of(text);
    int taken = 0;
    for (;; ++taken) {
        const owned_certificate next{PEM_read_bio_X509(bytes.get(), nullptr, no_passphrase, nullptr)};
        if (next == nullptr) break;
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), next.get()) != 1 ||
            (named && SSL_CTX_add_client_CA(context, next.get()) != 1))
            return fmt::format("{}: OpenSSL does not take a certificate of it", path);
    }
    if (taken == 0) return fmt::format("{} holds no certificate as PEM", path);
    return {};
}

} // namespace carillon::tls
