#include "bus/broker.hpp"
#include "conversation/host.hpp"
#include "protocol/reply.hpp"

#include <utility>

// Subscriptions to channels with a stream: what a client has missed, and its history (protocol §5).
namespace carillon::conversation {

namespace {

using protocol::command_error;

metrics::recovery_outcome outcome_of(streams::verdict said) noexcept {
    switch (said) {
    case streams::verdict::recovered: return metrics::recovery_outcome::recovered;
    case streams::verdict::wrong_epoch: return metrics::recovery_outcome::wrong_epoch;
    case streams::verdict::ahead: return metrics::recovery_outcome::ahead;
    case streams::verdict::gone: return metrics::recovery_outcome::gone;
    case streams::verdict::too_many: return metrics::recovery_outcome::too_many;
    }
    CHECK(false);
}

} // namespace

// Null: the client knows nothing of the channel.
bus::home_question host::question_of(const protocol::subscribe_request* known) noexcept {
    bus::home_question asked{.joins = true};
    if (known == nullptr || !known->recover) return asked;
    asked.about = bus::home_question::kind::recover;
    asked.since = bus::home_question::position_of(known->since.offset, known->since.epoch);
    return asked;
}

// It subscribes when the answer comes: whatever is published from then on is not in it. Until then its further commands
// wait.
void host::subscribe_to_stream(client& c, const protocol::subscribe_request& request, grant* shown, std::uint32_t id) {
    if (channels_.has(c, request.channel)) return fail(id, command_error::already_subscribed);
    const bool wants_joins = request.join_leave && may_hear_joins(c, request.channel, shown);
    if (shown != nullptr) c.who.need_more().grants.push_back(std::move(*shown));
    const bool or_fail = (request.flag & protocol::error_if_unrecoverable) != 0;
    const bus::ticket whose{.connection = key_of(c).packed(),
                            .id = id,
                            .recovers = request.recover,
                            .or_fails = or_fail,
                            .wants_joins = wants_joins,
                            .deltas = gets_deltas(request)};
    if (filter_ != nullptr) wanted_.insert_or_assign(whose.connection, filter_);
    const auto said = bus_->ask_home(request.channel, question_of(&request), *this, whose);
    if (said) return join_stream(c, whose, request.channel, *said);
    c.wait(true);
}

// To a channel whose stream has just been asked. False: the bus takes no more.
bool host::enter(client& c, std::string_view channel, bool wants_joins, const hub::wish& how) {
    const auto outcome = channels_.join(c, channel, wants_joins, channels_.own_of(c, channel), how);
    if (outcome == hub::subscribe_outcome::already || outcome == hub::subscribe_outcome::clashes) return false;
    const bool first = outcome == hub::subscribe_outcome::joined_first;
    const auto said = bus_->subscribe(channel, first, *this, {.connection = key_of(c).packed()});
    if (said == bus::interest::confirmed) return true;
    channels_.take_back(c, channel);
    return false;
}

void host::join_stream(client& c, bus::ticket whose, std::string_view channel, const result<bus::home_answer>& said) {
    const auto refuse = [&](command_error why) {
        if (person* more = c.who.more()) more->forget_unmade(whose.id, false);
        fail(whose.id, why);
    };
    const hub::wish how = take_wish(whose);
    if (!said) return refuse(error_of(said.error()));
    if (whose.recovers) ++counters().recoveries(outcome_of(said->said));
    if (whose.recovers && whose.or_fails && said->said != streams::verdict::recovered)
        return refuse(command_error::unrecoverable_position);
    if (channels_.has(c, channel)) return refuse(command_error::already_subscribed);
    if (!has_room(channel, how)) return refuse(command_error::limit_exceeded);
    if (!enter(c, channel, whose.wants_joins, how)) return refuse(command_error::internal);
    protocol::subscribe_result what{.was_recovering = whose.recovers,
                                    .stream = place_of(*said, whose.recovers, encoder(), how),
                                    .delta = how.deltas};
    answer_subscribe(c, whose.id, what);
    channels_.greet(c, channel);
}

// What the client is told. Valid until the next is asked for.
protocol::stream_place host::place_of(const bus::home_answer& said, bool recovers, const protocol::encoder& with,
                                      const hub::wish& how) {
    const bool recovered = recovers && said.said == streams::verdict::recovered;
    const std::size_t count = recovered && said.publications != nullptr ? said.publications->publications.size() : 0;
    std::string_view publications;
    if (count > 0 && how.filter != nullptr) {
        publications = missed_.filtered(*said.publications, with, *how.filter);
    } else if (count > 0) {
        publications = missed_.whole(said.publications, with, how.deltas);
    }
    // The client moves on with each publication that it gets (§5).
    return {.epoch = said.top.epoch.view(),
            .offset = publications.empty() ? said.top.offset : said.top.offset - count,
            .recovered = recovered,
            .publications = publications};
}

void host::on_home_answer(bus::ticket whose, std::string_view channel, const result<bus::home_answer>& said) {
    CHECK(replies_.served() == nullptr);
    auto* c = find(whose);
    if (c == nullptr) return;
    if (whose.by_server)
        return is_of_connect(whose) ? on_stream_of_connect(*c, whose, channel, said)
                                    : on_stream_of_order(*c, whose, channel, said);
    carrier_->answer(*c, [&] {
        switch (whose.asks) {
        case bus::ticket::command::subscribe: join_stream(*c, whose, channel, said); break;
        case bus::ticket::command::history: answer_history(*c, whose.id, said); break;
        case bus::ticket::command::presence:
        case bus::ticket::command::presence_stats: answer_presence(whose, said); break;
        }
    });
}

// --- subscriptions that the server makes

// What was asked for by the connection's token. False: it has been disconnected.
bool host::take_standing(client& c, grant& of, bool recovers, const result<bus::home_answer>& said) {
    if (!said || !enter(c, of.channel, false)) {
        disconnect(c, protocol::disconnect::internal_server_error); // for now: it comes back
        return false;
    }
    if (recovers) ++counters().recoveries(outcome_of(said->said));
    of.stands = std::make_unique<const people::standing_of_stream>(people::standing_of_stream{*said, recovers});
    return true;
}

void host::on_stream_of_connect(client& c, bus::ticket whose, std::string_view channel,
                                const result<bus::home_answer>& said) {
    grant* const its = c.who.more()->find(channel);
    if (its == nullptr || !take_standing(c, *its, whose.recovers, said)) return;
    on_server_subscribed(whose);
}

void host::on_stream_of_order(client& c, bus::ticket whose, std::string_view channel,
                              const result<bus::home_answer>& said) {
    person* const more = c.who.more();
    grant* const its = more == nullptr ? nullptr : more->find_order(whose.id);
    if (its == nullptr) return;
    if (!said || !enter(c, channel, false)) return more->forget_unmade(whose.id, true);
    push_subscription(c, *its, &*said);
    channels_.greet(c, channel);
}

// --- history

void host::on(client& c, std::uint32_t id, const protocol::history_request& request) {
    if (channel_is_refused(c, id, request.channel)) return;
    identity::room in;
    const auto may = channels_.rules().may_read_history(c.who.user(in), request.channel, standing(c, request.channel));
    if (may != channels::verdict::allowed) return fail(id, static_cast<command_error>(may));
    bus::home_question asked{.about = bus::home_question::kind::history,
                             .has_since = request.since.has_value(),
                             .reverse = request.reverse,
                             .limit = request.limit};
    if (request.since) asked.since = bus::home_question::position_of(request.since->offset, request.since->epoch);
    const bus::ticket whose{.connection = key_of(c).packed(), .id = id, .asks = bus::ticket::command::history};
    const auto said = bus_->ask_home(request.channel, asked, *this, whose);
    if (said) return answer_history(c, id, *said);
    c.wait(true);
}

void host::answer_history(client&, std::uint32_t id, const result<bus::home_answer>& said) {
    if (!said) return fail(id, error_of(said.error()));
    switch (said->why) {
    case streams::store::query_error::wrong_epoch: return fail(id, command_error::unrecoverable_position);
    case streams::store::query_error::bad_offset: return fail(id, command_error::bad_request);
    case streams::store::query_error::none: break;
    }
    encoded_.clear();
    if (said->publications != nullptr) carriers::missed_lists::append(encoded_, *said->publications, encoder());
    encoder().history_reply(replies_.next(), id, {said->top.offset, said->top.epoch.view()}, encoded_);
}

} // namespace carillon::conversation
