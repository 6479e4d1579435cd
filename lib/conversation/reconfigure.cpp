#include "conversation/host.hpp"
#include "protocol/reply.hpp"

#include <boost/asio/post.hpp>

#include <string>
#include <utility>
#include <vector>

// Another configuration, for those who are connected, too.
namespace carillon::conversation {

namespace {

// Connections that are looked at before other events get their turn; each may have many channels.
constexpr std::uint32_t judged_per_turn = 128;

} // namespace

void host::reconfigure(const conversation::options& now) {
    tokens_.reconfigure(now.tokens);
    options_.anonymous = now.anonymous;
    options_.subscriptions_max = now.subscriptions_max;
    options_.wildcards_max = now.wildcards_max;
    options_.expired_close_delay = now.expired_close_delay;
    if (options_.name_spaces == now.name_spaces) return;
    options_.name_spaces = now.name_spaces;
    judge_some(0,
               channels_.change(channels::rules::of(options_.name_spaces, options_.dev, options_.channel_bytes_max)));
}

void host::judge_some(std::uint32_t first, std::shared_ptr<const channels::rules> before) {
    const std::uint32_t next = carrier_->for_some(first, judged_per_turn, [&](client& c) {
        if (!c.closing && c.where() >= stage::live && c.channels.count > 0) judge(c, *before);
    });
    if (next == net::no_index) return channels_.all_judged(before);
    boost::asio::post(shard_.context,
                      [this, next, before = std::move(before)]() mutable { judge_some(next, std::move(before)); });
}

// Whether the client would get the channel, as it has got it.
bool host::may_stay(const client& c, std::string_view channel) const {
    const auto place = channels_.rules().find(channel);
    if (place.said != channels::verdict::allowed) return false;
    if (const person* more = c.who.more(); more != nullptr && more->find(channel) != nullptr) return true;
    if (consulted_.whom_to_subscribe(channel, false))
        return true; // the application has said so, or will when it is asked
    identity::room in;
    return channels_.rules().may_subscribe(c.who.user(in), channel, false) == channels::verdict::allowed;
}

void host::judge(client& c, const channels::rules& before) {
    std::vector<std::string> taken, attended_no_more, attended_now, told_anew;
    hub_->each_channel_of(c.channels, [&](std::string_view channel) {
        const bool was = before.is_attended(channel), is = channels_.is_attended(channel);
        // What stood for many and does so no more, or the other way round, is another thing than was subscribed to.
        if (!may_stay(c, channel) || hub_->is_wildcard(channel) != channels_.rules().is_wildcard(channel)) {
            taken.emplace_back(channel);
        } else if (!channels_.may_still_wish(c, channel)) {
            told_anew.emplace_back(channel);
        } else if (was != is) {
            (is ? attended_now : attended_no_more).emplace_back(channel);
        }
    });
    for (const std::string& each : attended_now) channels_.greet(c, each);
    for (const std::string& each : attended_no_more) channels_.unlist(c, each);
    for (const std::string& each : taken) {
        if (c.gone || c.closing) return;
        end_subscription(c, each, protocol::message_of(protocol::command_error::permission_denied));
    }
    for (const std::string& each : told_anew) {
        if (c.gone || c.closing) return;
        end_subscription(c, each, "insufficient state", protocol::unsubscription::insufficient_state);
    }
}

// By the server. For good, where the code does not say that it is to be asked for again.
bool host::end_subscription(client& c, std::string_view channel, std::string_view reason,
                            protocol::unsubscription code) {
    if (channels_.leave_for_good(c, channel) == hub::unsubscribe_outcome::not_subscribed) return false;
    forget_grant(c, channel);
    push(c, [&](const protocol::encoder& with, std::string& message) {
        with.unsubscribe_push(message, channel, code, reason);
    });
    return true;
}

} // namespace carillon::conversation
