#include "bus/broker.hpp"
#include "conversation/host.hpp"
#include "protocol/reply.hpp"

#include <string>
#include <utility>
#include <vector>

// Who is in a channel (protocol §5): clients that come and go are told to the channel's home, which answers who asks.
namespace carillon::conversation {

using protocol::command_error;

bool host::is_attended(std::string_view channel) const noexcept { return any_attended_ && rules_.is_attended(channel); }

// Who leaves it may stand in its list, as long as not everybody has been judged by new rules.
bool host::may_be_listed(std::string_view channel) const noexcept {
    return is_attended(channel) || (rules_before_ != nullptr && rules_before_->is_attended(channel));
}

// As who hears the channel: of those who come and go, too, if the namespace has it and the client wants it or must.
hub::subscriber host::subscriber_of(const client& c, std::string_view channel, bool wants_joins,
                                    std::uint8_t own) const {
    const hub::subscriber plain = subscriber_of(c);
    if (!any_attended_) return plain;
    const channels::name_space* const space = rules_.find(channel).space;
    if (space == nullptr || !space->join_leave) return plain;
    const bool must = (own & people::told) != 0 || (space->force_push_join_leave && (own & people::told_if_asked) == 0);
    if (!wants_joins && !must) return plain;
    return hub::subscriber::make(plain.index(), hub::with_joins(c.speaks()));
}

void host::append_info(std::string& out, const client& c, std::string_view channel) const {
    identity::room in;
    const uuid_text id{ids_.id_of(key_of(c))};
    protocol::client_info who{c.who.user(in), id.view()};
    if (const person* more = c.who.more()) {
        who.conn_info = more->info;
        if (const grant* of = more->find(channel)) who.chan_info = of->info;
    }
    protocol::append_client_info(out, who);
}

// After it has been told that it is subscribed.
void host::greet(client& c, std::string_view channel) {
    if (c.gone || c.closing || !is_attended(channel) || is_unseen(channel, own_of(c, channel))) return;
    std::string info;
    append_info(info, c, channel);
    identity::room in;
    bus_->enter(channel, ids_.id_of(key_of(c)), {std::string{c.who.user(in)}, std::move(info)});
}

// The bus has not confirmed the channel yet, and will say of which command that was, not of which channel.
void host::await_greeting(bus::ticket whose, std::string_view channel) {
    if (is_attended(channel)) awaited_.insert_or_assign({whose.connection, whose.id}, std::string{channel});
}

std::string host::take_greeting(bus::ticket whose) {
    const auto found = awaited_.find({whose.connection, whose.id});
    if (found == awaited_.end()) return {};
    std::string channel = std::move(found->second);
    awaited_.erase(found);
    return channel;
}

hub::unsubscribe_outcome host::leave_channel(client& c, std::string_view channel) {
    const auto outcome = hub_->unsubscribe(subscriber_of(c), c.channels, channel);
    if (outcome == hub::unsubscribe_outcome::left_last) bus_->unsubscribe(channel);
    if (outcome != hub::unsubscribe_outcome::not_subscribed && may_be_listed(channel))
        bus_->leave(channel, ids_.id_of(key_of(c)));
    return outcome;
}

void host::leave_all(client& c) {
    std::vector<std::string> attended;
    if (any_attended_ || rules_before_ != nullptr) {
        hub_->each_channel_of(c.channels, [&](std::string_view channel) {
            if (may_be_listed(channel)) attended.emplace_back(channel);
        });
    }
    hub_->unsubscribe_all(c.channels, [this](std::string_view channel) { bus_->unsubscribe(channel); });
    for (const std::string& each : attended) bus_->leave(each, ids_.id_of(key_of(c)));
}

// --- the commands

void host::on(client& c, std::uint32_t id, const protocol::presence_request& request) {
    ask_who_is_there(c, id, request.channel, bus::ticket::command::presence);
}

void host::on(client& c, std::uint32_t id, const protocol::presence_stats_request& request) {
    ask_who_is_there(c, id, request.channel, bus::ticket::command::presence_stats);
}

void host::ask_who_is_there(client& c, std::uint32_t id, std::string_view channel, bus::ticket::command asks) {
    if (channel_is_refused(c, id, channel)) return;
    identity::room in;
    const auto may = rules_.may_see_presence(c.who.user(in), channel, standing(c, channel));
    if (may != channels::verdict::allowed) return fail(id, static_cast<command_error>(may));
    using kind = bus::home_question::kind;
    const bus::home_question asked{.about = asks == bus::ticket::command::presence ? kind::list : kind::count};
    const bus::ticket whose{.connection = key_of(c).packed(), .id = id, .asks = asks};
    const auto said = bus_->ask_home(channel, asked, *this, whose);
    if (said) return answer_presence(whose, *said);
    c.wait(true);
}

// A list with holes would be none, and one that is larger than what may wait for a client would end it.
void host::answer_presence(bus::ticket whose, const result<bus::home_answer>& said) {
    if (!said) return fail(whose.id, command_error::internal);
    if (whose.asks == bus::ticket::command::presence_stats) {
        return encoder().presence_stats_reply(replies_.next(), whose.id, said->there.clients, said->there.users);
    }
    if (said->members == nullptr) return fail(whose.id, command_error::limit_exceeded);
    encoded_.clear();
    for (const auto& [who, info] : *said->members) { encoder().presence_entry(encoded_, uuid_text{who}.view(), info); }
    if (encoded_.size() > options_.outbox_bytes_max / 2) return fail(whose.id, command_error::limit_exceeded);
    encoder().presence_reply(replies_.next(), whose.id, encoded_);
}

} // namespace carillon::conversation
