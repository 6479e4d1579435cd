#pragma once

#include "backend/key_source.hpp"
#include "backend/proxies.hpp"
#include "backend/token_keys.hpp"
#include "config/settings.hpp"
#include "metrics/outward_facts.hpp"
#include "outward/client.hpp"
#include "people/gatekeeper.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace carillon::shards {
class shard;
struct share;
} // namespace carillon::shards

namespace carillon::gateway {

/// Whoever outside of the process is asked something, and the thread on which that happens; there is none where nobody
/// is asked. Thread: the control plane's, but for what shards call.
class outside {
public:
    using all_shards = std::vector<std::unique_ptr<shards::shard>>;

    /// `all` may be filled later, before start(). Throws boost::system::system_error if certificates cannot be read.
    outside(boost::asio::io_context& control, const config::settings& how, const backend::token_keys& fixed,
            const all_shards& all);
    outside(const outside&) = delete;
    outside& operator=(const outside&) = delete;
    ~outside();

    /// From now on these are the keys that come from nowhere else. Returns all that there are.
    const backend::token_keys& use_fixed(const backend::token_keys& fixed);

    /// What a shard needs, into its share.
    void equip(shards::share& mine);
    /// Connections that it may have open.
    static std::size_t connections_max(const config::settings& how);

    /// What events and lists name the process by. Before start().
    void be_called(const std::string& node, const std::string& boot);
    /// An event of the process, to all who hear of any. Any thread.
    void tell(std::string_view what);

    /// Throws std::system_error if the thread cannot be started.
    void start();
    /// When the shards have ended. Any thread.
    void join();
    /// After join(), so that nothing is left on the control plane's thread.
    void stop();
    /// After join(): a look-up is still under way, and the destructor waits for its end.
    bool looks_up() const noexcept { return client_ && client_->looks_up(); }

    /// Those of no target, where nobody has answered in time.
    boost::asio::awaitable<std::vector<metrics::outward_facts>> facts(std::chrono::milliseconds patience);

private:
    void add_keys(const config::settings& how, std::string name, const std::string& url, people::token_kind of);
    void tell_keys();
    void want_keys(people::token_kind of, std::uint32_t shard);

    boost::asio::io_context* control_;
    const all_shards* shards_;
    backend::token_keys keys_;
    std::unique_ptr<outward::client> client_;       // null: nobody is asked
    std::optional<backend::key_source> sources_[2]; // of keys, by the kind of token
    std::optional<backend::proxy_table> proxies_;
    std::thread thread_;
};

} // namespace carillon::gateway
