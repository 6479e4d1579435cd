#pragma once

#include "net/connection.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::auth {
class verifier;
} // namespace carillon::auth

namespace carillon::http {
class request_head;
} // namespace carillon::http

namespace carillon::keys {
class key_set;
} // namespace carillon::keys

namespace carillon::metrics {
struct shard_counters;
} // namespace carillon::metrics

namespace carillon::people {

/// What a token lets its client do.
enum class token_kind : std::uint8_t { connection, subscription };

/// Whose tokens are good. The keys are those of auth::verifier.
struct token_options {
    std::shared_ptr<const keys::key_set> keys{};              ///< of connections; none: no token is good
    std::shared_ptr<const keys::key_set> subscription_keys{}; ///< none: those of connections
    std::string audience{};
    std::string issuer{};
    std::string user_claim = "sub";
    std::chrono::seconds leeway{0};
    std::string cookie{}; ///< of the upgrade, that may hold a connection's token; empty: none
    std::string query{};  ///< the parameter of the same; empty: none
    std::size_t token_bytes_max = 16 * 1024;
    std::size_t remembered_bytes_max = 4 * 1024 * 1024; ///< for each of the two kinds
    /// Keys that come from elsewhere, and may be fetched anew when one is missing: asks for that, and the waiting must
    /// be taken, in time. None: they are what they are.
    std::function<void()> fetch_keys{};
    std::function<void()> fetch_subscription_keys{}; ///< none: those of connections, if that is so for the keys
};

/// The tokens that the clients of a shard show: those that came with an upgrade and wait for the connect, whether one
/// is good, and who waits for its key. Not thread-safe.
class gatekeeper {
public:
    explicit gatekeeper(const token_options& how);
    gatekeeper(const gatekeeper&) = delete;
    gatekeeper& operator=(const gatekeeper&) = delete;
    ~gatekeeper();

    /// Null: there are no keys, and so no token can be good.
    auth::verifier* verifier() const noexcept { return verifier_.get(); }
    /// What the memory of tokens has done goes into `into`.
    void count(metrics::shard_counters& into) const;

    /// Other keys, as in token_options; tokens that are remembered are forgotten. Only if there were some.
    void use(std::shared_ptr<const keys::key_set> keys, std::shared_ptr<const keys::key_set> subscription_keys);
    /// Other options; what keys are fetched by stays.
    void reconfigure(const token_options& now);

    /// The key of a token is not known. True: it may be had.
    bool may_fetch(token_kind of) const;
    /// One more who waits for keys, which are asked for if it is the first.
    void wait(net::connection_key whose, token_kind of);
    /// All who do, and who wait no more.
    std::vector<net::connection_key> take_waiting(token_kind of);

    /// Keeps the token of an upgrade, for those who cannot send it in their connect. Only one counts: that of the
    /// Authorization field before that of the cookie, and the query's at last.
    void keep(net::connection_key whose, const http::request_head& head);
    /// The one that was kept; empty: there is none.
    std::string_view kept(net::connection_key whose) const noexcept;
    void forget(net::connection_key whose) noexcept;

private:
    token_kind whose_keys(token_kind of) const noexcept;
    const std::function<void()>& fetch(token_kind of) const noexcept;

    token_options options_;
    std::unique_ptr<auth::verifier> verifier_; // null: there are no keys
    boost::unordered_flat_map<std::uint64_t, std::string> kept_;
    std::array<std::vector<net::connection_key>, 2> waiting_; // by the kind of token
};

} // namespace carillon::people
