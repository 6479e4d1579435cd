#include "clients/giving.hpp"

#include "base/name_hash.hpp"
#include "people/user_counts.hpp"

#include <algorithm>
#include <utility>

namespace carillon::clients {

void giving::start() {
    following_ = true;
    of_.listeners.follow(this);
}

void giving::stop() {
    following_ = false;
    of_.listeners.follow(nullptr);
    places_.clear();
    wanted_.clear();
    then_ = {};
}

void giving::learn(std::function<void(bool well)> then) {
    CHECK(!then_);
    then_ = std::move(then);
    well_ = true;
    of_.listeners.each_channel([this](std::string_view channel) {
        if (of_.channels.has_stream(channel) && !places_.contains(channel)) wanted_.emplace_back(channel);
    });
    ask_some();
}

void giving::ask_some() {
    if (std::exchange(asking_, true)) return; // an answer on the spot
    while (!wanted_.empty() && asked_ < questions_max) {
        const std::string channel = std::move(wanted_.front());
        wanted_.pop_front();
        if (of_.listeners.subscribers(channel) == 0) continue; // everybody has left meanwhile
        ++asked_;
        const auto said = of_.bus.ask_home(channel, {.joins = true}, *this, {});
        if (said) on_home_answer({}, channel, *said);
    }
    asking_ = false;
    if (asked_ == 0 && wanted_.empty()) {
        if (const auto then = std::exchange(then_, {})) then(well_);
    }
}

// What is published from now on is not in the answer.
void giving::on_home_answer(bus::ticket, std::string_view channel, const result<bus::home_answer>& said) {
    --asked_;
    if (!following_) return;
    if (said && of_.listeners.subscribers(channel) == 0) return ask_some(); // nobody hears how it goes on
    if (said) {
        places_.insert_or_assign(std::string{channel}, said->top);
    } else {
        well_ = false;
        wanted_.clear();
    }
    ask_some();
}

void giving::on_numbered(std::string_view channel, std::uint64_t offset, std::string_view epoch) {
    const auto found = places_.find(channel);
    if (found != places_.end()) found->second = {offset, streams::epoch{epoch}};
}

void giving::on_left(std::string_view channel) {
    const auto found = places_.find(channel);
    if (found != places_.end()) places_.erase(found);
}

bool giving::describe(const client& c, takeover::client& into) const {
    const bool is_there = c.where() == stage::live || c.where() == stage::awaiting_pong;
    if (!is_there || c.closing || c.waits() || !carriers::is_framed(c.speaks())) return false;
    identity::room in;
    const auto id = of_.ids.id_of(of_.key_of(c));
    std::copy(id.begin(), id.end(), into.id.begin());
    into.format = static_cast<std::uint8_t>(c.speaks());
    into.awaits_pong = c.where() == stage::awaiting_pong;
    into.expires = c.who.expires;
    into.user = c.who.user(in);
    if (const person* more = c.who.more(); more != nullptr && !describe_person(*more, into)) return false;
    return describe_request(c, into) && describe_channels(c, into);
}

bool giving::describe_person(const person& whose, takeover::client& into) const {
    if (whose.connect != 0 || !whose.held.empty()) return false;
    into.info = whose.info;
    into.meta = whose.meta;
    for (const grant& each : whose.grants) {
        if (each.command != 0 || each.stands != nullptr) return false; // its subscription is being made
        into.grants.push_back({.channel = each.channel,
                               .by_server = each.by_server,
                               .own = each.own,
                               .expires = each.expires,
                               .info = each.info});
    }
    return true;
}

bool giving::describe_request(const client& c, takeover::client& into) const {
    if (of_.consulted.is_busy_with(c)) return false;
    if (const hooks::head_fields* const fields = of_.consulted.fields_of(c)) {
        for (const hooks::head_field& each : *fields) into.fields.push_back({each.name, each.value, each.emulated});
    }
    return true;
}

// Filters are not told: they would have to be taken apart.
bool giving::describe_channels(const client& c, takeover::client& into) const {
    bool all = true;
    of_.listeners.each_subscription_of(c.channels, [&](std::string_view channel, hub::subscriber who, const auto& how) {
        takeover::subscription& made = into.subscriptions.emplace_back();
        made.channel = channel;
        made.joins = hub::hears_joins(who.encoding());
        made.deltas = how.deltas;
        if (how.filter != nullptr) all = false;
        if (!of_.channels.has_stream(channel)) return;
        const auto place = places_.find(channel);
        if (place == places_.end()) {
            all = false;
        } else {
            made.offset = place->second.offset;
            made.epoch = place->second.epoch.view();
        }
    });
    return all;
}

} // namespace carillon::clients
