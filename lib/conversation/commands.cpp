#include "auth/claims.hpp"
#include "base/check.hpp"
#include "conversation/host.hpp"
#include "protocol/payload.hpp"
#include "protocol/reply.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace carillon::conversation {

namespace {

using metrics::command_method;
using protocol::command_error;

struct method_of {
    command_method operator()(const protocol::pong&) const { return command_method::pong; }
    command_method operator()(const protocol::connect_request&) const { return command_method::connect; }
    command_method operator()(const protocol::subscribe_request&) const { return command_method::subscribe; }
    command_method operator()(const protocol::unsubscribe_request&) const { return command_method::unsubscribe; }
    command_method operator()(const protocol::publish_request&) const { return command_method::publish; }
    command_method operator()(const protocol::presence_request&) const { return command_method::presence; }
    command_method operator()(const protocol::presence_stats_request&) const { return command_method::presence_stats; }
    command_method operator()(const protocol::history_request&) const { return command_method::history; }
    command_method operator()(const protocol::ping_request&) const { return command_method::ping; }
    command_method operator()(const protocol::send_request&) const { return command_method::send; }
    command_method operator()(const protocol::rpc_request&) const { return command_method::rpc; }
    command_method operator()(const protocol::refresh_request&) const { return command_method::refresh; }
    command_method operator()(const protocol::sub_refresh_request&) const { return command_method::sub_refresh; }
};

protocol::command_error error_of(channels::verdict said) noexcept { return static_cast<protocol::command_error>(said); }

} // namespace

host::progress host::handle(client& c, const protocol::command& command) {
    carry_out(c, command);
    const bool again = std::exchange(again_, false);
    if (!c.waits()) return progress::done;
    return again ? progress::waits_again : progress::waits;
}

void host::carry_out(client& c, const protocol::command& command) {
    if (!has_answer(c)) ++counters().commands(std::visit(method_of{}, command.what)); // else it has been counted
    const bool connects = std::holds_alternative<protocol::connect_request>(command.what);
    // SDKs send subscribes together with the connect. Where that is refused they go for another token, and must not be
    // told that they have broken the protocol, from which they do not come back.
    if (!connects && c.where() == stage::refused) return forget_answer(c);
    // Connect comes first and once (§4.1, §4.2).
    if (connects != (c.where() < stage::live)) return break_off(c, metrics::protocol_failure::unexpected_command);
    if (!connects && pace_.limits() && !has_pace(c, command)) return;
    // The SDKs do not come back from 3501: what cannot be passed on costs the one command. A `send` has no reply.
    if (command.too_deep && command.id != 0) {
        if (std::holds_alternative<protocol::publish_request>(command.what))
            ++counters().publications_refused(metrics::publication_refusal::too_deep);
        return fail(command.id, command_error::bad_request);
    }
    std::visit([&](const auto& request) { on(c, command.id, request); }, command.what);
    if (connects && c.where() < stage::live && !c.closing && !c.waits()) c.move_to(stage::refused);
    forget_answer(c); // which was for this one
}

// False: it is one command too many, and has been answered.
bool host::has_pace(client& c, const protocol::command& command) {
    if (has_answer(c) || std::holds_alternative<protocol::pong>(command.what)) return true;
    switch (pace_.take(shard_.records.index_of(c), shard_.now())) {
    case command_pace::verdict::go_on: return true;
    case command_pace::verdict::refused:
        if (command.id != 0) fail(command.id, protocol::command_error::too_many_requests);
        return false;
    case command_pace::verdict::ended: disconnect(c, protocol::disconnect::too_many_requests); return false;
    }
    CHECK(false);
}

void host::on(client& c, std::uint32_t id, const protocol::subscribe_request& request) {
    if (channel_is_refused(c, id, request.channel)) return;
    if (!request.delta.empty() && request.delta != "fossil") {
        return break_off(c, metrics::protocol_failure::malformed_command);
    }
    if (request.type != 0) return fail(id, command_error::not_available);
    if (!filter_is_good(request)) return fail(id, command_error::bad_request);
    if (c.channels.count >= options_.subscriptions_max) {
        return fail(id, channels_.has(c, request.channel) ? command_error::already_subscribed
                                                          : command_error::limit_exceeded);
    }
    if (const auto why = objection_to(request)) return fail(id, *why);
    grant shown;
    if (!request.token.empty() && !verify(c, id, request.channel, request.token, shown)) return;
    identity::room in;
    const bool has_token = !shown.channel.empty();
    if (const auto whom = consulted_.whom_to_subscribe(request.channel, has_token)) {
        hooks::question what = clients::consultations::question_of(c, hooks::event::subscribe, in);
        what.channel = request.channel;
        what.data = request.data;
        const auto said = consult(c, id, *whom, what);
        if (!said || !permit(c, id, request.channel, *said, shown)) return;
        const bool ends = shown.expires != 0;
        subscribe(c, request, shown.channel.empty() ? nullptr : &shown, id);
        if (ends && !c.closing) look_in_time(c);
        return;
    }
    const auto may = channels_.rules().may_subscribe(c.who.user(in), request.channel, has_token);
    if (may != channels::verdict::allowed) return fail(id, error_of(may));
    subscribe(c, request, has_token ? &shown : nullptr, id);
}

void host::subscribe(client& c, const protocol::subscribe_request& request, grant* shown, std::uint32_t id) {
    const std::uint8_t own = shown == nullptr ? std::uint8_t{0} : shown->own;
    if (channels_.follows(request.channel, own, request.recover || request.positioned))
        return subscribe_to_stream(c, request, shown, id);
    const hub::wish how{.filter = filter_}; // without a stream there is nothing that a delta could be of
    if (!has_room(request.channel, how)) return fail(id, command_error::limit_exceeded);
    const bool wants_joins = request.join_leave && may_hear_joins(c, request.channel, shown);
    const hub::subscribe_outcome outcome = channels_.join(c, request.channel, wants_joins, own, how);
    if (outcome == hub::subscribe_outcome::already) return fail(id, command_error::already_subscribed);
    if (outcome == hub::subscribe_outcome::clashes) return fail(id, command_error::internal); // for now
    const bool first = outcome == hub::subscribe_outcome::joined_first;
    if (shown != nullptr) c.who.need_more().grants.push_back(std::move(*shown));
    const bus::ticket whose{key_of(c).packed(), id, request.recover};
    // The reply waits for the bus: it promises that nothing is missed from here on.
    switch (bus_->subscribe(request.channel, first, *this, whose)) {
    case bus::interest::confirmed:
        answer_subscribe(c, id, {.was_recovering = request.recover});
        channels_.greet(c, request.channel);
        break;
    case bus::interest::pending: channels_.await_greeting(whose, request.channel); break;
    case bus::interest::refused:
        forget_grant(c, request.channel);
        channels_.take_back(c, request.channel);
        fail(id, command_error::internal);
        break;
    }
}

void host::on(client& c, std::uint32_t id, const protocol::unsubscribe_request& request) {
    if (request.channel.empty()) return break_off(c, metrics::protocol_failure::malformed_command);
    forget_grant(c, request.channel);
    channels_.leave_for_good(c, request.channel);
    encoder().empty_reply(replies_.next(), id, protocol::encoder::empty_result::unsubscribe);
}

void host::on(client& c, std::uint32_t id, const protocol::publish_request& request) {
    if (channel_is_refused(c, id, request.channel)) return;
    if (request.data.empty()) return fail(id, command_error::bad_request);
    if (request.type != 0) return fail(id, command_error::not_available);
    if (channels_.rules().is_wildcard(request.channel)) return fail(id, command_error::bad_request);
    if (request.data.size() > options_.payload_bytes_max) {
        ++counters().publications_refused(metrics::publication_refusal::too_big);
        return fail(id, command_error::bad_request);
    }
    identity::room in;
    const std::string_view user = c.who.user(in);
    std::optional<hooks::consent> said;
    if (const auto whom = consulted_.whom(hooks::event::publish, request.channel)) {
        identity::room again;
        hooks::question what = clients::consultations::question_of(c, hooks::event::publish, again);
        what.channel = request.channel;
        what.data = request.data;
        said = consult(c, id, *whom, what);
        if (!said) return;
        if (said->data && said->data->bytes.size() > options_.payload_bytes_max)
            return fail(id, command_error::internal);
    } else {
        const auto may = channels_.rules().may_publish(user, request.channel, standing(c, request.channel));
        if (may != channels::verdict::allowed) return fail(id, error_of(may));
    }
    const std::string_view data = said && said->data ? std::string_view{said->data->bytes} : request.data;
    // What a decoder or the application's answer has shown to be JSON is not looked at again.
    const bool is_json = said && said->data ? !said->data->any_bytes : !carriers::speaks_protobuf(c.speaks());
    const auto kind = is_json ? protocol::payload_kind::json : kind_of(c, request.channel, data);
    if (!kind) return fail(id, said && said->data ? command_error::internal : command_error::bad_request);
    info_.clear();
    channels_.append_info(info_, c, request.channel);
    const bus::ticket whose{key_of(c).packed(), id};
    bus::publication what{{data, *kind == protocol::payload_kind::json, info_}};
    if (said) {
        what.skip_history = said->skip_history;
        what.tags = said->tags;
        what.idempotency_key = said->idempotency_key;
        what.version = said->version;
        what.version_epoch = said->version_epoch;
        const bool wishes = !what.tags.empty() || !what.idempotency_key.empty() || what.version != 0;
        if (wishes && !options_.takes_wishes) return fail(id, command_error::internal);
    }
    const auto done = bus_->publish(request.channel, what, *this, whose);
    if (done && !*done) return fail(id, error_of(done->error()));
    if (!done) {
        c.wait(true); // answered by on_published
        return;
    }
    ++counters().publications(metrics::publication_source::client);
    encoder().empty_reply(replies_.next(), id, protocol::encoder::empty_result::publish);
}

// Of bytes that may be anything. Nothing: they may not be published there.
std::optional<protocol::payload_kind> host::kind_of(const client&, std::string_view channel, std::string_view data) {
    const protocol::payload_kind kind = protocol::classify(data);
    if (kind == protocol::payload_kind::too_deep) {
        ++counters().publications_refused(metrics::publication_refusal::too_deep);
        return std::nullopt;
    }
    if (kind != protocol::payload_kind::binary) return kind;
    const channels::name_space* const space = channels_.rules().find(channel).space;
    if (space != nullptr && space->binary) return kind;
    ++counters().publications_refused(metrics::publication_refusal::not_utf8);
    return std::nullopt;
}

void host::on(client& c, std::uint32_t id, const protocol::rpc_request& request) {
    const auto whom = consulted_.whom(hooks::event::rpc);
    if (!whom) return fail(id, command_error::not_available);
    identity::room in;
    hooks::question what = clients::consultations::question_of(c, hooks::event::rpc, in);
    what.method = request.method;
    what.data = request.data;
    const auto said = consult(c, id, *whom, what);
    if (!said) return;
    std::string data;
    if (said->data && !take_data(c, *said->data, data)) return;
    encoder().rpc_reply(replies_.next(), id, data);
}

// `send` has no reply, so the only answer there is closes (§4.9).
void host::on(client& c, std::uint32_t, const protocol::send_request&) {
    disconnect(c, protocol::disconnect::not_available);
}

void host::on(client& c, std::uint32_t, const protocol::ping_request&) {
    break_off(c, metrics::protocol_failure::unexpected_command);
}

// Exactly one pong for each ping (§4.1).
void host::on(client& c, std::uint32_t, const protocol::pong&) {
    if (c.where() != stage::awaiting_pong) return break_off(c, metrics::protocol_failure::unexpected_command);
    ++counters().pongs_received;
    c.move_to(stage::live);
    schedule_ping(c, false);
}

// An empty channel breaks the protocol, one that is too long is an error (§4.8).
bool host::channel_is_refused(client& c, std::uint32_t id, std::string_view channel) {
    if (channel.empty()) {
        break_off(c, metrics::protocol_failure::malformed_command);
        return true;
    }
    if (channel.size() > options_.channel_bytes_max) {
        fail(id, command_error::bad_request);
        return true;
    }
    return false;
}

void host::fail(std::uint32_t id, command_error why) {
    ++counters().command_errors(static_cast<int>(why));
    client& c = *replies_.served();
    if (carriers::only_listens(c.speaks())) return disconnect(c, protocol::disconnect_for(why));
    encoder().error_reply(replies_.next(), id, why);
}

} // namespace carillon::conversation
