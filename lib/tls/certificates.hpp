#pragma once

#include "tls/openssl.hpp"
#include "tls/ticket_keys.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace carillon::tls {

/// What connections are accepted with.
struct terms {
    struct pair {
        std::string certificate; ///< path of a PEM file: the certificate, and behind it those that vouch for it
        std::string key;         ///< path of the PEM file of its private key, without a passphrase
    };
    std::vector<pair> files;      ///< the first is for clients that name nobody, or one whom no certificate is for
    std::string client_ca_file{}; ///< clients must show a certificate that one in this file vouches for; empty: none
    std::string client_ca_option = "tls_client_ca_file"; ///< what named that file, for complaints
    bool only_1_3 = false;                               ///< else TLS 1.2, too
    /// Where they come in. A session that began elsewhere, or when others vouched for clients, is not resumed.
    std::string place{};
    bool http = true; ///< HTTP is what is said (ALPN); else what a client wants to say is not looked at
    /// Who shows one of these certificates, and has its key, is good as well: the program itself.
    bool takes_its_own = false;
};

/// Certificates and keys that have been read, ready to be used by connections. Constant.
class certificates {
public:
    /// Reads all files. The complaint is one line, with the option's and the file's name and without a byte of a key;
    /// `into` is as it was then. The tickets' keys outlive whatever is made.
    static std::optional<std::string> read(const terms& how, ticket_keys& tickets,
                                           std::shared_ptr<const certificates>& into);

    certificates(const certificates&) = delete;
    certificates& operator=(const certificates&) = delete;

    /// The state of one connection that a client has begun, or null if there is no memory. While its handshake lasts,
    /// this object must live.
    owned_ssl accept() const;

    /// The context for a host's name, as SNI has it (RFC 6066 §3): a certificate's own name, then one with a wildcard
    /// for its first label, then the first certificate.
    SSL_CTX* context_for(std::string_view host) const;

    std::size_t size() const noexcept { return contexts_.size(); }
    /// What is odd about them, for the log: one that has ended, or has not begun.
    const std::vector<std::string>& remarks() const noexcept { return remarks_; }
    /// When the first of them ends.
    std::chrono::sys_seconds not_after() const noexcept { return not_after_; }

private:
    certificates() = default;

    struct session_context;

    std::optional<std::string> add(const terms& how, const terms::pair& files, const session_context& sessions,
                                   ticket_keys& tickets);
    static int judge_client(X509_STORE_CTX* shown, void* all);
    void take_names(X509* of, SSL_CTX* context);
    void look_at_times(X509* of, const std::string& path);

    std::vector<owned_context> contexts_;
    std::unordered_map<std::string, SSL_CTX*> by_name_; // "example.org", "*.example.org"
    std::vector<std::string> remarks_;
    std::chrono::sys_seconds not_after_{std::chrono::sys_seconds::max()};
};

/// Where connections become encrypted: the certificates of the moment. Any thread.
class entrance {
public:
    explicit entrance(std::shared_ptr<const certificates> with) : now_{std::move(with)} {}
    entrance(const entrance&) = delete;
    entrance& operator=(const entrance&) = delete;

    /// For connections that come from now on. Those that are there keep what they have.
    void use(std::shared_ptr<const certificates> with) {
        const std::lock_guard held{mutex_};
        now_.swap(with);
    }
    std::shared_ptr<const certificates> now() const {
        const std::lock_guard held{mutex_};
        return now_;
    }

private:
    // std::atomic of a shared_ptr is let go of without an order in libstdc++ 12: a reader could still be at it.
    mutable std::mutex mutex_;
    std::shared_ptr<const certificates> now_;
};

} // namespace carillon::tls
