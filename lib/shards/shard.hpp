#pragma once

#include "api/request.hpp"
#include "backend/proxies.hpp"
#include "backend/token_keys.hpp"
#include "bus/broker.hpp"
#include "bus/embedded_bus.hpp"
#include "config/settings.hpp"
#include "door/resp_door.hpp"
#include "hub/hub.hpp"
#include "link/server.hpp"
#include "link/turn.hpp"
#include "metrics/shard_counters.hpp"
#include "net/descriptor_channel.hpp"
#include "net/listener.hpp"
#include "net/netpoll.hpp"
#include "net/slab.hpp"
#include "net/timer_wheel.hpp"
#include "session/server.hpp"
#include "shards/channel_page.hpp"
#include "shards/clerk.hpp"
#include "shards/home_desk.hpp"
#include "shards/refusal_log.hpp"
#include "shards/shedder.hpp"
#include "work/work_pool.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace carillon::shards {

/// A shard's end of the bus.
struct bus_end {
    bus::broker& any;
    bus::embedded_broker* embedded = nullptr; ///< the same, if the bus is in this process: a bus door needs it
};

/// Makes a shard's end of the bus.
using connect_bus =
    std::function<bus_end(std::uint32_t shard, boost::asio::io_context& context, hub::hub& subscribers)>;

class shard;

/// Listening sockets that another process has had, and that shards listen on instead of their own. Once there is one,
/// shards do not accept, deliver or read before begin() (docs/decisions/0059).
struct inheritance {
    struct one {
        std::string host;
        net::owned_descriptor socket{};
    };
    std::vector<one> clients;
    std::vector<one> buses;
};

/// What a shard gets of the whole.
struct share {
    std::uint32_t number = 0;
    std::uint32_t shards = 1;
    std::uint32_t connections_max = 1; ///< of this shard, of both kinds together
    std::uint32_t clients_max = 1;     ///< of those, of clients
    std::optional<int> processor{};    ///< that run() stays on; none: the kernel chooses
    bool serves_clients = true;        ///< else it has the bus door only
    std::uint16_t client_port = 0;     ///< 0: any free one
    std::uint16_t bus_port = 0;
    backend::token_keys keys{};                      ///< that its clients' tokens are checked with
    std::function<void()> fetch_keys{};              ///< as in people::token_options
    std::function<void()> fetch_subscription_keys{}; ///< the same
    backend::proxy_table* proxies = nullptr;         ///< who is asked what its clients may do; none: nobody
    people::user_counts* users = nullptr;            ///< as in session::options
    tls::entrance* entrance = nullptr;               ///< for its clients on TCP; null: they speak no TLS
    tls::entrance* bus_entrance = nullptr;           ///< the same for its bus door
    session::door_options door{};                    ///< who may come in to its clients
    std::string node{};                              ///< what clients name this process by
    /// As session::options::emulate.
    std::function<bool(std::uint32_t shard, std::string session, std::string data)> emulate{};
    std::function<session::options::passing(std::string node, std::string session, std::string data)>
        emulate_elsewhere{};          ///< the same
    std::vector<std::string> pages{}; ///< paths of the client port that the control plane answers
    inheritance* inherited = nullptr; ///< listeners that another process has had; none: it listens by itself
    const shard* first = nullptr;     ///< whose unix sockets are listened on, too; none: this is the first
};

/// One core's worth of gateway: an io_context of one thread, and everything that its connections need. Made and wired
/// on the starting thread; after that everything runs on its own thread but `post`, the desk's `take` and the
/// constructor.
class shard {
public:
    shard(const config::settings& how, const share& mine, const connect_bus& bus, session::handover plain_http);
    shard(const shard&) = delete;
    shard& operator=(const shard&) = delete;
    ~shard();

    using listeners = std::vector<std::unique_ptr<net::listener>>;
    /// None in a program that is a bus only, or without a bus door; two where a host stands for two addresses.
    const listeners& client_listeners() const noexcept { return client_listeners_; }
    const listeners& bus_listeners() const noexcept { return bus_listeners_; }

    /// Serves until it has been drained.
    void run();

    /// Begins to end: no more connections, everybody is told 3001 at an even pace within the window, and when all have
    /// gone, or when the last of them has been waited for with patience, run() returns.
    void drain(std::chrono::milliseconds window, std::chrono::milliseconds patience);
    /// Ends: whoever has not been told is told now, and whoever is still there then is cut.
    void hurry();
    /// Tells so many clients to go elsewhere, within the window.
    void shed(std::uint32_t clients, std::chrono::milliseconds window) { shedder_->close_some(clients, window); }

    std::uint32_t clients() const noexcept { return sessions_ ? sessions_->open() : 0; }
    /// Clients that are still to be told to go. Any thread.
    std::uint32_t leaving() const noexcept { return shedder_->left(); }

    // What the server API asks for.
    /// Publishes.
    clerk& desk() noexcept { return *desk_; }
    /// The first channels here, as channel_search finds them; `then` is called in this turn or a later one.
    void find_channels(const api::channels_request& asked, std::size_t most, std::function<void(channel_counts)> then);
    /// Subscribes, unsubscribes, disconnects or refreshes a user: how many connections that concerned. None: nobody
    /// here knows users.
    std::optional<std::uint32_t> carry_out(const api::command& what);

    /// What can change at once of another configuration.
    void reconfigure(const config::settings& how, const backend::token_keys& keys);
    std::optional<std::uint64_t> last_told() const { return sessions_ ? sessions_->talks().last_told() : std::nullopt; }
    /// As session::server has them; nobody, where there are no clients.
    std::uint32_t list_users(std::uint32_t first, std::vector<std::size_t>& into) {
        return sessions_ ? sessions_->talks().connected().list_users(first, into) : net::no_index;
    }
    std::uint32_t list_connections(std::uint32_t first, std::string_view user, std::size_t most,
                                   std::vector<api::connection_info>& into) {
        return sessions_ ? sessions_->talks().connected().list_connections(first, user, most, into) : net::no_index;
    }

    // What `outside` has heard.
    void use_keys(const backend::token_keys& now) {
        if (sessions_) sessions_->talks().tokens().use(now.connections, now.subscriptions);
    }
    void on_keys(people::token_kind of, bool fresh) {
        if (sessions_) sessions_->talks().on_keys(of, fresh);
    }
    /// What a client of this shard says by a request of its own.
    void on_emulated(const std::string& session, std::string data) {
        if (sessions_) sessions_->on_emulated(session, std::move(data));
    }

    /// Asks what is kept of a channel whose home this shard is; `then` is called on this shard's thread.
    void ask_home(const std::string& channel, const bus::home_question& asked, home_desk::told then) {
        questions_->ask(channel, asked, std::move(then));
    }

    // takeover.cpp: its clients go to another process; in this order
    /// Follows the streams of its channels; `then(whether that is known of all of them)`. Again for those that are new.
    void prepare(std::function<void(bool well)> then);
    /// Does not read clients that may go any more. Says how many answers are awaited from the bus.
    std::size_t park();
    /// From now on nothing is sent or timed, until give_up() or let_go().
    void freeze();
    session::server::parcel pack_some() { return sessions_->pack_some(); }
    bool is_undisturbed() { return sessions_->is_undisturbed(); }
    /// As if nothing had happened.
    void give_up();
    /// Those who were packed are the other process', and so are the listeners. Says how many clients stay, to be
    /// drained.
    std::uint32_t let_go();

    // And clients come from another process, to a shard that has inherited.
    bool adopt(session::server::parcel what) { return sessions_->adopt(std::move(what)); }
    /// What they have missed; `then(whether all can go on)`.
    void learn(std::function<void(bool well)> then) { sessions_->takes().learn(std::move(then)); }
    /// They stay the other process': nothing is said to them.
    void disown() { sessions_->disown(); }
    /// Serves them, and accepts. Says how many subscriptions could not go on.
    std::uint64_t begin();

    metrics::shard_counters snapshot() const;
    /// How often it has got something done; with nothing to do, it is the tick. Any thread.
    std::uint64_t steps() const noexcept { return poll_.making().steps(); }
    boost::asio::io_context& context() noexcept { return context_; }

private:
    void go_on(std::shared_ptr<channel_search> search, std::function<void(channel_counts)> then);
    listeners listen(net::listen_options options, const listeners* of_first);
    template <class Server>
    void accept(const listeners& at, Server& plain, std::optional<link::server::encrypting>& encrypted);
    listeners listen(std::vector<inheritance::one>& inherited, std::uint32_t number, std::uint32_t shards);
    void accept();
    void take_processor();
    void tick();
    void pass_deadlines(net::timer_wheel::clock::time_point now);
    void schedule_tick(net::timer_wheel::clock::time_point now);
    bool drained() const;
    void end();

    share mine_;
    boost::asio::io_context context_{1};
    std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> busy_;
    metrics::shard_counters counters_;
    refusal_log refusals_;
    net::slab records_;
    net::netpoll poll_;
    net::timer_wheel wheel_;
    work::work_pool pool_;
    link::turn turns_;
    hub::deliveries deliveries_;
    hub::hub hub_{deliveries_};
    bus::broker* broker_ = nullptr;
    bus::embedded_broker* embedded_ = nullptr;           // the same, or null with an external bus
    std::optional<backend::proxy_desk> proxies_;         // none: the application is not asked
    std::unique_ptr<session::server> sessions_;          // null in a program that is a bus only
    std::optional<link::server::encrypting> encrypting_; // of these, where TLS is spoken
    std::unique_ptr<door::resp_door> door_;              // null without a bus door
    std::optional<link::server::encrypting> encrypting_door_;
    std::optional<clerk> desk_;
    std::optional<home_desk> questions_;
    std::optional<shedder> shedder_;
    listeners client_listeners_;
    listeners bus_listeners_;
    net::accept_policy accepting_;
    boost::asio::steady_timer ticker_;
    net::timer_wheel::clock::time_point next_tick_;
    std::optional<net::timer_wheel::clock::time_point> drain_until_;
    bool frozen_ = false; // its clients are on their way to another process
};

} // namespace carillon::shards
