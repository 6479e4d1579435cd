#include "clients/subscriptions.hpp"

#include "protocol/reply.hpp"

#include <vector>

namespace carillon::clients {

subscriptions::subscriptions(const link::floor& shard, hub::hub& subscribers, bus::broker& bus,
                             const people::client_ids& ids, channels::rules rules)
    : records_{&shard.records}, hub_{&subscribers}, bus_{&bus}, ids_{&ids}, rules_{std::move(rules)} {
    look_at_rules();
}

// --- rules

std::shared_ptr<const channels::rules> subscriptions::change(channels::rules now) {
    // Should another sweep be under way, it goes on by the new rules, and the one for these does all again.
    rules_before_ = std::make_shared<const channels::rules>(std::exchange(rules_, std::move(now)));
    look_at_rules();
    return rules_before_;
}

void subscriptions::all_judged(const std::shared_ptr<const channels::rules>& by) noexcept {
    if (rules_before_ == by) rules_before_ = nullptr;
}

void subscriptions::look_at_rules() noexcept {
    any_attended_ = rules_.any([](const auto& each) { return each.presence || each.join_leave; });
    any_drop_ =
        rules_.any([](const auto& each) { return each.slow_consumer != channels::slow_consumer_policy::disconnect; });
    any_recovers_ = rules_.any([](const auto& each) { return each.recovery != channels::recovery_mode::off; });
}

// Who leaves it may stand in its list, as long as not everybody has been judged by new rules.
bool subscriptions::may_be_listed(std::string_view channel) const noexcept {
    return is_attended(channel) || (rules_before_ != nullptr && rules_before_->is_attended(channel));
}

bool subscriptions::can_recover(std::string_view channel) const noexcept {
    if (!any_recovers_) return false;
    const channels::name_space* const space = rules_.find(channel).space;
    return space != nullptr && space->recovery != channels::recovery_mode::off && space->history_size > 0;
}

bool subscriptions::has_stream(std::string_view channel) const noexcept {
    if (rules_.is_wildcard(channel)) return false;
    const channels::name_space* const space = rules_.find(channel).space;
    return space != nullptr && space->history_size > 0;
}

bool subscriptions::follows(std::string_view channel, std::uint8_t own, bool asked) const noexcept {
    if ((own & people::followed_if_asked) != 0) return asked && can_recover(channel);
    if ((own & people::followed) == 0) return can_recover(channel);
    const channels::name_space* const space = rules_.find(channel).space;
    return space != nullptr && space->history_size > 0;
}

std::uint8_t subscriptions::own_of(const client& c, std::string_view channel) const noexcept {
    const person* const more = c.who.more();
    const grant* const its = more == nullptr ? nullptr : more->find(channel);
    return its == nullptr ? 0 : its->own;
}

// Neither listed nor told. What is listed is told where both are wanted, so one without the other is not to be had.
bool subscriptions::is_unseen(std::string_view channel, std::uint8_t own) const noexcept {
    if ((own & people::unlisted) != 0) return true;
    if ((own & people::untold) == 0) return false;
    const channels::name_space* const space = rules_.find(channel).space;
    return space != nullptr && !space->presence;
}

bool subscriptions::may_still_wish(const client& c, std::string_view channel) const {
    const hub::wish& how = hub_->wish_of(subscriber_of(c), c.channels, channel);
    if (how.is_plain()) return true;
    const channels::name_space* const space = rules_.find(channel).space;
    if (space == nullptr) return false;
    return (!how.deltas || (space->allowed_delta_types.fossil && can_recover(channel))) &&
           (how.filter == nullptr || space->allow_tags_filter);
}

// --- who has which

hub::subscriber subscriptions::subscriber_of(const client& c, std::string_view channel, bool wants_joins,
                                             std::uint8_t own) const {
    const hub::subscriber plain = subscriber_of(c);
    if (!any_attended_) return plain;
    const channels::name_space* const space = rules_.find(channel).space;
    if (space == nullptr || !space->join_leave) return plain;
    const bool must = (own & people::told) != 0 || (space->force_push_join_leave && (own & people::told_if_asked) == 0);
    if (!wants_joins && !must) return plain;
    return hub::subscriber::make(plain.index(), hub::with_joins(c.speaks()));
}

hub::subscribe_outcome subscriptions::join(client& c, std::string_view channel, bool wants_joins, std::uint8_t own,
                                           const hub::wish& how) {
    const auto kind = rules_.is_wildcard(channel) ? hub::name_kind::wildcard : hub::name_kind::channel;
    return hub_->subscribe(subscriber_of(c, channel, wants_joins, own), c.channels, channel, how, kind);
}

hub::unsubscribe_outcome subscriptions::leave(client& c, std::string_view channel) {
    const auto outcome = hub_->unsubscribe(subscriber_of(c), c.channels, channel);
    if (outcome == hub::unsubscribe_outcome::left_last) bus_->unsubscribe(channel);
    if (outcome != hub::unsubscribe_outcome::not_subscribed && may_be_listed(channel)) bus_->leave(channel, id_of(c));
    return outcome;
}

hub::unsubscribe_outcome subscriptions::leave_for_good(client& c, std::string_view channel) {
    const auto outcome = leave(c, channel);
    if (outcome == hub::unsubscribe_outcome::left) bus_->withdraw(channel, records_->key_of(c).packed());
    return outcome;
}

void subscriptions::leave_all(client& c) {
    std::vector<std::string> attended;
    if (any_attended_ || rules_before_ != nullptr) {
        hub_->each_channel_of(c.channels, [&](std::string_view channel) {
            if (may_be_listed(channel)) attended.emplace_back(channel);
        });
    }
    hub_->unsubscribe_all(c.channels, [this](std::string_view channel) { bus_->unsubscribe(channel); });
    for (const std::string& each : attended) bus_->leave(each, id_of(c));
}

void subscriptions::give_away(client& c) {
    std::vector<std::string> attended;
    hub_->each_channel_of(c.channels, [&](std::string_view channel) {
        if (may_be_listed(channel)) attended.emplace_back(channel);
    });
    hub_->unsubscribe_all(c.channels, [this](std::string_view channel) { bus_->unsubscribe(channel); });
    for (const std::string& each : attended) bus_->forget(each, id_of(c));
}

// --- who is there

void subscriptions::greet(client& c, std::string_view channel) {
    if (c.gone || c.closing || !is_attended(channel) || is_unseen(channel, own_of(c, channel))) return;
    std::string info;
    append_info(info, c, channel);
    identity::room in;
    bus_->enter(channel, id_of(c), {std::string{c.who.user(in)}, std::move(info)});
}

void subscriptions::await_greeting(bus::ticket whose, std::string_view channel) {
    if (is_attended(channel)) awaited_.insert_or_assign({whose.connection, whose.id}, std::string{channel});
}

std::string subscriptions::take_greeting(bus::ticket whose) {
    const auto found = awaited_.find({whose.connection, whose.id});
    if (found == awaited_.end()) return {};
    std::string channel = std::move(found->second);
    awaited_.erase(found);
    return channel;
}

void subscriptions::append_info(std::string& out, const client& c, std::string_view channel) const {
    identity::room in;
    const uuid_text id{id_of(c)};
    protocol::client_info who{c.who.user(in), id.view()};
    if (const person* more = c.who.more()) {
        who.conn_info = more->info;
        if (const grant* of = more->find(channel)) who.chan_info = of->info;
    }
    protocol::append_client_info(out, who);
}

} // namespace carillon::clients
