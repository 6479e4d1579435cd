#pragma once

#include "api/decoder.hpp"
#include "api/reply.hpp"
#include "control/routes.hpp"
#include "metrics/api_counters.hpp"

#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::control {

/// Carries out what the server API is asked for. Thread: the control plane's.
class api_backend {
public:
    /// The answers, in the order of the commands, which are carried out one after another or, if `parallel`, in any
    /// order.
    virtual boost::asio::awaitable<std::vector<api::reply>> carry_out(std::vector<api::command> commands,
                                                                      bool parallel) = 0;

protected:
    ~api_backend() = default;
};

/// The keys of the API: at least one.
class api_keys {
public:
    explicit api_keys(const std::vector<std::string>& keys);

    /// Whether it is one of them. Takes the same time for every text of this length.
    bool has(std::string_view key) const;

private:
    using digest = std::array<unsigned char, 32>;
    digest digest_of(std::string_view key) const;

    digest secret_{};
    std::vector<digest> digests_;
};

/// The answer to who does not POST, or has none of the keys.
std::optional<response> refuse_stranger(const request_facts& head, const api_keys& keys);

/// The server API over HTTP (protocol §8): POST /api/METHOD with the parameters as the body, and POST /api with
/// `{"method":...,"params":...}`. The key comes in X-API-Key, or in Authorization after "apikey". Who has none is
/// answered before his body is read. Thread: the control plane's.
class api_route final : public post_route {
public:
    api_route(const std::vector<std::string>& keys, const api::limits& limits, api_backend& backend,
              metrics::api_request_counts& counts);

    const api_keys& keys() const noexcept { return keys_; }
    /// From now on these, at least one.
    void use_keys(const std::vector<std::string>& keys) { keys_ = api_keys{keys}; }

    std::optional<response> refuse(const request_facts& head) override;
    std::size_t body_bytes_max() const noexcept override { return limits_.body_bytes_max; }
    response too_large(const request_facts& head) override;
    boost::asio::awaitable<response> answer(const request_facts& head, std::string body) override;

private:
    response refused(const request_facts& head, unsigned status, std::string sentence);
    response write(std::string_view method, const api::reply& what, bool as_status);
    void count(std::string_view method, const api::reply& what);

    api_keys keys_;
    api::limits limits_;
    api::decoder decoder_;
    api_backend* backend_;
    metrics::api_request_counts* counts_;
};

} // namespace carillon::control
