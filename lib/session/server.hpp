#pragma once

#include "api/orders.hpp"
#include "api/reply.hpp"
#include "bus/broker.hpp"
#include "channels/rules.hpp"
#include "hooks/application.hpp"
#include "hooks/question.hpp"
#include "http/request_head.hpp"
#include "hub/hub.hpp"
#include "link/server.hpp"
#include "protocol/codes.hpp"
#include "protocol/command.hpp"
#include "protocol/json_decoder.hpp"
#include "protocol/payload.hpp"
#include "protocol/protobuf_decoder.hpp"
#include "protocol/reply.hpp"
#include "session/burst.hpp"
#include "session/carrier.hpp"
#include "session/client.hpp"
#include "session/client_ids.hpp"
#include "session/options.hpp"
#include "session/parts.hpp"
#include "session/questions.hpp"
#include "session/refusal.hpp"
#include "ws/close.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::auth {
class key_set;
class verifier;
struct connection_claims;
struct payload;
} // namespace carillon::auth

namespace carillon::http {
struct cross_origin;
} // namespace carillon::http

namespace carillon::session {

class user_counts;

/// Takes over a connection whose request asks for one of options::pages: its descriptor, and all the bytes it has sent
/// so far. May be called on any shard's thread.
using handover = std::function<void(int descriptor, std::string bytes)>;

/// The conversations of one shard: upgrade, then command after command (protocol §4). Thread: the shard's.
class server final : public link::server,
                     public hub::sink,
                     public bus::publish_listener,
                     public bus::subscription_listener,
                     public bus::home_listener,
                     public api::user_orders,
                     public hub::occupancy_listener {
public:
    server(const link::floor& shard, hub::hub& subscribers, bus::broker& bus, const session::options& how,
           handover plain_http);
    ~server();

    /// What the memory of tokens has done goes into `into`.
    void count_tokens(metrics::shard_counters& into) const;

    /// From now on these keys; tokens that are remembered are forgotten. Null as in token_options.
    void use_keys(std::shared_ptr<const auth::key_set> keys, std::shared_ptr<const auth::key_set> subscription_keys);
    /// Another configuration: tokens, namespaces, origins and some of the limits; the rest of it is not looked at. Who
    /// has a channel that is no longer permitted loses it, some clients at a time.
    void reconfigure(const session::options& now);
    /// The keys that were asked for are here, or cannot be had now.
    void on_keys(token_kind of, bool fresh);

    void on_deadline(net::connection& c) override;

    void encode(hub::format encoding, std::string_view channel, const hub::publication& message,
                std::string& out) override;
    void deliver(hub::subscriber to, hub::frames& what) override;
    void prefetch(hub::subscriber to) noexcept override;

    void on_published(bus::ticket whose, bus::publish_result receivers) override;
    void on_subscribed(bus::ticket whose) override;
    void on_subscribe_failed(bus::ticket whose, std::string_view channel, bus::error why) override;
    void on_unsubscribed(std::string_view channel, bus::error why) override;
    void on_home_answer(bus::ticket whose, std::string_view channel, const result<bus::home_answer>& said) override;

    // api::user_orders. Of more than `scanned_per_turn` connections, the rest is looked at after the answer.
    std::uint32_t carry_out(const api::subscribe_request& what) override;
    std::uint32_t carry_out(const api::unsubscribe_request& what) override;
    std::uint32_t carry_out(const api::disconnect_request& what) override;
    std::uint32_t carry_out(const api::refresh_request& what) override;

    // people.cpp: who is connected. Each looks at so many records from the slab's place `first` on, and returns the
    // place to go on at, net::no_index at the end.
    /// As hooks::application has it: what the lists below are true up to, if asked before them in the same turn.
    std::optional<std::uint64_t> last_told() const;
    /// Adds the hashes of some users, each once, in order.
    std::uint32_t list_users(std::uint32_t first, std::vector<std::size_t>& into);
    /// Adds at most `most` connections: of this user, or of all if it is empty.
    std::uint32_t list_connections(std::uint32_t first, std::string_view user, std::size_t most,
                                   std::vector<api::connection_info>& into);

    void on_occupied(std::string_view channel) override;
    void on_vacated(std::string_view channel) override;
    /// Commands of a client that does not say them on its connection (protocol §7.3); of nobody's, nothing happens.
    void on_emulated(std::string_view session, std::string data);

    /// Says goodbye to everybody, some at a time, so that a shutdown does not stall those who are served last.
    void close_all(protocol::disconnect code);

    /// What shed() has come to.
    struct shed_outcome {
        std::uint32_t closed = 0;
        std::uint32_t looked_at = 0; ///< places for connections
        std::uint32_t next = 0;      ///< where to go on
    };
    /// Says goodbye to `most` clients from the place `from` on, and round; to fewer, if it is more than what one turn
    /// allows, or there are no more.
    shed_outcome shed(std::uint32_t from, std::uint32_t most, protocol::disconnect code);
    /// Places that connections have, or have had.
    std::uint32_t places() noexcept { return records().used(); }

private:
    // link::server
    link::record* make_record() override;
    void refuse(int descriptor) override;
    void on_open(link::record& r) override;
    void on_bytes(link::record& r, std::span<std::byte> bytes) override;
    void on_bytes_after_close(link::record& r, std::span<std::byte> bytes) override;
    void on_slow(link::record& r) override;
    void on_turn(link::record& r) override;
    void on_gone(link::record& r, link::ending why) override;

    // upgrade.cpp: from bytes to a WebSocket
    std::span<std::byte> upgrade(client& c, std::span<std::byte> bytes);
    bool judge_head(client& c, std::string_view bytes, std::size_t& scanned, std::size_t& head_bytes);
    void judge_request(client& c, std::string_view bytes, const http::request_head& head);
    std::span<const std::string> allowed_origins() const noexcept;

    // carriers.cpp: clients that are told over the body of a response
    std::optional<transport> transport_at(std::string_view path) const noexcept;
    bool judge_carrier(client& c, std::string_view bytes, const http::request_head& head, transport what);
    void end_request(client& c, std::string_view answer);
    void begin_stream(client& c, std::string message, transport what, bool protobuf, const http::cross_origin& asking,
                      const http::request_head& head);
    void hear(client& c, std::string message);
    void hear_later(client& c, std::string_view data);
    void begin_listening(client& c, std::string_view request);
    void take_emulated(client& c, std::string_view body, bool protobuf, const http::cross_origin& asking,
                       const http::request_head& head);
    void refuse_upgrade(client& c, http::status status, std::string_view reason,
                        const http::request_head* head = nullptr);
    void tell_refusal(const refusal& what) {
        if (options_.on_refusal) options_.on_refusal(what);
    }

    // server.cpp: from frames to commands
    void read_frames(client& c, std::span<std::byte> bytes);
    void on_message(client& c, std::span<std::byte> payload);
    void handle_lines(client& c, std::string_view message, std::size_t commands);
    std::optional<std::string_view> next_command(const client& c, std::string_view& message) const;
    result<protocol::command> decode(const client& c, std::string_view one);
    void go_on(client& c);
    void await_close(client& c, ws::assembler& assembler, std::span<std::byte> bytes);
    void answer_close(client& c, std::uint16_t code);
    void close(client& c, std::uint16_t code, std::string_view reason, bool forget_queued = false);
    void disconnect(client& c, protocol::disconnect code);
    void break_off(client& c, metrics::protocol_failure what);

    // commands.cpp: what each command does
    void handle(client& c, const protocol::command& command);
    void on(client& c, std::uint32_t id, const protocol::connect_request& request);
    void on(client& c, std::uint32_t id, const protocol::subscribe_request& request);
    void on(client& c, std::uint32_t id, const protocol::unsubscribe_request& request);
    void on(client& c, std::uint32_t id, const protocol::publish_request& request);
    void on(client& c, std::uint32_t id, const protocol::presence_request& request);
    void on(client& c, std::uint32_t id, const protocol::presence_stats_request& request);
    void on(client& c, std::uint32_t id, const protocol::history_request& request);
    void on(client& c, std::uint32_t id, const protocol::ping_request& request);
    void on(client& c, std::uint32_t id, const protocol::send_request& request);
    void on(client& c, std::uint32_t id, const protocol::rpc_request& request);
    void on(client& c, std::uint32_t id, const protocol::refresh_request& request);
    void on(client& c, std::uint32_t id, const protocol::sub_refresh_request& request);
    void on(client& c, std::uint32_t id, const protocol::pong& request);
    void subscribe(client& c, const protocol::subscribe_request& request, grant* shown, std::uint32_t id);
    void answer_subscribe(client& c, std::uint32_t id, protocol::subscribe_result what);
    void fail(std::uint32_t id, protocol::command_error why);
    std::optional<protocol::payload_kind> kind_of(const client& c, std::string_view channel, std::string_view data);
    bool channel_is_refused(client& c, std::uint32_t id, std::string_view channel);

    // admission.cpp: tokens, and what their ends bring about
    static std::unique_ptr<auth::verifier> make_verifier(const token_options& how);
    bool verify(client& c, std::uint32_t id, std::string_view channel, std::string_view token, grant& into);
    template <class Claims>
    bool count_token(const result<Claims>& verified);
    bool take_claims(client& c, std::uint32_t id, const auth::connection_claims& claims);
    bool take_json(client& c, const auth::payload& from, std::string& into);
    bool take_data(client& c, const auth::payload& from, std::string& into);
    bool subscribe_to_granted(client& c, std::uint32_t id, const auth::connection_claims& claims,
                              std::span<const protocol::subscribe_request> known);
    bool subscribe_to_granted(client& c, std::uint32_t id, grant& what, const protocol::subscribe_request* known);
    void on_server_subscribed(bus::ticket whose);
    void answer_connect(client& c, std::uint32_t id);
    bool is_of_connect(bus::ticket whose);
    bool end_expired(client& c);
    std::chrono::milliseconds until_next(const client& c, std::chrono::milliseconds ping) const;
    protocol::time_left left_until(expiry when) const;
    std::chrono::sys_seconds now() const;
    channels::membership standing(const client& c, std::string_view channel);
    static void forget_grant(client& c, std::string_view channel) noexcept;

    // questions.cpp: commands that wait for an answer from elsewhere, and are then run again with it
    bool wait_for_keys(client& c, std::uint32_t id, const error_code& why, token_kind of);
    void ask_again(client& c);
    void run_again(net::connection_key whose, saying answer);
    std::optional<saying> take_answer(const client& c);
    bool has_answer(const client& c) noexcept;
    void forget_answer(const client& c) noexcept;
    // streams.cpp: what was missed, and history
    bool can_recover(std::string_view channel) const noexcept;
    static bus::home_question question_of(const protocol::subscribe_request* known) noexcept;
    void subscribe_to_stream(client& c, const protocol::subscribe_request& request, grant* shown, std::uint32_t id);
    bool enter(client& c, std::string_view channel, bool wants_joins);
    void join_stream(client& c, bus::ticket whose, std::string_view channel, const result<bus::home_answer>& said);
    protocol::stream_place place_of(const bus::home_answer& said, bool recovers, const protocol::encoder& with);
    static void append_list(std::string& out, const streams::batch& what, const protocol::encoder& with);
    std::string_view listed(const streams::shared_batch& what, const protocol::encoder& with);
    bool take_standing(client& c, grant& of, bool recovers, const result<bus::home_answer>& said);
    void on_stream_of_connect(client& c, bus::ticket whose, std::string_view channel,
                              const result<bus::home_answer>& said);
    void on_stream_of_order(client& c, bus::ticket whose, std::string_view channel,
                            const result<bus::home_answer>& said);
    void answer_history(client& c, std::uint32_t id, const result<bus::home_answer>& said);

    // presence.cpp: who is there
    bool is_attended(std::string_view channel) const noexcept;
    bool may_be_listed(std::string_view channel) const noexcept;
    hub::subscriber subscriber_of(const client& c, std::string_view channel, bool wants_joins) const;
    void append_info(std::string& out, const client& c, std::string_view channel) const;
    void greet(client& c, std::string_view channel);
    void await_greeting(bus::ticket whose, std::string_view channel);
    std::string take_greeting(bus::ticket whose);
    hub::unsubscribe_outcome leave_channel(client& c, std::string_view channel);
    void leave_all(client& c);
    void ask_who_is_there(client& c, std::uint32_t id, std::string_view channel, bus::ticket::command asks);
    void answer_presence(bus::ticket whose, const result<bus::home_answer>& said);

    // reconfigure.cpp
    void take_tokens(const token_options& now);
    void take_rules() noexcept;
    void judge_some(std::uint32_t first, std::shared_ptr<const channels::rules> before);
    void judge(client& c, const channels::rules& before);
    bool may_stay(const client& c, std::string_view channel) const;
    bool end_subscription(client& c, std::string_view channel, std::string_view reason);

    // hooks.cpp: what the application is asked
    std::optional<std::size_t> who_is_asked(hooks::event what, std::string_view channel = {}) const;
    std::optional<std::size_t> who_is_asked_to_subscribe(std::string_view channel, bool has_token) const;
    hooks::question question_of(const client& c, hooks::event what, identity::room& in);
    std::optional<hooks::consent> consult(client& c, std::uint32_t id, std::size_t whom, hooks::question what);
    std::optional<hooks::consent> conclude(client& c, std::uint32_t id, hooks::event what, hooks::answer said);
    std::shared_ptr<const auth::connection_claims> claims_by_application(client& c, std::uint32_t id,
                                                                         const protocol::connect_request& request);
    bool permit(client& c, std::uint32_t id, std::string_view channel, const hooks::consent& said, grant& into);
    bool refresh_by_application(client& c);
    bool refresh_connection(client& c, std::size_t whom);
    bool refresh_subscription(client& c, grant& of, std::size_t whom);
    void on_refreshed(net::connection_key whose, const std::string& channel, hooks::answer said);
    void on_connection_refreshed(client& c, const hooks::answer& said);
    void on_subscription_refreshed(client& c, grant& of, const hooks::answer& said);
    void look_again(client& c);
    bool is_asked_about(const client& c, hooks::event what, std::string_view channel) const;
    protocol::time_left told_left(expiry when, hooks::event by, std::string_view channel = {}) const;
    void keep_fields(const client& c, const http::request_head& head);
    void keep_token(const client& c, const http::request_head& head);
    std::string_view token_of(const client& c, const protocol::connect_request& request) const;
    void forget_token(const client& c) noexcept;
    void forget_fields(const client& c) noexcept;

    // people.cpp
    bool admit_user(client& c);
    void on_joined(client& c);
    void on_left(client& c, std::uint16_t code, std::string_view reason);
    void tell(const client& c, hooks::event what, std::uint16_t code = 0, std::string_view reason = {});
    void occupy(std::string_view channel, bool by_somebody);
    std::string personal_channel_of(std::string_view user) const;

    // orders.cpp: what the server API asks of a user's connections
    using visit = std::function<bool(client& c)>; // whether it concerned the client
    std::uint32_t visit_clients(const api::whom& whose, visit what);
    std::uint32_t visit_some(std::uint32_t first, const std::string& user, const visit& what, std::uint32_t& next);
    void visit_rest(std::uint32_t first, std::shared_ptr<const std::pair<std::string, visit>> what);
    bool subscribe_by_order(client& c, const api::subscribe_request& what);
    void push_subscription(client& c, grant& what, const bus::home_answer* stands);
    // A push to one client: `write(encoder, message)`.
    template <class Write>
    void push(client& c, Write&& write) {
        std::string message, bytes;
        write(encoder_of(c.speaks()), message);
        append_wrapped(bytes, c.speaks(), message);
        send(c, bytes);
    }

    void take_away(const std::shared_ptr<const farewell>& what, std::size_t from);
    void end_unfit(std::string_view channel);
    template <class Reply>
    void answer_later(bus::ticket whose, Reply&& reply);
    // Answers the command that a client waits for, and goes on with those behind it.
    template <class Reply>
    void answer_waiting(client& c, Reply&& reply) {
        CHECK(c.waits() && active_ == nullptr);
        const hold kept{*this, c}; // what waited behind it may end the connection
        serve(c);
        reply();
        if (!c.gone) go_on(c);
        flush_replies();
        active_ = nullptr;
        if (!c.gone && !c.closing && !c.waits()) resume(c);
    }
    void hold_back(person& whose, std::string_view frames);
    void serve(client& c);
    // Of the client that is being served.
    const protocol::encoder& encoder() const noexcept {
        CHECK(active_ != nullptr);
        return encoder_of(active_->speaks());
    }
    std::string& next_reply();
    void flush_replies();
    void put_replies_aside(client& c);
    void wait_for_turn(client& c, std::string_view unhandled, std::size_t handled, bool for_room);
    void schedule_ping(client& c, bool first);
    void close_some(std::uint32_t first, protocol::disconnect code);

    hub::subscriber subscriber_of(const client& c) const {
        return hub::subscriber::make(shard().records.index_of(c), c.speaks());
    }

    // Replies beyond this go out before the others are made.
    static constexpr std::size_t replies_bytes_max = 32 * 1024;
    // Connections looked at for the server API before other events get their turn.
    static constexpr std::uint32_t scanned_per_turn = 16 * 1024;
    // Connections closed, or told, before other events get their turn.
    static constexpr std::uint32_t closed_per_turn = 512;

    session::options options_;
    hub::hub* hub_;
    bus::broker* bus_;
    handover plain_http_;
    protocol::json_decoder json_decoder_;
    protocol::protobuf_decoder protobuf_decoder_;
    client_ids ids_;
    channels::rules rules_;
    std::shared_ptr<const channels::rules> rules_before_; // while there are clients who have not been judged anew
    bool any_attended_ = false;                           // whether there is a namespace that knows who is there
    bool any_recovers_ = false;                // whether there is a namespace whose channels can be recovered
    std::unique_ptr<auth::verifier> verifier_; // null: there are no keys
    std::minstd_rand jitter_{std::random_device{}()};
    std::array<std::string, hub::formats / 2> pings_; // by format
    std::uint32_t orders_ = 0;                        // subscriptions that the server API asked for
    std::string encoded_;                             // one publication, while it is encoded
    // Tokens that came with the upgrade, until the connect: for those who cannot send them there.
    boost::unordered_flat_map<std::uint64_t, std::string> tokens_of_upgrades_;

    // Channels that the bus has not confirmed, by whose command that is: only where it is known who is there.
    std::map<std::pair<std::uint64_t, std::uint32_t>, std::string> awaited_;

    std::array<encoded_list, 8> lists_;
    std::size_t next_list_ = 0;
    std::vector<std::string> unfit_; // channels whose JSON clients are about to be ended
    std::string connect_;            // of who only listens, as a command
    std::string info_;               // of a publisher, while it publishes

    // The client whose bytes are being handled, and the replies it will get when they are: one frame for all of them.
    client* active_ = nullptr;
    std::string_view unhandled_; // what is left of its message when it has to wait
    std::size_t handled_ = 0;    // commands of that message before
    burst replies_;

    bool again_ = false; // the command that is being handled waits, and is to be handled once more
    boost::unordered_flat_map<std::uint64_t, saying> answers_;     // for the commands that are, by their connection
    std::array<std::vector<net::connection_key>, 2> without_keys_; // who waits, by the kind of token

    boost::unordered_flat_map<std::uint64_t, asked_of> asked_; // by their connection
};

} // namespace carillon::session
