#pragma once

#include "bus/embedded_bus.hpp"
#include "config/reload.hpp"
#include "config/settings.hpp"
#include "control/admin_route.hpp"
#include "control/http_server.hpp"
#include "control/operator_route.hpp"
#include "gateway/encryption.hpp"
#include "gateway/outside.hpp"
#include "lifecycle/departures.hpp"
#include "lifecycle/doorkeeper.hpp"
#include "lifecycle/shutdown_signals.hpp"
#include "lifecycle/stall_watch.hpp"
#include "lifecycle/supervisor.hpp"
#include "loading/load.hpp"
#include "net/pulse.hpp"
#include "nodes/exchange.hpp"
#include "orders/server_api.hpp"
#include "people/user_counts.hpp"
#include "redis/redis_link.hpp"
#include "shards/shard.hpp"
#include "succession/predecessor.hpp"
#include "succession/successor.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace carillon::gateway {

using lifecycle::departures;
using lifecycle::doorkeeper;
using lifecycle::shutdown_signals;
using lifecycle::signal_meaning;
using lifecycle::stall_watch;
using lifecycle::supervisor;
using succession::predecessor;
using succession::successor_door;

/// Which program this is: a gateway with an embedded or an external bus, or a bus on its own, without clients.
enum class role : std::uint8_t { gateway, bus };

/// What has come of reading the configuration anew.
struct reload_outcome {
    std::string wrong;    ///< not empty: all stays as it was
    config::changes what; ///< otherwise
};

/// In one line, for the log.
std::string in_words(const reload_outcome& of);

/// The whole: shards, each on a thread, and the control plane on the thread that calls run(). Start-up in order:
/// limits, bus, shards, control plane, ready. Shutdown in reverse: not ready, no more connections, everybody is told,
/// the shards end, the control plane ends.
class gateway {
public:
    /// Where it listens; the ports that were asked for, or those that were free.
    struct ports {
        std::uint16_t client = 0; ///< 0: a bus on its own
        std::uint16_t control = 0;
        std::uint16_t bus = 0; ///< 0: no bus door
    };

    /// Listens, but serves nobody yet. Throws boost::system::system_error, in words for the user. With `before`, whose
    /// place it takes, it listens where that does, and may throw std::runtime_error, too.
    explicit gateway(const config::settings& how, role which = role::gateway,
                     std::unique_ptr<predecessor> before = nullptr);
    gateway(const gateway&) = delete;
    gateway& operator=(const gateway&) = delete;
    ~gateway();

    ports where() const noexcept { return ports_; }

    /// Serves until stop() has been called and everybody has gone. Throws std::system_error if a thread cannot be
    /// started; those that were have ended then.
    void run();
    /// After run(): the look-up of a name is still under way. The destructor waits for its end, which only the
    /// system's resolver can bring about.
    bool looks_up() const noexcept { return (upstream_ && upstream_->looks_up()) || outside_->looks_up(); }
    /// Begins the shutdown. Any thread; a second call changes nothing.
    void stop();
    /// Ends the patience of the shutdown: whoever is still there is cut. Any thread; before stop() it does nothing.
    void hurry();
    /// Lets SIGTERM and SIGINT call stop(), a second one, a second later or more, hurry(), and a third end the process.
    /// SIGHUP reads the configuration and the certificates anew. Before run().
    void stop_on_signals();
    /// How the configuration is read anew; called on run()'s thread. Before run().
    void read_again_by(std::function<loading::outcome()> how) { read_again_ = std::move(how); }

private:
    tls::entrance* entrance(encryption::port at) const noexcept;
    void build_routes();
    static std::vector<control::api_access> api_access_of(const config::settings& how);
    void offer_api();
    void offer_departures();
    void offer_reload();
    reload_outcome reload();
    reload_outcome read_and_take();
    void take_settings(const backend::token_keys& fixed);
    void on_hangup(int number);
    boost::asio::awaitable<control::response> reload_by_order(std::string body);
    boost::asio::awaitable<control::response> drain_progress();
    boost::asio::awaitable<control::response> rebalance(std::string body);
    void offer_admin();
    boost::asio::awaitable<control::response> configuration();
    boost::asio::awaitable<control::response> live();
    boost::asio::awaitable<control::response> ready();
    boost::asio::awaitable<control::response> metrics();
    boost::asio::awaitable<std::vector<std::optional<metrics::shard_counters>>> collect();
    std::uint64_t counted_descriptors(const std::vector<std::optional<metrics::shard_counters>>& copies) const;
    boost::asio::awaitable<redis::redis_link::figures> ask_upstream();
    std::chrono::milliseconds watch_shards();
    void end_control();
    void take_over();
    void await_successor();
    void follow_successor();
    void await_signal();
    void on_signal(int number);
    void start_threads();
    void end_threads();
    void join_threads();
    std::uint16_t listen_for_control();
    static void check_place(const predecessor& before, const config::settings& how, const redis::redis_link* bus);

    std::unique_ptr<predecessor> before_; // null: it takes nobody's place
    config::settings loaded_;             // as it was read
    config::settings settings_;
    std::function<loading::outcome()> read_again_;
    std::uint64_t reloads_done_ = 0;
    std::uint64_t reloads_refused_ = 0;
    void join_nodes(const std::string& uid);
    session::options::passing emulate_elsewhere(const std::string& node, std::string session, std::string data);
    bool emulate(std::uint32_t number, std::string session, std::string data, std::size_t most);

    std::size_t connections_max_ = 0;
    std::atomic<std::size_t> emulated_waiting_{0};
    ports ports_;
    std::uint64_t descriptors_at_start_ = 0;
    boost::asio::io_context control_context_{1};
    boost::asio::signal_set signals_{control_context_};
    shutdown_signals impatience_;
    supervisor supervisor_;
    net::pulse watching_{control_context_, [this] { return watch_shards(); }};
    bool ended_ = false;               // the shards have, and no signal is waited for any more
    std::optional<stall_watch> watch_; // while run() runs
    control::route_table control_routes_;
    control::route_table client_routes_;
    std::unique_ptr<encryption> encryption_; // null: no TLS
    control::http_server http_;              // the control port's own
    control::http_server pages_;             // requests on the client port, which must not shut out the others
    role role_;
    std::unique_ptr<bus::embedded_bus> embedded_; // one of these two
    std::unique_ptr<redis::redis_link> upstream_;
    std::optional<people::user_counts> users_; // where their connections are limited
    std::optional<doorkeeper> doorkeeper_;
    std::vector<std::unique_ptr<shards::shard>> shards_;
    std::optional<outside> outside_;
    metrics::api_request_counts api_requests_;
    std::optional<orders::server_api> api_; // with a key, an admin page, or other gateways
    std::optional<nodes::exchange> nodes_;  // with a bus outside
    std::optional<control::api_route> api_route_;
    std::optional<control::operator_route> rebalance_route_;
    std::optional<control::operator_route> reload_route_;
    std::optional<departures> departures_;
    std::optional<control::admin_route> admin_route_; // if there is an admin page
    std::optional<successor_door> successor_;         // none: nobody can take over
    std::atomic<bool> stopping_ = false;
    std::thread upstream_thread_;            // while run() runs
    std::vector<std::thread> shard_threads_; // the first of shards_ that run
};

} // namespace carillon::gateway
