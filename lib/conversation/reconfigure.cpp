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
    auto before = std::make_shared<const channels::rules>(
        std::exchange(rules_, channels::rules::of(options_.name_spaces, options_.dev, options_.channel_bytes_max)));
    take_rules();
    // Should another sweep be under way, it goes on by the new rules, and this one does all again.
    rules_before_ = before;
    judge_some(0, std::move(before));
}

void host::take_rules() noexcept {
    any_attended_ = rules_.any([](const auto& each) { return each.presence || each.join_leave; });
    any_drop_ =
        rules_.any([](const auto& each) { return each.slow_consumer != channels::slow_consumer_policy::disconnect; });
    any_recovers_ = rules_.any([](const auto& each) { return each.recovery != channels::recovery_mode::off; });
}

void host::judge_some(std::uint32_t first, std::shared_ptr<const channels::rules> before) {
    const std::uint32_t next = carrier_->for_some(first, judged_per_turn, [&](client& c) {
        if (!c.closing && c.where() >= stage::live && c.channels.count > 0) judge(c, *before);
    });
    if (next == net::no_index) {
        if (rules_before_ == before) rules_before_ = nullptr;
        return;
    }
    boost::asio::post(shard_.context,
                      [this, next, before = std::move(before)]() mutable { judge_some(next, std::move(before)); });
}

// Whether the client would get the channel, as it has got it.
bool host::may_stay(const client& c, std::string_view channel) const {
    const auto place = rules_.find(channel);
    if (place.said != channels::verdict::allowed) return false;
    if (const person* more = c.who.more(); more != nullptr && more->find(channel) != nullptr) return true;
    if (who_is_asked_to_subscribe(channel, false)) return true; // the application has said so, or will when it is asked
    identity::room in;
    return rules_.may_subscribe(c.who.user(in), channel, false) == channels::verdict::allowed;
}

void host::judge(client& c, const channels::rules& before) {
    std::vector<std::string> taken, attended_no_more, attended_now, told_anew;
    hub_->each_channel_of(c.channels, [&](std::string_view channel) {
        const bool was = before.is_attended(channel), is = is_attended(channel);
        // What stood for many and does so no more, or the other way round, is another thing than was subscribed to.
        if (!may_stay(c, channel) || hub_->is_wildcard(channel) != rules_.is_wildcard(channel)) {
            taken.emplace_back(channel);
        } else if (!may_still_wish(c, channel)) {
            told_anew.emplace_back(channel);
        } else if (was != is) {
            (is ? attended_now : attended_no_more).emplace_back(channel);
        }
    });
    for (const std::string& each : attended_now) greet(c, each);
    for (const std::string& each : attended_no_more) bus_->leave(each, ids_.id_of(key_of(c)));
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
    const auto outcome = leave_channel(c, channel);
    if (outcome == hub::unsubscribe_outcome::not_subscribed) return false;
    if (outcome == hub::unsubscribe_outcome::left) bus_->withdraw(channel, key_of(c).packed());
    forget_grant(c, channel);
    push(c, [&](const protocol::encoder& with, std::string& message) {
        with.unsubscribe_push(message, channel, code, reason);
    });
    return true;
}

} // namespace carillon::conversation
