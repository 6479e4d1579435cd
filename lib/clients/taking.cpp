#include "clients/taking.hpp"

#include "base/name_hash.hpp"
#include "people/user_counts.hpp"

#include <algorithm>
#include <utility>

namespace carillon::clients {

bool taking::take(client& c, const takeover::client& what) {
    const household& of = of_;
    const auto format = static_cast<hub::format>(what.format);
    const bool is_format = what.format < hub::formats / 2 && format != hub::format::resp2 &&
                           format != hub::format::resp3 && carriers::is_framed(format);
    if (!is_format) return false;
    const net::connection_key key = of.key_of(c);
    boost::uuids::uuid id;
    std::copy(what.id.begin(), what.id.end(), id.begin());
    of.ids.inherit(key, id);
    c.speak(format);
    c.move_to(what.awaits_pong ? stage::awaiting_pong : stage::live);
    c.who.set_user(what.user);
    c.who.expires = what.expires;
    if (!what.info.empty()) c.who.need_more().info = what.info;
    if (!what.meta.empty()) c.who.need_more().meta = what.meta;
    for (const takeover::grant& each : what.grants) {
        c.who.need_more().grants.push_back(grant{.channel = each.channel,
                                                 .by_server = each.by_server,
                                                 .own = each.own,
                                                 .expires = each.expires,
                                                 .info = each.info});
    }
    hooks::head_fields fields;
    for (const takeover::field& each : what.fields) fields.push_back({each.name, each.value, each.emulated});
    of.consulted.inherit_fields(c, std::move(fields));
    if (of.users != nullptr && !what.user.empty()) of.users->adopt(what.user);
    for (const takeover::subscription& each : what.subscriptions) {
        if (each.channel.empty() || each.channel.size() > hub::hub::channel_bytes_max) return false;
        if (!streams::epoch::fits(each.epoch)) return false;
        const heir how{{each.offset, streams::epoch{each.epoch}}, key, each.joins, each.deltas};
        if (each.epoch.empty()) {
            if (!join(c, each.channel, how)) return false;
        } else if (of.channels.has_stream(each.channel)) {
            heirs_[each.channel].push_back(how);
        } else {
            lose(each.channel, how); // another configuration
        }
    }
    return true;
}

bool taking::join(client& c, std::string_view channel, const heir& how) {
    const household& of = of_;
    const hub::wish wish{.deltas = how.deltas && of.channels.has_stream(channel)};
    const auto outcome = of.channels.join(c, channel, how.joins, of.channels.own_of(c, channel), wish);
    using enum hub::subscribe_outcome;
    if (outcome == already || outcome == clashes) return false;
    const bus::ticket whose{.connection = how.whose.packed()};
    switch (of.bus.subscribe(channel, outcome == joined_first, *this, whose)) {
    case bus::interest::confirmed: return true;
    case bus::interest::pending: ++pending_; return true;
    case bus::interest::refused: return false;
    }
    CHECK(false);
}

void taking::lose(std::string_view channel, const heir& who) { lost_.emplace_back(who.whose, channel); }

void taking::learn(std::function<void(bool well)> then) {
    then_ = std::move(then);
    for (auto& [channel, all] : heirs_) {
        std::ranges::sort(all, {}, [](const heir& each) { return each.at.offset; });
        wanted_.push_back(channel);
    }
    ask_some();
}

// Of all that the heirs of a channel have missed, once: since where the one stands that has had least.
void taking::ask_some() {
    if (std::exchange(asking_, true)) return;
    while (!wanted_.empty() && asked_ < questions_max) {
        const std::string channel = std::move(wanted_.front());
        wanted_.pop_front();
        bus::home_question question{.about = bus::home_question::kind::recover, .joins = true};
        question.since = heirs_.find(channel)->second.front().at;
        ++asked_;
        const auto said = of_.bus.ask_home(channel, question, *this, {});
        if (said) on_home_answer({}, channel, *said);
    }
    asking_ = false;
    finish();
}

void taking::finish() {
    if (asked_ > 0 || pending_ > 0 || !wanted_.empty()) return;
    if (const auto then = std::exchange(then_, {})) then(well_);
}

// Whoever subscribes now hears all that is not in the answer. What is in it goes into the deliveries between the
// subscriptions, so that everybody gets what is beyond the own place, once.
void taking::on_home_answer(bus::ticket, std::string_view channel, const result<bus::home_answer>& said) {
    --asked_;
    const auto found = heirs_.find(channel);
    const std::vector<heir> heirs = std::move(found->second);
    heirs_.erase(found);
    if (!said) {
        well_ = false;
        wanted_.clear();
        return ask_some();
    }
    const bool has = said->said == streams::verdict::recovered;
    const streams::batch none{};
    const streams::batch& missed = said->publications != nullptr ? *said->publications : none;
    std::size_t given = 0;
    const auto give = [&](std::uint64_t until) {
        for (; given < missed.publications.size() && missed.offset_of(given) <= until; ++given) {
            const streams::draft each = missed.publications[given]->view();
            of_.listeners.publish(channel, {each.payload, each.is_json, each.info, each.tags, missed.offset_of(given),
                                            said->top.epoch.view()});
        }
    };
    for (const heir& each : heirs) {
        client* const c = of_.out.find(each.whose);
        if (c == nullptr) continue;
        if (!has || each.at.epoch != said->top.epoch) {
            lose(channel, each);
            continue;
        }
        give(each.at.offset);
        if (!join(*c, channel, each)) well_ = false;
    }
    if (has) give(said->top.offset);
    ask_some();
}

void taking::on_subscribed(bus::ticket) {
    --pending_;
    finish();
}

void taking::on_subscribe_failed(bus::ticket, std::string_view, bus::error) {
    well_ = false;
    --pending_;
    finish();
}

// Before they are ours, nothing can be said to them: then nothing comes of it, or they are told when they are.
void taking::on_unsubscribed(std::string_view channel, bus::error why) {
    if (settled_) return listener_->on_unsubscribed(channel, why);
    well_ = false;
    const std::string name{channel};
    for (const hub::subscriber each : of_.listeners.subscribers_of(name)) {
        auto& c = static_cast<client&>(of_.shard.records.at(each.index()));
        lost_.emplace_back(of_.key_of(c), name);
        of_.channels.leave(c, name);
    }
}

void taking::settle(client& c) {
    std::vector<std::string> channels;
    of_.listeners.each_channel_of(c.channels, [&](std::string_view each) {
        if (of_.channels.is_attended(each)) channels.emplace_back(each);
    });
    for (const std::string& each : channels) of_.channels.greet(c, each);
}

void taking::tell_lost() {
    settled_ = true;
    for (const auto& [whose, channel] : std::exchange(lost_, {})) {
        client* const c = of_.out.find(whose);
        if (c == nullptr || c->closing) continue;
        if (person* const more = c->who.more()) more->forget(channel);
        of_.push(*c, [&](const protocol::encoder& with, std::string& message) {
            with.unsubscribe_push(message, channel, protocol::unsubscription::insufficient_state, "insufficient state");
        });
    }
}

} // namespace carillon::clients
