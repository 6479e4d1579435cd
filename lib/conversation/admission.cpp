#include "auth/verifier.hpp"
#include "conversation/host.hpp"
#include "protocol/payload.hpp"
#include "protocol/reply.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

// Who a client is, by the tokens that it shows, and what happens when their time is over (protocol §6).
namespace carillon::conversation {

namespace {

using protocol::command_error;
using protocol::disconnect;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr seconds refresh_pause{5}; // before the application is asked again

constexpr std::string_view version = "carillon " CARILLON_VERSION;

} // namespace

sys_seconds host::now() const {
    if (options_.now) return options_.now();
    return std::chrono::floor<seconds>(std::chrono::system_clock::now());
}

// A check takes up to a millisecond: the next command looks whether there is time for it.
template <class Claims>
bool host::count_token(const result<Claims>& verified) {
    shard_.turns.has_toiled();
    if (verified) {
        ++counters().tokens_accepted;
    } else {
        ++counters().tokens_refused(auth::name_of(static_cast<auth::error>(verified.error().value())));
    }
    return verified.has_value();
}

// --- connections

// A token that has expired is asked for anew; one that is wrong never gets better (§6.1).
void host::on(client& c, std::uint32_t id, const protocol::connect_request& request) {
    if (!consulted_.keep_emulated(c, request.headers)) return fail(id, command_error::bad_request);
    auth::verifier::connection shown;
    // The one that the command has, or else the upgrade had. That may be meant for the application, which is asked
    // where it is no good here.
    const std::string_view token = request.token.empty() ? tokens_.kept(key_of(c)) : request.token;
    const bool asks = request.token.empty() && consulted_.whom(hooks::event::connect);
    if (!token.empty() && tokens_.verifier() != nullptr && !(asks && has_said(c))) {
        const auto verified = tokens_.verifier()->verify_connection(token, now());
        if (!verified && wait_for_keys(c, id, verified.error(), people::token_kind::connection)) return;
        if (count_token(verified)) {
            shown = *verified;
        } else if (auth::is_expired(verified.error())) {
            return fail(id, command_error::token_expired);
        } else if (!asks) {
            return disconnect(c, disconnect::invalid_token);
        }
    }
    if (shown == nullptr && asks) {
        shown = claims_by_application(c, id, request);
        if (shown == nullptr) return;
    } else if (shown == nullptr && !options_.dev) {
        if (!token.empty()) {
            ++counters().tokens_refused(metrics::token_refusal::no_keys);
            return disconnect(c, disconnect::invalid_token);
        }
        if (!options_.anonymous) return disconnect(c, disconnect::bad_request);
    }
    if (shown != nullptr && !take_claims(c, id, *shown)) return;
    if (!admit_user(c)) return disconnect(c, disconnect::connection_limit);
    tokens_.forget(key_of(c));
    c.move_to(stage::live);
    on_joined(c);
    schedule_ping(c, true);
    if (shown == nullptr && carriers::only_listens(c.speaks())) shown = std::make_shared<auth::connection_claims>();
    if (shown != nullptr && !subscribe_to_granted(c, id, *shown, request.subscriptions)) return;
    person* const more = c.who.more();
    if (more == nullptr || more->awaited == 0) return answer_connect(c, id);
    more->connect = id;
    c.wait(true); // answered by on_server_subscribed
}

// What the token says of the client itself. False: it has been refused.
bool host::take_claims(client& c, std::uint32_t id, const auth::connection_claims& claims) {
    if (claims.expires && *claims.expires <= now()) return fail(id, command_error::expired), false;
    const std::size_t own = personal_channel_of(claims.user).empty() ? 0 : 1;
    if (claims.subscriptions.size() + own > options_.subscriptions_max)
        return disconnect(c, disconnect::channel_limit), false;
    for (const auth::granted_subscription& each : claims.subscriptions) {
        const auto said = channels_.rules().find(each.channel).said;
        if (said != channels::verdict::allowed) return fail(id, static_cast<command_error>(said)), false;
    }
    c.who.set_user(claims.user);
    c.who.expires = expiry_at(claims.expires);
    if (claims.info && !take_json(c, *claims.info, c.who.need_more().info)) return false;
    if (!claims.meta.empty()) c.who.need_more().meta = claims.meta;
    return true;
}

// Bytes that are no JSON have no place in a JSON connection (§1.3).
bool host::take_json(client& c, const auth::payload& from, std::string& into) {
    if (from.any_bytes && !protocol::is_json(from.bytes)) {
        disconnect(c, disconnect::inappropriate_protocol);
        return false;
    }
    into = from.bytes;
    return true;
}

// What goes to the client itself, as it speaks.
bool host::take_data(client& c, const auth::payload& from, std::string& into) {
    if (!carriers::speaks_protobuf(c.speaks())) return take_json(c, from, into);
    into = from.bytes;
    return true;
}

bool host::subscribe_to_granted(client& c, std::uint32_t id, grant& what, const protocol::subscribe_request* known) {
    const bool recovers = known != nullptr && known->recover;
    bus::ticket whose{.connection = key_of(c).packed(), .id = id, .recovers = recovers};
    if (channels_.follows(what.channel, what.own, recovers || (known != nullptr && known->positioned))) {
        whose.by_server = true;
        const auto said = bus_->ask_home(what.channel, question_of(known), *this, whose);
        if (said) return take_standing(c, what, recovers, *said);
        ++c.who.more()->awaited;
        return true;
    }
    if (!has_room_for(what.channel)) return disconnect(c, disconnect::channel_limit), false;
    const auto outcome = channels_.join(c, what.channel, false, what.own);
    if (outcome == hub::subscribe_outcome::clashes) return disconnect(c, disconnect::internal_server_error), false;
    switch (bus_->subscribe(what.channel, outcome == hub::subscribe_outcome::joined_first, *this, whose)) {
    case bus::interest::confirmed: break;
    case bus::interest::pending: ++c.who.more()->awaited; break;
    case bus::interest::refused:
        channels_.take_back(c, what.channel);
        disconnect(c, disconnect::internal_server_error); // for now: it comes back
        return false;
    }
    return true;
}

void host::answer_connect(client& c, std::uint32_t id) {
    const uuid_text client_id{ids_.id_of(key_of(c))};
    std::string session; // where it is of use
    if (!carriers::is_framed(c.speaks()) || carriers::only_listens(c.speaks()))
        session = ids_.session_of(options_.shard, key_of(c));
    std::vector<protocol::server_subscription> granted;
    std::deque<std::string> told; // once, and not kept
    const std::string data = consulted_.take_answer_to_connect(c);
    if (person* more = c.who.more()) {
        for (grant& each : more->grants) {
            each.command = 0;
            protocol::subscribe_result what{.data = told.emplace_back(std::exchange(each.data, {}))};
            if (const auto stands = std::exchange(each.stands, nullptr)) {
                what.was_recovering = stands->recovers;
                what.stream = place_of(stands->said, stands->recovers, encoder());
                // The next one may take the place of its list.
                what.stream->publications = told.emplace_back(what.stream->publications);
                what.stream->epoch = told.emplace_back(what.stream->epoch);
            }
            granted.push_back({each.channel, what});
        }
    }
    encoder().connect_reply(replies_.next(), id,
                            {.client = client_id.view(),
                             .version = version,
                             .ping = std::chrono::ceil<seconds>(options_.ping_interval),
                             .pong = !carriers::only_listens(c.speaks()),
                             .left = told_left(c.who.expires, hooks::event::refresh),
                             .subscriptions = granted,
                             .data = data,
                             .session = session,
                             .node = carriers::is_framed(c.speaks()) ? std::string_view{} : options_.node});
    // What came meanwhile goes before whatever the greetings let loose.
    if (person* more = c.who.more(); more != nullptr && !more->held.empty()) {
        replies_.flush();
        carrier_->write(c, std::exchange(more->held, {}));
    }
    for (const auto& each : granted) channels_.greet(c, each.channel);
}

// Whether the subscription that the ticket stands for is one that a connect command waits for.
bool host::is_of_connect(bus::ticket whose) {
    auto* c = find(whose);
    const person* more = c == nullptr ? nullptr : c->who.more();
    return more != nullptr && more->connect != 0 && more->connect == whose.id;
}

void host::on_server_subscribed(bus::ticket whose) {
    if (replies_.served() != nullptr) { // somebody else's commands are being handled
        boost::asio::post(shard_.context, [this, whose] {
            if (is_of_connect(whose)) on_server_subscribed(whose);
        });
        return;
    }
    auto& c = *find(whose);
    person& more = *c.who.more();
    if (--more.awaited > 0) return;
    if (more.has_overflowed) return carrier_->end_slow(c);
    carrier_->answer(c, [&] { answer_connect(c, std::exchange(more.connect, 0)); });
}

// The new token takes the place of the one before, for the same user (§6.3).
void host::on(client& c, std::uint32_t id, const protocol::refresh_request& request) {
    if (request.token.empty() || consulted_.whom(hooks::event::refresh))
        return break_off(c, metrics::protocol_failure::unexpected_command); // it is not for the client to do (§4.10)
    if (tokens_.verifier() == nullptr) return fail(id, command_error::not_available);
    const auto verified = tokens_.verifier()->verify_connection(request.token, now());
    if (!verified && wait_for_keys(c, id, verified.error(), people::token_kind::connection)) return;
    if (!count_token(verified)) {
        return disconnect(c, auth::is_expired(verified.error()) ? disconnect::connection_expired
                                                                : disconnect::invalid_token);
    }
    const auth::connection_claims& claims = **verified;
    identity::room in;
    if (claims.user != c.who.user(in)) {
        ++counters().tokens_refused(metrics::token_refusal::for_another);
        return disconnect(c, disconnect::invalid_token);
    }
    if (claims.expires && *claims.expires <= now()) return disconnect(c, disconnect::connection_expired);
    // It comes back with the new token, and has what that says.
    if (!people::has_channels_of(c.who.more(), claims)) return disconnect(c, disconnect::insufficient_state);
    c.who.expires = expiry_at(claims.expires);
    if (claims.info && !take_json(c, *claims.info, c.who.need_more().info)) return;
    if (!claims.meta.empty()) c.who.need_more().meta = claims.meta;
    look_in_time(c);
    encoder().refresh_reply(replies_.next(), id, uuid_text{ids_.id_of(key_of(c))}.view(), version,
                            left_until(c.who.expires));
}

// --- subscriptions

// A token for this channel and this client, into what it permits. False: the command has been answered, or the client
// disconnected (§6.2).
bool host::verify(client& c, std::uint32_t id, std::string_view channel, std::string_view token, grant& into,
                  bool refreshes) {
    if (tokens_.verifier() == nullptr) {
        if (options_.dev) return true; // as if there were none
        ++counters().tokens_refused(metrics::token_refusal::no_keys);
        return fail(id, command_error::permission_denied), false;
    }
    const auto verified = tokens_.verifier()->verify_subscription(token, now());
    if (!verified && wait_for_keys(c, id, verified.error(), people::token_kind::subscription)) return false;
    if (!count_token(verified)) {
        const bool is_old = auth::is_expired(verified.error());
        if (is_old && refreshes) return end_unrefreshed(c, id, channel), false;
        return fail(id, is_old ? command_error::token_expired : command_error::permission_denied), false;
    }
    const auth::subscription_claims& claims = **verified;
    identity::room in;
    if (!claims.is_for(c.who.user(in), channel, uuid_text{ids_.id_of(key_of(c))}.view())) {
        ++counters().tokens_refused(metrics::token_refusal::for_another);
        return disconnect(c, disconnect::invalid_token), false;
    }
    if (claims.expires && *claims.expires <= now()) {
        if (refreshes) return end_unrefreshed(c, id, channel), false;
        return fail(id, command_error::expired), false;
    }
    into.channel = channel;
    into.command = id;
    into.expires = expiry_at(claims.expires);
    into.own = people::own_of(claims.over);
    if (claims.info && !take_json(c, *claims.info, into.info)) return false;
    return !claims.data || take_data(c, *claims.data, into.data);
}

// A refresh by a token that is old itself, from somebody's cache. SDKs give a subscription up for good whose refresh is
// answered with an error; of one that has ended they ask for another token and make it anew.
void host::end_unrefreshed(client& c, std::uint32_t id, std::string_view channel) {
    encoder().sub_refresh_reply(replies_.next(), id, std::nullopt);
    const person* const more = c.who.more();
    const grant* const its = more == nullptr ? nullptr : more->find(channel);
    if (its != nullptr && its->by_server) return disconnect(c, disconnect::subscription_expired);
    replies_.flush();
    end_subscription(c, std::string{channel});
}

void host::end_subscription(client& c, const std::string& channel) {
    forget_grant(c, channel);
    channels_.leave(c, channel);
    ++counters().subscriptions_expired;
    push(c, [&](const protocol::encoder& with, std::string& message) {
        with.unsubscribe_push(message, channel, protocol::unsubscription::expired, "subscription expired");
    });
}

void host::on(client& c, std::uint32_t id, const protocol::sub_refresh_request& request) {
    if (channel_is_refused(c, id, request.channel)) return;
    if (!channels_.has(c, request.channel)) { return fail(id, command_error::permission_denied); }
    if (consulted_.whom(hooks::event::sub_refresh, request.channel))
        return break_off(c, metrics::protocol_failure::unexpected_command);
    if (request.token.empty()) return fail(id, command_error::bad_request);
    if (tokens_.verifier() == nullptr) return fail(id, command_error::not_available);
    grant shown;
    if (!verify(c, id, request.channel, request.token, shown, true)) return;
    person& more = c.who.need_more();
    grant* before = more.find(request.channel);
    if (before == nullptr) before = &more.grants.emplace_back(grant{.channel = std::string{request.channel}});
    before->expires = shown.expires;
    if (!shown.info.empty()) before->info = std::move(shown.info);
    look_in_time(c);
    encoder().sub_refresh_reply(replies_.next(), id, left_until(before->expires));
}

channels::membership host::standing(const client& c, std::string_view channel) {
    if (options_.dev && options_.name_spaces.empty()) return channels::membership::none; // nobody asks
    if (const person* more = c.who.more()) {
        if (more->find(channel) != nullptr) return channels::membership::by_token;
    }
    return channels_.has(c, channel) ? channels::membership::subscribed : channels::membership::none;
}

void host::forget_grant(client& c, std::string_view channel) noexcept {
    if (person* more = c.who.more()) more->forget(channel);
}

// --- ends

// When to look at the client again: for its ping, or for the end of what it was permitted. So no expiry needs a timer.
std::chrono::milliseconds host::until_next(const client& c, std::chrono::milliseconds ping) const {
    sys_seconds first = sys_seconds::max();
    const auto look = [&](expiry when, hooks::event by, std::string_view channel) {
        if (when == 0) return;
        const sys_seconds end = time_of(when) + options_.expired_close_delay;
        first = std::min(first, end);
        // The application is asked at the end, and then there is as much time for its answer. Where it has not said, it
        // is asked again, but not at once.
        if (!consulted_.whom(by, channel) || consulted_.asks_about_end(c, channel)) return;
        first = std::min(first, time_of(when) > now() ? time_of(when) : now() + refresh_pause);
    };
    look(c.who.expires, hooks::event::refresh, {});
    if (const person* more = c.who.more()) {
        for (const grant& each : more->grants) look(each.expires, hooks::event::sub_refresh, each.channel);
    }
    if (first == sys_seconds::max()) return ping;
    const std::chrono::milliseconds left = first - now();
    return std::clamp(left, std::chrono::milliseconds{1}, ping);
}

// Who has not shown another token in time loses what the last one had permitted (§6.3). True: it is disconnected.
bool host::end_expired(client& c) {
    const sys_seconds over = now() - options_.expired_close_delay;
    const auto is_over = [&](expiry when) { return when != 0 && time_of(when) <= over; };
    if (is_over(c.who.expires)) return disconnect(c, disconnect::connection_expired), true;
    person* const more = c.who.more();
    if (more == nullptr) return false;
    for (std::size_t at = more->grants.size(); at-- > 0;) {
        if (!is_over(more->grants[at].expires) || more->grants[at].command != 0) continue;
        if (more->grants[at].by_server) return disconnect(c, disconnect::subscription_expired), true;
        const std::string channel = more->grants[at].channel;
        end_subscription(c, channel);
    }
    return false;
}

} // namespace carillon::conversation
