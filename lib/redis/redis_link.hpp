#pragma once

#include "base/name_hash.hpp"
#include "bus/broker.hpp"
#include "bus/mailbox.hpp"
#include "discovery/rendezvous.hpp"
#include "ledger/node_presence.hpp"
#include "ledger/node_streams.hpp"
#include "redis/cluster.hpp"
#include "redis/redis_broker.hpp"
#include "redis/redis_options.hpp"
#include "upstream/probe.hpp"
#include "upstream/upstream.hpp"
#include "wires/asker.hpp"
#include "wires/branch.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace carillon::redis {

using carillon::upstream::upstream;
using carillon::upstream::upstream_options;
using wires::asker;
using wires::branch;
using wires::place;

/// One process' connection to a Redis, a Valkey or a carillon-bus, on a thread of its own, or in a cluster its
/// connections to the primaries. It counts the interest of the shards, so that the server sees one subscription for
/// each channel of the process, and gives each message to the shards that may have subscribers.
class redis_link final : public ledger::node_listener, private wires::branch_owner {
public:
    redis_link(const redis_options& how, std::uint32_t shards);
    redis_link(const redis_link&) = delete;
    redis_link& operator=(const redis_link&) = delete;
    ~redis_link();

    /// Called on the link's thread when the server has come back, with a remark if there is one to be made, and with
    /// the reason when it has gone or cannot be reached; once for each change. Before run().
    void on_change(std::function<void(bool live, const std::string& why)> told) { told_ = std::move(told); }

    /// Called on the link's thread for each message that is dropped because it is too large. Before run().
    void on_oversized_message(std::function<void(std::string_view channel, std::uint64_t payload_bytes)> told) {
        told_oversized_ = std::move(told);
    }

    /// Whether a channel is one on which gateways speak to each other: no client may publish or subscribe there.
    using reserve = std::function<bool(std::string_view channel)>;
    /// Has the channels on which this gateway is spoken to; `heard` is called on the link's thread, and `refused` when
    /// the server does not let us have one of them. Before run().
    void listen_to_nodes(std::vector<std::string> channels, reserve which, std::function<void(std::string_view)> heard,
                         std::function<void(std::string_view channel)> refused);
    /// Says something to the gateways that listen to `channel`. `then`, if any, is told on the link's thread how many
    /// they are; 0: the server is away, or has refused it. Any thread.
    void say(std::string channel, std::string text, std::function<void(std::uint32_t nodes)> then);

    /// Makes the end of shard `shard`; once for each, all of them before run().
    redis_broker& connect(std::uint32_t shard, boost::asio::io_context& context, hub::hub& subscribers);

    /// Keeps the connection until stop(). On the link's thread.
    void run();
    /// After run(): it has returned in the middle of looking the server's name up. The destructor waits for the end of
    /// that, which only the system's resolver can bring about.
    bool looks_up() const noexcept;
    /// Any thread.
    void stop();

    /// How the bus is logged in to from now on. Any thread.
    void use_login(wires::logins now);
    /// Called on the link's thread when a server that is connected does not take what use_login has brought. Before
    /// run().
    void on_login_refused(std::function<void(const std::string& why)> told) { told_login_refused_ = std::move(told); }

    /// Whether all publications get through just now. Any thread.
    bool live() const noexcept { return live_.load(std::memory_order_relaxed); }
    /// Whether some do. Any thread.
    bool reachable() const noexcept { return reachable_.load(std::memory_order_relaxed); }
    /// Whether several servers that know nothing of each other have a part of the channels each. Any thread.
    bool is_shared_out() const noexcept { return servers_.has_value(); }

    struct figures {
        upstream::counters counts;
        std::size_t channels = 0;
        std::size_t in_flight = 0;
        std::uint64_t refused = 0;   ///< messages that were neither JSON nor text, or too large
        std::size_t input_bytes = 0; ///< of messages that wait for shards
        std::uint64_t holds = 0;     ///< times the server was not read because of them
        bool live = false;
        std::uint64_t as_text = 0; ///< messages that were text, no JSON
        ledger::node_streams::counters reads{};
        std::size_t present = 0; ///< pairs of client and channel
        std::uint64_t presence_calls = 0;
        std::size_t read_channels = 0; ///< whose place in the stream is followed
        std::string last_error;        ///< why the last connection, or the last attempt at one, ended; empty: none has
        std::uint64_t failovers = 0;   ///< times that a server was found at another address than before
        std::size_t servers = 0;       ///< that there are connections to, or are to be
        std::size_t servers_live = 0;  ///< of these, that are there and have every subscription
        std::chrono::microseconds probe{}; ///< that the slowest of what was published to see it come back has taken
        std::uint64_t probes_lost = 0;     ///< that have not come back
        std::uint64_t redirects = 0;  ///< calls that a node of the cluster has not carried out, for another to do so
        std::uint64_t topologies = 0; ///< times that the cluster was asked what is where, and has answered
    };
    /// On the link's thread.
    figures snapshot() const;
    boost::asio::io_context& context() noexcept { return context_; }
    std::string where() const { return to_string(options_.where); }

    // ledger::node_listener
    bool on_call(std::uint64_t number, const ledger::call& what) override;
    bool may_call(std::string_view channel) const override;
    void on_told(std::uint32_t shard, std::uint64_t number, const result<bus::home_answer>& said) override;
    void on_missed(std::string_view channel, const ledger::envelope& what) override;
    void on_lost(std::string_view channel) override;

private:
    static constexpr std::uint32_t everybody = ~std::uint32_t{0}; // in place of a branch's number
    friend class redis_broker;
    friend struct upstream_message;

    struct passage { // comes to a channel or leaves it
        presence::client_id who{};
        presence::registry::member what{};
        ledger::attending_rules how{};
    };
    // What a shard asks of the link.
    struct request {
        enum class kind : std::uint8_t { want, confirm, release, publish, call, ask, enter, leave, forget, say };
        kind what;
        std::uint32_t shard = 0;
        std::string channel;
        std::string payload{};
        bool is_wildcard = false; // want
        publish_listener* listener = nullptr;
        ticket whose{};
        std::unique_ptr<ledger::call> call{};                       // that publishes
        std::unique_ptr<passage> passes{};                          // enter, leave
        std::unique_ptr<ledger::node_streams::question> question{}; // ask
        std::function<void(std::uint32_t nodes)> then{};            // say
    };
    struct publisher {
        std::uint32_t shard;
        publish_listener* listener;
        ticket whose;
        std::size_t bytes;
        std::unique_ptr<ledger::call> call{};
    };
    // What is said to other gateways, and how many of them listen, as far as the server has told.
    struct spoken {
        std::function<void(std::uint32_t nodes)> then;
        std::optional<std::uint32_t> listening{};
    };
    struct interest_count {
        std::uint32_t shards = 0;
        std::uint32_t at = 0;     // the branch by which it is wanted; 0: none
        std::uint32_t has_it = 0; // a bit for each branch, of what is wanted by all
        bool is_wildcard = false;
        bool subscribed = false;
        std::optional<error> refused{};

        void forget_answer() { subscribed = false, refused.reset(); }
    };

    // wires::branch_owner
    void on_subscribed(const branch& from, std::string_view channel) override;
    void on_refused(std::string_view channel, error why) override;
    void on_message(const branch& from, std::string_view channel, std::string_view payload) override;
    void on_matched(const branch& from, std::string_view wildcard, std::string_view channel,
                    std::string_view payload) override;
    void on_oversized(std::string_view channel, std::uint64_t payload_bytes) override;
    void on_published(std::uint64_t publication, publish_result receivers) override;
    void on_called(branch& from, std::uint64_t number, std::span<const resp::node> said) override;
    void on_call_failed(const branch& from, std::uint64_t number, error why) override;
    void on_login_refused(const branch& from, const std::string& why) override;
    void on_away(const branch& from) override;
    void on_back() override;
    void on_failed(const branch& which, bool news) override;
    void on_turn(upstream::clock::time_point now) override { look_at_kept(now), look_at_probes(now); }
    upstream::clock::time_point wake_at() const override { return std::min(wake_for_kept(), wake_for_probes()); }
    bool must_hold() override;

    std::unique_ptr<branch> made_branch(std::uint32_t number, const whereabouts& where);
    std::string named(const branch& of) const;
    std::string failure_of(const branch& of) const;
    std::string last_failure() const;

    void delivered(std::size_t bytes);
    void note_state();
    void ask(request what);
    void ask(redis_broker& whose, request::kind what, std::string_view channel);
    void receive(std::vector<request>& requests);
    void settle(const std::string& channel, std::uint32_t& at, bool is_wildcard = false);
    void publish(const request& what, upstream::clock::time_point now);
    void tell_state(std::uint32_t shard, const std::string& channel, const interest_count& interest);
    void tell(std::uint32_t shard, redis_broker::notice what);
    void tell_all(const redis_broker::notice& what);
    void give(std::string_view channel, const hub::publication& what, std::string_view wildcard = {});
    std::optional<hub::publication> plain(std::string_view payload);
    std::optional<ledger::envelope> opened(std::string_view bytes);

    // link_nodes.cpp: what gateways say to each other
    bool is_reserved(std::string_view channel) const { return reserve_ && reserve_(channel); }
    bool hears_nodes_on(std::string_view channel) const;
    bool refuse_reserved(const request& what);
    void speak(request& what, upstream::clock::time_point now);
    bool on_counted(std::uint64_t number, std::span<const resp::node> said);
    bool on_spoken(std::uint64_t number, const publish_result& receivers);

    // link_streams.cpp: what is kept at the server
    void send_call(branch& to, std::uint64_t number, const ledger::call& what, bool with_text);
    const ledger::call* call_of(std::uint64_t number) const;
    void fail_call(std::uint64_t number, error why);
    void publish_by_call(request& what);
    void ask_stream(request& what, upstream::clock::time_point now);
    void on_envelope(std::string_view channel, std::string_view bytes);
    void look_at_kept(upstream::clock::time_point now);
    upstream::clock::time_point wake_for_kept() const;

    // link_sentinels.cpp: whether the master is elsewhere
    boost::asio::awaitable<void> watch_sentinels();
    boost::asio::awaitable<void> ask_sentinels(carillon::discovery::sentinel_votes* votes, place now);
    boost::asio::awaitable<bool> is_elsewhere(place master);
    std::string remark();

    // link_cluster.cpp: which of several servers has what
    branch* branch_of(std::uint32_t number) const noexcept;
    branch* home_of(std::string_view channel) const noexcept;
    branch* home_of(const ledger::call& what) const noexcept;
    bool hears_from(const branch& whom, std::string_view channel) const;
    bool redirected(const branch& from, std::uint64_t number, const resp::node& said);
    void repeat_calls(upstream::clock::time_point now);
    boost::asio::awaitable<void> watch_cluster();
    boost::asio::awaitable<std::string> ask_cluster();
    void rearrange(const carillon::discovery::topology& said);
    void move(const carillon::discovery::slot_table::slot_set& moved);
    void close(std::uint32_t number);
    bool all_live() const noexcept;

    // link_probes.cpp: whether what is published comes back
    void begin_probing(branch& its);
    void on_probe(const branch& from, std::string_view text);
    void look_at_probes(upstream::clock::time_point now);
    bool on_probe_published(std::uint64_t publication, const publish_result& receivers);
    upstream::clock::time_point wake_for_probes() const;
    std::chrono::microseconds slowest_probe() const;

    // link_servers.cpp: several servers that know nothing of each other
    void share_out();
    bool is_everywhere(std::string_view channel, bool is_wildcard) const;
    bool is_had(const branch& from, interest_count& interest) const;
    void forget(const branch& from, interest_count& interest) const;
    void release(const std::string& channel, std::uint32_t at);
    branch* speaks_by(std::string_view channel) const noexcept;

    redis_options options_;
    boost::asio::io_context context_{1};
    std::string received_; // by any branch: bytes that are looked at at once
    std::optional<cluster> cluster_;
    std::optional<carillon::discovery::rendezvous> servers_; // branches_, in their order
    // Each message counts once, until the last shard has handled it. Before the brokers, which may still hold some.
    std::atomic<std::size_t> input_bytes_ = 0;
    std::atomic<bool> held_ = false; // the shards wake the link when half has been delivered
    std::vector<std::unique_ptr<redis_broker>> brokers_;
    bus::mailbox<request> mailbox_;
    boost::unordered_flat_map<std::string, interest_count, hash_of_name> interest_;
    boost::unordered_flat_map<std::uint64_t, publisher> publishers_;
    std::uint64_t next_publication_ = 1;
    std::optional<ledger::node_streams> streams_;
    std::optional<ledger::node_presence> presence_;
    std::uint64_t calls_ = 0; // that published
    std::uint64_t calls_failed_ = 0;
    std::vector<std::unique_ptr<branch>> branches_; // one, but in a cluster or with several servers
    asker watcher_;
    boost::asio::steady_timer watch_;
    std::vector<std::string> node_channels_;
    std::vector<std::uint32_t> nodes_at_; // the branch by which each of them is wanted; 0: none
    reserve reserve_;                     // none: there are no other gateways
    std::function<void(std::string_view)> heard_by_nodes_;
    std::function<void(std::string_view channel)> nodes_refused_;
    std::string probe_channel_;                                                  // empty: nothing is probed
    boost::unordered_flat_map<std::uint32_t, carillon::upstream::probe> probes_; // by the numbers of branches
    boost::unordered_flat_map<std::uint64_t, std::uint32_t> probing_;            // publications, and whose they are
    std::uint64_t probes_lost_ = 0;
    std::uint64_t probes_sent_ = 0;
    std::uint64_t probes_failed_ = 0;                         // of these, that were not published
    boost::unordered_flat_map<std::uint64_t, spoken> spoken_; // by the numbers of their publications
    std::uint64_t refused_ = 0;
    std::uint64_t as_text_ = 0;
    std::uint64_t holds_ = 0;
    bool stopping_ = false;
    std::function<void(bool live, const std::string& why)> told_;
    std::function<void(std::string_view channel, std::uint64_t payload_bytes)> told_oversized_;
    std::function<void(const std::string& why)> told_login_refused_;
    std::atomic<bool> live_ = false;
    std::atomic<bool> reachable_ = false;
};

} // namespace carillon::redis
