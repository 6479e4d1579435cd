#pragma once

#include "api/decoder.hpp"
#include "api/reply.hpp"
#include "control/routes.hpp"
#include "metrics/api_counters.hpp"

#include <boost/asio/awaitable.hpp>

#include <array>
#include <bitset>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
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

/// Methods of the API, by where they stand in api::command.
using method_set = std::bitset<std::variant_size_v<api::command>>;

/// A key of the API, and the names of the methods that it is for; none: all.
struct api_access {
    std::string key;
    std::vector<std::string> methods{};
};

/// The keys of the API: at least one.
class api_keys {
public:
    explicit api_keys(const std::vector<api_access>& keys);

    /// What may be done with a key; none: it is no key. Takes the same time for every text of this length.
    std::optional<method_set> find(std::string_view key) const;

private:
    using digest = std::array<unsigned char, 32>;
    digest digest_of(std::string_view key) const;

    digest secret_{};
    std::vector<std::pair<digest, method_set>> entries_;
};

/// The answer to who does not POST, or has none of the keys: then `may` is empty. Else it is what the key is for.
std::optional<response> refuse_stranger(const request_facts& head, const api_keys& keys, method_set& may);

/// The server API over HTTP (protocol §8): POST /api/METHOD with the parameters as the body, and POST /api with
/// `{"method":...,"params":...}`, or several of these in lines of their own, whose answers are lines, too. The key
/// comes in X-API-Key, or in Authorization after "apikey". Who has none is answered before his body is read. Thread:
/// the control plane's.
class api_route final : public post_route {
public:
    api_route(const std::vector<api_access>& keys, const api::limits& limits, api_backend& backend,
              metrics::api_request_counts& counts);

    const api_keys& keys() const noexcept { return keys_; }
    /// From now on these, at least one.
    void use_keys(const std::vector<api_access>& keys) { keys_ = api_keys{keys}; }

    std::optional<response> refuse(const request_facts& head) override;
    std::size_t body_bytes_max() const noexcept override { return limits_.body_bytes_max; }
    response too_large(const request_facts& head) override;
    boost::asio::awaitable<response> answer(const request_facts& head, std::string body) override;
    /// Publications: what is on its way together costs one waking of the shard.
    bool joins(std::string_view path) const noexcept override { return path == "/api/publish"; }
    boost::asio::awaitable<std::vector<response>> answer_all(std::vector<asked> all) override;

private:
    boost::asio::awaitable<response> answer_one(std::string_view method, api::command wanted, bool as_status);
    boost::asio::awaitable<response> answer_batch(api::batch_request wanted);
    boost::asio::awaitable<response> answer_legacy(const request_facts& head, std::string body, bool as_status);
    response refused(const request_facts& head, unsigned status, std::string sentence);
    response write(std::string_view method, const api::reply& what, bool as_status);
    void count(std::string_view method, const api::reply& what);
    std::optional<response> forbid(const request_facts& head, const api::request& wanted);
    response forbidden(const request_facts& head, std::string_view method);

    api_keys keys_;
    api::limits limits_;
    api::decoder decoder_;
    api_backend* backend_;
    metrics::api_request_counts* counts_;
};

} // namespace carillon::control
