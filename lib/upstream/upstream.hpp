#pragma once

#include "base/name_hash.hpp"
#include "bus/broker.hpp"
#include "ledger/envelope.hpp"
#include "resp/reply.hpp"
#include "upstream/lane.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::upstream {

using bus::error;
using bus::publish_result;

/// How the connection to a Redis, a Valkey or a carillon-bus is kept. See docs/configuration.md.
struct upstream_options {
    std::string user = "default";
    std::string password;                             ///< empty: no AUTH
    std::chrono::milliseconds connect_timeout{2'000}; ///< for each address: DNS, TCP and the greeting together
    /// Between two answers, or a command and its answer, whatever else arrives; then commands do not get through.
    std::chrono::milliseconds reply_timeout{2'000};
    std::chrono::milliseconds ping_interval{1'000}; ///< between two questions whether it is there, and a master still
    std::chrono::milliseconds backoff_min{50};
    std::chrono::milliseconds backoff_max{5'000};
    std::chrono::milliseconds linger{1'000}; ///< between the last subscriber's leaving and UNSUBSCRIBE
    /// Publications without a reply, and in each shard channels that the link has not heard of yet; more are refused:
    /// `error::busy`.
    std::size_t in_flight_max = 16'384;
    std::size_t output_bytes_max = 32 * 1024 * 1024; ///< that wait to be written; then publications are refused
    std::size_t channels_per_command = 256;          ///< of one SUBSCRIBE or UNSUBSCRIBE
    std::size_t asked_max = 16'384;                  ///< channels whose confirmation is awaited
    std::vector<std::string_view> scripts{};         ///< that calls are made of: loaded at each greeting; needs RESP3
    std::string library{};                           ///< of functions for programs; empty: none is loaded
    std::size_t payload_bytes_max = 65'536;          ///< of a message; a larger one is not delivered
};

/// What an envelope may have beside its payload.
inline constexpr std::size_t envelope_bytes_max = ledger::remarks_bytes_max + ledger::envelope_overhead_bytes;

/// What an upstream tells those it works for.
class upstream_listener {
public:
    /// From here on nothing that is published to the channel is missed, until on_away.
    virtual void on_subscribed(std::string_view channel) = 0;
    /// The server does not let us have the channel. It is not asked for again before it has been released, or the
    /// connection is lost.
    virtual void on_refused(std::string_view channel, error why) = 0;
    virtual void on_message(std::string_view channel, std::string_view payload) = 0;
    /// The same for a pattern that is wanted and that the server finds the channel to be like.
    virtual void on_matched(std::string_view /*pattern*/, std::string_view /*channel*/, std::string_view /*payload*/) {}
    /// In place of a message with a payload of more bytes than it may have.
    virtual void on_oversized(std::string_view channel, std::uint64_t payload_bytes) = 0;
    virtual void on_published(std::uint64_t publication, publish_result receivers) = 0;
    /// The answer to a call, which may be an error.
    virtual void on_called(std::uint64_t /*number*/, std::span<const resp::node> /*said*/) {}
    virtual void on_call_failed(std::uint64_t /*number*/, error /*why*/) {}
    /// What is said at the next greeting will not do, as things are; `why` is without the password.
    virtual void on_login_refused(const std::string& /*why*/) {}
    /// The connection is lost: no channel is subscribed any more. Those that are wanted will be again, each with its
    /// on_subscribed.
    virtual void on_away(std::string_view why) = 0;
    /// It is back, and all channels that were wanted are subscribed.
    virtual void on_back() = 0;

protected:
    ~upstream_listener() = default;
};

/// The client's side of one connection to a RESP3 publish/subscribe server, as decisions without I/O: told what has
/// happened (interest, bytes, time), it says what to do next. One subscription for each channel, whoever wants it;
/// subscribed again after a reconnect, in batches; kept for a while after the last interest; every wait has an end.
/// A server that does not know RESP3 has two connections, since one with subscriptions may not publish there; they come
/// and go together. Pure; not thread-safe.
class upstream {
public:
    using clock = std::chrono::steady_clock;

    enum class state : std::uint8_t {
        waiting,    ///< until retry_at: then the driver connects
        connecting, ///< the driver opens a connection
        greeting,   ///< HELLO is out, or what takes its place
        restoring,  ///< subscribing what was wanted when the greeting was answered
        live,
    };

    /// What the driver must do now.
    enum class action : std::uint8_t {
        nothing,
        connect,
        connect_second, ///< to the same address, beside the first
        close,          ///< whatever is open
    };

    /// Which connection. The first has the subscriptions, and but for servers without RESP3 everything else as well.
    enum class line : std::uint8_t { first, second };

    struct counters {
        std::uint64_t connects = 0; ///< greetings that were answered
        std::uint64_t connect_failures = 0;
        std::uint64_t disconnects = 0; ///< of connections that had been greeted
        std::uint64_t timeouts = 0;    ///< of both, for want of an answer in time
        std::uint64_t messages = 0;
        std::uint64_t publications = 0;
        std::uint64_t publications_failed = 0; ///< refused, or without a reply when the connection was lost
        std::uint64_t subscribes = 0;          ///< channels asked for
        std::uint64_t subscribes_refused = 0;  ///< of those, with an error
        std::uint64_t unsubscribes = 0;
        std::uint64_t libraries_refused = 0; ///< the server has no functions, or does not let us load one
    };

    /// `jitter` gives numbers in [0, 1).
    upstream(const upstream_options& how, upstream_listener& listener, std::function<double()> jitter,
             clock::time_point now);

    // --- what the shards want

    /// Somebody wants the channel, which nobody did. on_subscribed follows; at once if the channel is still subscribed.
    /// A name is always a channel's, or always that of a pattern of channels.
    void want(std::string_view channel, clock::time_point now, bool is_pattern = false);
    /// Nobody wants it any more. UNSUBSCRIBE follows after the linger.
    void release(std::string_view channel, clock::time_point now);
    /// on_published follows; at once when the server is away or too much is on its way.
    void publish(std::uint64_t publication, std::string_view channel, std::string_view payload, clock::time_point now);
    /// A call of a script, of the caller's own number. on_called or on_call_failed follows; the latter at once when the
    /// server is away or too much is on its way. Its answer stands among the messages where the server has put it.
    void call(std::uint64_t number, std::span<const std::string_view> words, clock::time_point now);
    /// Whether a command of so many bytes would be taken now.
    bool takes(std::size_t bytes) const noexcept { return connected() && !is_full(bytes); }

    // --- what happens

    void on_connected(clock::time_point now, line which = line::first);
    /// While connecting, whether the server's name has more addresses than those tried. The next attempt then follows a
    /// failure at once.
    void on_more_addresses(bool more) noexcept { more_addresses_ = more; }
    bool more_addresses() const noexcept { return more_addresses_; }
    /// A connection could not be opened, or has ended.
    void on_disconnected(std::string_view why, clock::time_point now);
    void on_received(std::string_view bytes, clock::time_point now, line which = line::first);
    /// Whether the driver leaves bytes of the server unread: until it has read all, a missing answer says nothing.
    void on_hold(bool held, clock::time_point now, line which = line::first) noexcept;
    bool held() const noexcept { return first_.held(); } ///< the first
    /// Looks at the time: backoff, timeouts, pings, lingering channels.
    void on_time(clock::time_point now);
    /// From now on this is said at each greeting. A connection that is there goes on, and shows it at once as well:
    /// on_login_refused follows if the server does not take it, and the connection is as before.
    void use_login(std::string user, std::string password, clock::time_point now);
    /// The server is known to be elsewhere: while waiting, the next attempt is now.
    void hurry(clock::time_point now) noexcept {
        if (state_ == state::waiting) retry_at_ = now;
    }

    // --- what to do

    /// Tells each once.
    action next_action() noexcept;
    /// Bytes to write; `on_written` says how many of them have been. Valid until the next call of anything.
    std::string_view output(line which = line::first) const noexcept { return lane_of(which).output(); }
    void on_written(std::size_t count, line which = line::first);
    /// When on_time must be called again at the latest.
    clock::time_point wake_at() const noexcept;

    state where() const noexcept { return state_; }
    /// Connected, greeted, and everything wanted is subscribed.
    bool live() const noexcept { return state_ == state::live; }
    /// Connected and greeted.
    bool connected() const noexcept { return state_ == state::restoring || state_ == state::live; }
    std::size_t channels() const noexcept { return channels_.size(); }
    std::size_t in_flight() const noexcept { return in_flight_; }
    const counters& counts() const noexcept { return counts_; }
    /// Whether the server has RESP3, as far as is known.
    bool resp3() const noexcept { return !is_plain_; }
    /// Why the last connection, or the last attempt at one, ended; empty while none has.
    const std::string& last_failure() const noexcept { return last_failure_; }

    /// Whether the books agree with each other. For tests; walks over everything.
    void check_invariants() const;

private:
    enum class stage : std::uint8_t {
        idle,       ///< not subscribed; to be asked for when it is queued
        asked,      ///< SUBSCRIBE is out
        subscribed, ///< confirmed; lingers when nobody wants it
        leaving,    ///< UNSUBSCRIBE is out
        refused,    ///< the server does not let us have it, and it is still wanted
    };
    struct channel_state {
        stage where = stage::idle;
        bool wanted = false;
        bool is_pattern = false;
        bool to_ask = false;    // stands in to_ask_
        bool lingering = false; // stands in lingering_
        bool restoring = false; // one of those that on_back waits for
        clock::time_point released_at{};
    };
    using channel_map = boost::unordered_flat_map<std::string, channel_state, hash_of_name>;
    // A place in the line of those that linger. When it is due, the channel leaves if nobody has wanted it since;
    // released anew meanwhile, it goes to the end of the line.
    struct lingerer {
        std::string name;
        clock::time_point since;
    };

    lane& lane_of(line which) noexcept { return which == line::first ? first_ : second_; }
    const lane& lane_of(line which) const noexcept { return which == line::first ? first_ : second_; }
    /// Where it publishes.
    lane& speaking() noexcept { return is_plain_ ? second_ : first_; }
    const lane& speaking() const noexcept { return is_plain_ ? second_ : first_; }

    void queue_to_ask(std::string_view name, channel_state& channel);
    void ask(clock::time_point now);
    void leave_lingering(clock::time_point now);
    void send_names(std::string_view command, const std::vector<std::string>& names, awaited answer,
                    clock::time_point now);
    void send_subscribe(const std::vector<std::string>& names, bool of_patterns, clock::time_point now);
    void send_unsubscribe(const std::vector<std::string>& names, bool of_patterns, clock::time_point now);
    void lose(std::string_view why, bool in_time, clock::time_point now);
    void log_in(lane& with, awaited answer, clock::time_point now);
    void greet(lane& with, clock::time_point now);
    void greet_plainly(lane& with, clock::time_point now);
    void on_hello(std::span<const resp::node> nodes, clock::time_point now);
    void on_greeting_answered(lane& from, awaited::kind what, const resp::node& answer, clock::time_point now);
    void on_role(std::span<const resp::node> nodes, clock::time_point now);
    void begin(clock::time_point now);
    void load_scripts(clock::time_point now);
    bool is_full(std::size_t bytes) const noexcept {
        return in_flight_ >= options_.in_flight_max || speaking().output().size() + bytes > options_.output_bytes_max;
    }
    void probe(lane& where, clock::time_point now);
    bool is_push(const lane& from, std::span<const resp::node> nodes) const noexcept;
    void on_nodes(lane& from, std::span<const resp::node> nodes, clock::time_point now);
    void on_message(std::string_view channel, const resp::node& payload, std::string_view pattern = {});
    void on_push(std::span<const resp::node> nodes, clock::time_point now);
    void on_answer(lane& from, std::span<const resp::node> nodes, clock::time_point now);
    void on_refused(std::string_view why, clock::time_point now);
    void ask_singly(const std::vector<std::string>& names, clock::time_point now);
    void give_up(const std::string& name, error why);
    void on_confirmed(std::string_view name, bool subscribed, clock::time_point now);
    void linger(std::string_view name, channel_state& channel);
    void restored(channel_state& channel);
    clock::duration backoff();
    void check_lines(std::size_t confirmations) const;

    upstream_options options_;
    upstream_listener* listener_;
    std::function<double()> jitter_;
    state state_ = state::waiting;
    action action_ = action::nothing;
    clock::time_point retry_at_;
    clock::time_point connect_deadline_;
    clock::time_point looked_at_; // the time, last
    bool more_addresses_ = false;
    unsigned failures_ = 0; // in a row, since it was live
    std::string last_failure_;
    bool is_carillon_ = false; // the server is a carillon-bus
    bool is_plain_ = false;    // it has no RESP3
    bool is_sharing_ = false;  // it is a node of a cluster, which tell each other what is published
    counters counts_;

    channel_map channels_;
    std::deque<std::string> to_ask_;
    std::deque<lingerer> lingering_;
    std::size_t asked_ = 0;     // channels in stage asked
    std::size_t restoring_ = 0; // channels that on_back waits for

    lane first_;
    lane second_;
    std::size_t in_flight_ = 0; // publications and calls that are awaited
};

} // namespace carillon::upstream
