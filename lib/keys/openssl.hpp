#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>
#include <string>
#include <utility>

namespace carillon::keys {

/// Owns what OpenSSL has allocated: `owned<EVP_PKEY, EVP_PKEY_free>`.
template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* what) const noexcept {
        Free(what);
    }
};

template <class T, auto Free>
using owned = std::unique_ptr<T, freed_by<Free>>;

using owned_pkey = owned<EVP_PKEY, EVP_PKEY_free>;
using owned_mac = owned<EVP_MAC_CTX, EVP_MAC_CTX_free>;

/// Takes back what is put on this thread's error queue while it lives: nobody else shall find it there.
class no_openssl_errors {
public:
    no_openssl_errors() { ERR_set_mark(); }
    ~no_openssl_errors() { ERR_pop_to_mark(); }
    no_openssl_errors(const no_openssl_errors&) = delete;
    no_openssl_errors& operator=(const no_openssl_errors&) = delete;
};

/// Bytes that are wiped when they are no longer needed.
class wiped {
public:
    wiped() = default;
    explicit wiped(std::string bytes) : bytes_{std::move(bytes)} {}
    ~wiped() { wipe(); }
    wiped(wiped&& other) noexcept : bytes_{std::move(other.bytes_)} { other.wipe(); }
    wiped& operator=(wiped&& other) noexcept {
        if (this != &other) {
            wipe();
            bytes_ = std::move(other.bytes_);
            other.wipe();
        }
        return *this;
    }

    const std::string& bytes() const noexcept { return bytes_; }

private:
    void wipe() noexcept {
        bytes_.resize(bytes_.capacity()); // what a short string was moved from is still there
        OPENSSL_cleanse(bytes_.data(), bytes_.size());
        bytes_.clear();
    }

    std::string bytes_;
};

} // namespace carillon::keys
