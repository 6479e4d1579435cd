#pragma once

#include "outward/client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace carillon::keys {
class key_set;
}

namespace carillon::backend {

/// How often keys are fetched.
struct key_source_options {
    std::string url;
    std::size_t target = 0; ///< of the client: where it is
    std::chrono::seconds refresh_min{60};
    std::chrono::seconds refresh_max{3'600};
    std::chrono::seconds refetch_min{10};
};

/// The keys of a JWK Set at a URL, together with those that are there from the start. Fetched at the start, then as
/// Cache-Control says within bounds, and when a token names a key that nobody knows: once at a time, and not more often
/// than `refetch_min`. Where that fails, the keys stay as they are. Thread: the control plane's.
class key_source {
public:
    using shared_keys = std::shared_ptr<const keys::key_set>;
    /// Whether what is known now is what was there lately. Any thread may be meant: it is called on the source's.
    using told = std::function<void(bool fresh)>;

    /// `on_change` hears of each other set of keys. `fixed` may be null.
    key_source(boost::asio::io_context& control, outward::client& via, const key_source_options& how, shared_keys fixed,
               std::function<void(shared_keys)> on_change);

    void start() { fetch(); }
    void stop();
    /// From now on these are there beside those of the URL.
    void use_fixed(shared_keys fixed);
    /// A key is missing: fetches, unless that has been done just now, and tells how it went.
    void want(told done);

private:
    using clock = std::chrono::steady_clock;

    void fetch();
    void on_answer(const outward::answer& with);
    bool take(const std::string& text);
    void fetch_after(std::chrono::seconds pause);
    void warn(const std::string& why);

    boost::asio::io_context* control_;
    outward::client* via_;
    key_source_options options_;
    shared_keys fixed_;
    std::function<void(shared_keys)> on_change_;
    boost::asio::steady_timer timer_;
    clock::time_point begun_{}; // the last fetch
    bool fetching_ = false;
    bool fresh_ = false; // it went well
    bool stopped_ = false;
    std::string text_; // of the set that is in use
    std::string last_warning_;
    std::vector<told> waiting_; // one of each shard, for each kind of token
};

} // namespace carillon::backend
