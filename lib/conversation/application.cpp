#include "auth/claims.hpp"
#include "conversation/host.hpp"
#include "protocol/reply.hpp"

#include <algorithm>
#include <utility>

// What the application is asked (protocol §9): a command that needs its consent waits for it and is then run again
// (questions.cpp); the ends of connections and subscriptions ask by themselves.
namespace carillon::conversation {

namespace {

using hooks::event;
using protocol::command_error;
using protocol::disconnect;
using std::chrono::seconds;
using std::chrono::sys_seconds;

// How long the application has before it is asked once more about an end that it could not say anything of.

} // namespace

// --- commands

// Empty: the command waits, or has been answered.
std::optional<hooks::consent> host::consult(client& c, std::uint32_t id, std::size_t whom, hooks::question what) {
    if (auto said = take_answer(c)) {
        if (auto* answer = std::get_if<hooks::answer>(&*said)) return conclude(c, id, what.about, std::move(*answer));
    }
    consulted_.ask(c, whom, what, [this, whose = key_of(c)](hooks::answer said) { run_again(whose, std::move(said)); });
    ask_again(c);
    return std::nullopt;
}

// Empty: the command has been answered, or the client disconnected.
std::optional<hooks::consent> host::conclude(client& c, std::uint32_t id, event what, hooks::answer said) {
    if (auto* consents = std::get_if<hooks::consent>(&said)) return std::move(*consents);
    if (const auto* refuses = std::get_if<hooks::refusal>(&said)) {
        if (carriers::only_listens(c.speaks()))
            return fail(id, static_cast<command_error>(refuses->code)), std::nullopt;
        ++counters().command_errors(static_cast<int>(std::min<std::uint32_t>(refuses->code, 1'000'000)));
        encoder().error_reply(replies_.next(), id, refuses->code, refuses->message, refuses->temporary);
        return std::nullopt;
    }
    if (const auto* ends = std::get_if<hooks::farewell>(&said)) {
        carrier_->close(c, ends->code, ends->reason);
        return std::nullopt;
    }
    if (std::holds_alternative<hooks::failure>(said)) {
        fail(id, command_error::internal);
        return std::nullopt;
    }
    // It has not said yes. Of an RPC there is nothing to be said.
    if (what == event::rpc) return hooks::consent{};
    if (what == event::connect) {
        disconnect(c, disconnect::permission_denied);
    } else {
        fail(id, command_error::permission_denied);
    }
    return std::nullopt;
}

// As if a token had said so. Null: the command waits, or has been answered.
std::shared_ptr<const auth::connection_claims> host::claims_by_application(client& c, std::uint32_t id,
                                                                           const protocol::connect_request& request) {
    const hooks::question what{
        .about = event::connect, .name = request.name, .version = request.version, .data = request.data};
    auto said = consult(c, id, *consulted_.whom(event::connect), what);
    if (!said) return nullptr;
    auto claims = std::make_shared<auth::connection_claims>();
    claims->user = std::move(said->user);
    claims->info = std::move(said->info);
    claims->subscriptions = std::move(said->subscriptions);
    claims->meta = std::move(said->meta);
    if (said->expire_at > 0) claims->expires = sys_seconds{seconds{expiry_at(said->expire_at)}};
    if (said->data && !take_data(c, *said->data, consulted_.answer_to_connect(c))) return nullptr;
    return claims;
}

// False: the command has been answered, or the client disconnected.
bool host::permit(client& c, std::uint32_t id, std::string_view channel, const hooks::consent& said, grant& into) {
    const expiry end = expiry_at(said.expire_at);
    if (end != 0 && left_until(end) == seconds::zero()) return fail(id, command_error::expired), false;
    if (said.filter != nullptr && !narrow(channel, said.filter)) return fail(id, command_error::not_available), false;
    const std::uint8_t own = people::own_of(said.over);
    if (end == 0 && own == 0 && !said.info && !said.data) return true; // nothing that must be kept
    into.own = own;
    into.channel = channel;
    into.command = id;
    into.expires = end;
    if (said.info && !take_json(c, *said.info, into.info)) return false;
    return !said.data || take_data(c, *said.data, into.data);
}

// --- ends

// Who is refreshed by the application has nothing to do itself, and is not told (§6.3).
protocol::time_left host::told_left(expiry when, event by, std::string_view channel) const {
    return consulted_.whom(by, channel) ? std::nullopt : left_until(when);
}

// At its deadline: the application is asked about ends that have come.
void host::refresh_by_application(client& c) {
    if (consulted_.application() == nullptr) return;
    const auto is_over = [&](expiry when) { return when != 0 && left_until(when) == seconds::zero(); };
    const auto ask = [&](std::size_t whom, const std::string& channel) {
        consulted_.ask_about_end(c, whom, channel, [this, whose = key_of(c), channel](hooks::answer said) {
            on_refreshed(whose, channel, std::move(said));
        });
    };
    if (const auto whom = consulted_.whom(event::refresh); whom && is_over(c.who.expires)) ask(*whom, {});
    if (const person* more = c.who.more()) {
        for (const grant& each : more->grants) {
            if (!is_over(each.expires)) continue;
            if (const auto whom = consulted_.whom(event::sub_refresh, each.channel)) ask(*whom, each.channel);
        }
    }
}

void host::on_refreshed(net::connection_key whose, const std::string& channel, hooks::answer said) {
    auto* c = roster_.find(whose);
    if (c == nullptr) return;
    consulted_.on_answer_about_end(whose, channel);
    if (const auto* ends = std::get_if<hooks::farewell>(&said)) return carrier_->close(*c, ends->code, ends->reason);
    if (channel.empty()) return on_connection_refreshed(*c, said);
    person* const more = c->who.more();
    if (grant* of = more == nullptr ? nullptr : more->find(channel)) on_subscription_refreshed(*c, *of, said);
}

void host::on_connection_refreshed(client& c, const hooks::answer& said) {
    const auto* consents = std::get_if<hooks::consent>(&said);
    if (consents == nullptr && !std::holds_alternative<hooks::nothing_said>(said))
        return look_in_time(c); // and ask again
    const expiry end = consents == nullptr ? 0 : expiry_at(consents->expire_at);
    // Without a new end it is over: an answer that says nothing must not let somebody stay for ever.
    if (consents == nullptr || consents->expired || end == 0 || left_until(end) == seconds::zero())
        return disconnect(c, disconnect::connection_expired);
    c.who.expires = end;
    if (consents->info && !take_json(c, *consents->info, c.who.need_more().info)) return;
    if (!consents->meta.empty()) c.who.need_more().meta = consents->meta;
    look_in_time(c);
}

void host::on_subscription_refreshed(client& c, grant& of, const hooks::answer& said) {
    const auto* consents = std::get_if<hooks::consent>(&said);
    if (consents == nullptr && !std::holds_alternative<hooks::nothing_said>(said))
        return look_in_time(c); // and ask again
    const expiry end = consents == nullptr ? 0 : expiry_at(consents->expire_at);
    if (consents == nullptr || consents->expired || end == 0 || left_until(end) == seconds::zero()) {
        of.expires = 1; // long ago: its end is here, whatever the delay is
        (void)end_expired(c);
        return;
    }
    of.expires = end;
    if (consents->info && !take_json(c, *consents->info, of.info)) return;
    look_in_time(c);
}

} // namespace carillon::conversation
