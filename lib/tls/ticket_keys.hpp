#pragma once

#include "tls/openssl.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>

namespace carillon::tls {

/// The keys that session tickets are sealed with (RFC 5077 §4): a client that comes back shows its ticket, and nothing
/// has been kept for it. A new key is made in each period; tickets of the two periods before are still good. They are
/// the process's own, and are never written anywhere. Any thread.
class ticket_keys {
public:
    using clock = std::chrono::steady_clock;

    static constexpr std::chrono::hours period{1};
    static constexpr std::size_t kept = 3;

    explicit ticket_keys(clock::time_point (*now)() = clock::now) : now_{now} {}
    ticket_keys(const ticket_keys&) = delete;
    ticket_keys& operator=(const ticket_keys&) = delete;
    ~ticket_keys();

    /// Lets the context seal its tickets with these keys, which outlive it.
    void serve(SSL_CTX* context);

    std::size_t size() const;

private:
    struct key {
        std::array<unsigned char, 16> name;
        std::array<unsigned char, 32> cipher;
        std::array<unsigned char, 32> mac;
        clock::time_point made;
    };

    static int on_ticket(SSL* of, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                         int seal);
    int seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);
    int open(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);
    bool renew();

    clock::time_point (*now_)();
    mutable std::mutex guard_; // a ticket is a part of a handshake, which costs a hundred times as much
    std::deque<key> keys_;     // the newest first
};

} // namespace carillon::tls
