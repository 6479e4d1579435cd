#include "bus/broker.hpp"
#include "conversation/host.hpp"
#include "protocol/reply.hpp"

// Who is in a channel (protocol §5): its home is asked.
namespace carillon::conversation {

using protocol::command_error;

void host::on(client& c, std::uint32_t id, const protocol::presence_request& request) {
    ask_who_is_there(c, id, request.channel, bus::ticket::command::presence);
}

void host::on(client& c, std::uint32_t id, const protocol::presence_stats_request& request) {
    ask_who_is_there(c, id, request.channel, bus::ticket::command::presence_stats);
}

void host::ask_who_is_there(client& c, std::uint32_t id, std::string_view channel, bus::ticket::command asks) {
    if (channel_is_refused(c, id, channel)) return;
    identity::room in;
    const auto may = channels_.rules().may_see_presence(c.who.user(in), channel, standing(c, channel));
    if (may != channels::verdict::allowed) return fail(id, static_cast<command_error>(may));
    using kind = bus::home_question::kind;
    const bus::home_question asked{.about = asks == bus::ticket::command::presence ? kind::list : kind::count};
    const bus::ticket whose{.connection = key_of(c).packed(), .id = id, .asks = asks};
    const auto said = bus_->ask_home(channel, asked, *this, whose);
    if (said) return answer_presence(whose, *said);
    c.wait(true);
}

// Who comes and goes is as much as who is there: that is told to those who may ask, or whom the server tells.
bool host::may_hear_joins(const client& c, std::string_view channel, const grant* shown) const {
    if (shown != nullptr && (shown->own & (people::told | people::told_if_asked)) != 0) return true;
    identity::room in;
    const auto how = shown != nullptr ? channels::membership::by_token : channels::membership::subscribed;
    return channels_.rules().may_see_presence(c.who.user(in), channel, how) == channels::verdict::allowed;
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
