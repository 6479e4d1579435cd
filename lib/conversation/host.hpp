#pragma once

#include "api/orders.hpp"
#include "bus/broker.hpp"
#include "carriers/missed_lists.hpp"
#include "channels/rules.hpp"
#include "clients/bus_errors.hpp"
#include "clients/carrier.hpp"
#include "clients/client.hpp"
#include "clients/command_pace.hpp"
#include "clients/consultations.hpp"
#include "clients/household.hpp"
#include "clients/options.hpp"
#include "clients/parts.hpp"
#include "clients/replies.hpp"
#include "clients/roster.hpp"
#include "clients/subscriptions.hpp"
#include "hooks/application.hpp"
#include "http/request_head.hpp"
#include "hub/hub.hpp"
#include "people/client_ids.hpp"
#include "people/gatekeeper.hpp"
#include "protocol/codes.hpp"
#include "protocol/command.hpp"
#include "protocol/payload.hpp"
#include "protocol/reply.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::auth {
struct connection_claims;
struct overrides;
struct payload;
} // namespace carillon::auth

namespace carillon::conversation {

using clients::carrier;
using clients::client;
using clients::command_pace;
using clients::error_of;
using clients::expiry;
using clients::expiry_at;
using clients::farewell;
using clients::grant;
using clients::identity;
using clients::keys_said;
using clients::options;
using clients::person;
using clients::saying;
using clients::stage;
using clients::time_of;
using clients::uuid_text;

/// The conversations of one shard: command after command (protocol §4), whoever carries them. Thread: the shard's.
class host final : public bus::publish_listener,
                   public bus::subscription_listener,
                   public bus::home_listener,
                   public api::user_orders,
                   public hub::occupancy_listener {
public:
    host(const link::floor& shard, hub::hub& subscribers, bus::broker& bus, const conversation::options& how,
         carrier& out);
    host(const host&) = delete;
    host& operator=(const host&) = delete;
    ~host();

    /// Who is being served, and what they are told.
    clients::replies& answers() noexcept { return replies_; }
    /// Of all that goes to these clients over WebSockets.
    carriers::compression& compression() noexcept { return compression_; }
    const people::client_ids& ids() const noexcept { return ids_; }

    /// The carrier's part: a client has a way to be told something, and this was its request.
    void on_carried(client& c, const http::request_head& head);
    enum class progress : std::uint8_t {
        done,
        waits,      ///< its answer comes later, and with it carrier::answer
        waits_again ///< the same, and the command is to be handled once more: carrier::try_again
    };
    /// One command of the client that is being served. May end the connection.
    progress handle(client& c, const protocol::command& command);
    /// Whether a publish would have to wait for others to be delivered.
    bool is_congested() const { return bus_->congested(); }
    /// A live client's deadline is here. True: it is seen to, and there is no ping to be sent.
    bool on_deadline(client& c) {
        if (end_expired(c)) return true;
        refresh_by_application(c);
        return false;
    }
    /// Sets the deadline of a live client: the next ping, the first of them at a random time.
    void schedule_ping(client& c, bool first);
    void look_in_time(client& c);
    /// What namespaces say of clients that are too slow; null: nothing is dropped in any of them.
    const channels::rules* rules_of_dropping() const noexcept { return channels_.rules_of_dropping(); }
    /// Publications of channels, by their hashes, were dropped before the client got them: it leaves these channels, or
    /// is told goodbye. Returns those of which it is to be told.
    std::vector<std::string> leave_lost(client& c, std::span<const std::uint64_t> channels);
    /// Tells it: it is to subscribe anew, and recovers what it lacks.
    void tell_lost(client& c, std::span<const std::string> channels);
    /// It is told goodbye, or has gone without a word: it leaves its channels.
    void on_leaving(client& c, std::uint16_t code, std::string_view reason);
    /// Nothing is kept of it any more.
    void forget(client& c);

    /// What tokens are good; its keys may be changed.
    people::gatekeeper& tokens() noexcept { return tokens_; }
    const people::gatekeeper& tokens() const noexcept { return tokens_; }
    /// The keys that were asked for are here, or cannot be had now.
    void on_keys(people::token_kind of, bool fresh);
    /// Another configuration: tokens, namespaces and some of the limits; the rest of it is not looked at. Who has a
    /// channel that is no longer permitted loses it, some clients at a time.
    void reconfigure(const conversation::options& now);

    /// The client, whose record is about to go, is another process' from now on: it leaves its channels, and neither it
    /// nor anybody else is told. Nothing is kept of it any more.
    void give_away(client& c);

    void on_published(bus::ticket whose, bus::publish_result receivers) override;
    void on_subscribed(bus::ticket whose) override;
    void on_subscribe_failed(bus::ticket whose, std::string_view channel, bus::error why) override;
    void on_unsubscribed(std::string_view channel, bus::error why) override;
    void on_home_answer(bus::ticket whose, std::string_view channel, const result<bus::home_answer>& said) override;

    // api::user_orders, as clients::roster::visit_each goes about it.
    std::uint32_t carry_out(const api::subscribe_request& what) override;
    std::uint32_t carry_out(const api::unsubscribe_request& what) override;
    std::uint32_t carry_out(const api::disconnect_request& what) override;
    std::uint32_t carry_out(const api::refresh_request& what) override;

    /// For those who make clients, or give them away.
    clients::household household() noexcept {
        return {shard_, *hub_, *bus_, *carrier_, compression_, ids_, roster_, channels_, consulted_, options_.users};
    }
    /// Who is connected.
    clients::roster& connected() noexcept { return roster_; }
    /// As hooks::application has it: what lists of who is connected are true up to, if asked before them in the same
    /// turn.
    std::optional<std::uint64_t> last_told() const;

    void on_occupied(std::string_view channel) override;
    void on_vacated(std::string_view channel) override;

private:
    // commands.cpp: what each command does
    void carry_out(client& c, const protocol::command& command);
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
    bool has_pace(client& c, const protocol::command& command);
    bool channel_is_refused(client& c, std::uint32_t id, std::string_view channel);
    void disconnect(client& c, protocol::disconnect code);
    void break_off(client& c, metrics::protocol_failure what);

    // admission.cpp: tokens, and what their ends bring about
    bool verify(client& c, std::uint32_t id, std::string_view channel, std::string_view token, grant& into,
                bool refreshes = false);
    void end_unrefreshed(client& c, std::uint32_t id, std::string_view channel);
    void end_subscription(client& c, const std::string& channel);
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
    protocol::time_left left_until(expiry when) const { return people::left_until(when, now()); }
    std::chrono::sys_seconds now() const;
    channels::membership standing(const client& c, std::string_view channel);
    static void forget_grant(client& c, std::string_view channel) noexcept;

    // questions.cpp: commands that wait for an answer from elsewhere, and are then run again with it
    bool wait_for_keys(client& c, std::uint32_t id, const error_code& why, people::token_kind of);
    void ask_again(client& c);
    void run_again(net::connection_key whose, saying answer);
    std::optional<saying> take_answer(const client& c);
    bool has_said(const client& c) const noexcept;
    bool has_answer(const client& c) noexcept;
    void forget_answer(const client& c) noexcept;

    // streams.cpp: what was missed, and history
    static bus::home_question question_of(const protocol::subscribe_request* known) noexcept;
    void subscribe_to_stream(client& c, const protocol::subscribe_request& request, grant* shown, std::uint32_t id);
    bool enter(client& c, std::string_view channel, bool wants_joins, const hub::wish& how = {});
    void join_stream(client& c, bus::ticket whose, std::string_view channel, const result<bus::home_answer>& said);
    protocol::stream_place place_of(const bus::home_answer& said, bool recovers, const protocol::encoder& with,
                                    const hub::wish& how = {});
    bool take_standing(client& c, grant& of, bool recovers, const result<bus::home_answer>& said);
    void on_stream_of_connect(client& c, bus::ticket whose, std::string_view channel,
                              const result<bus::home_answer>& said);
    void on_stream_of_order(client& c, bus::ticket whose, std::string_view channel,
                            const result<bus::home_answer>& said);
    void answer_history(client& c, std::uint32_t id, const result<bus::home_answer>& said);

    // wishes.cpp: who wants publications in another way than others
    std::optional<protocol::command_error> objection_to(const protocol::subscribe_request& asked) const;
    bool has_room_for(std::string_view channel) const;
    bool filter_is_good(const protocol::subscribe_request& request);
    bool narrow(std::string_view channel, const std::shared_ptr<const filters::filter>& by);
    bool gets_deltas(const protocol::subscribe_request& request) const;
    hub::wish take_wish(bus::ticket whose);
    bool has_room(std::string_view channel, const hub::wish& how);

    // presence.cpp: who is there
    bool may_hear_joins(const client& c, std::string_view channel, const grant* shown) const;
    void ask_who_is_there(client& c, std::uint32_t id, std::string_view channel, bus::ticket::command asks);
    void answer_presence(bus::ticket whose, const result<bus::home_answer>& said);

    // reconfigure.cpp
    void judge_some(std::uint32_t first, std::shared_ptr<const channels::rules> before);
    void judge(client& c, const channels::rules& before);
    bool may_stay(const client& c, std::string_view channel) const;
    bool end_subscription(client& c, std::string_view channel, std::string_view reason,
                          protocol::unsubscription code = protocol::unsubscription::by_server);

    // application.cpp: what the application is asked
    std::optional<hooks::consent> consult(client& c, std::uint32_t id, std::size_t whom, hooks::question what);
    std::optional<hooks::consent> conclude(client& c, std::uint32_t id, hooks::event what, hooks::answer said);
    std::shared_ptr<const auth::connection_claims> claims_by_application(client& c, std::uint32_t id,
                                                                         const protocol::connect_request& request);
    bool permit(client& c, std::uint32_t id, std::string_view channel, const hooks::consent& said, grant& into);
    void refresh_by_application(client& c);
    void on_refreshed(net::connection_key whose, const std::string& channel, hooks::answer said);
    void on_connection_refreshed(client& c, const hooks::answer& said);
    void on_subscription_refreshed(client& c, grant& of, const hooks::answer& said);
    protocol::time_left told_left(expiry when, hooks::event by, std::string_view channel = {}) const;

    // people.cpp
    bool admit_user(client& c);
    void on_joined(client& c);
    void on_left(client& c, std::uint16_t code, std::string_view reason);
    void occupy(std::string_view channel, bool by_somebody);
    std::string personal_channel_of(std::string_view user) const;

    // orders.cpp: what the server API asks of a user's connections
    bool subscribe_by_order(client& c, const api::subscribe_request& what);
    void push_subscription(client& c, grant& what, const bus::home_answer* stands);
    template <class Say>
    void push(client& c, Say&& say) {
        household().push(c, std::forward<Say>(say));
    }
    void take_away(const std::shared_ptr<const farewell>& what, std::size_t from);

    // The reply of a command that had to wait, whatever is being done just now; who has gone needs none.
    template <class Reply>
    void answer_later(bus::ticket whose, Reply&& reply) {
        client* const c = find(whose);
        if (c != nullptr) replies_.interpose(*c, [&] { reply(*c); });
    }

    // Null: it has gone, or is going.
    client* find(bus::ticket whose) { return roster_.find(net::connection_key::unpacked(whose.connection)); }
    net::connection_key key_of(const client& c) const noexcept { return shard_.records.key_of(c); }
    metrics::shard_counters& counters() noexcept { return shard_.counters; }
    const protocol::encoder& encoder() const noexcept { return replies_.encoder(); }

    // Connections told before other events get their turn.
    static constexpr std::uint32_t told_per_turn = 512;

    link::floor shard_;
    conversation::options options_;
    hub::hub* hub_;
    bus::broker* bus_;
    carrier* carrier_;
    carriers::compression compression_;
    clients::replies replies_;
    people::gatekeeper tokens_;
    people::client_ids ids_;
    clients::roster roster_;
    command_pace pace_;
    clients::subscriptions channels_;
    clients::consultations consulted_;
    std::minstd_rand jitter_{std::random_device{}()};
    std::uint32_t orders_ = 0; // subscriptions that the server API asked for
    std::string encoded_;      // a list, while it is made
    carriers::missed_lists missed_;
    std::string info_;        // of a publisher, while it publishes
    bool gives_away_ = false; // clients go to another process, which tells of occupied channels
    bool again_ = false;      // the command that is being handled waits, and is to be handled once more

    // What only some have, by their connection.
    boost::unordered_flat_map<std::uint64_t, saying> answers_; // for commands that are handled again
    // Of those whose subscribe with one waits for the channel's home.
    boost::unordered_flat_map<std::uint64_t, std::shared_ptr<const filters::filter>> wanted_;
    std::shared_ptr<const filters::filter> filter_; // of the subscribe that is being handled
};

} // namespace carillon::conversation
