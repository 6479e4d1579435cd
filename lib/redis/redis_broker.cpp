#include "redis/redis_link.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace carillon::redis {

namespace asio = boost::asio;
using clock = upstream::clock;

redis_broker::redis_broker(redis_link& link, std::uint32_t shard, asio::io_context& context, hub::hub& subscribers)
    : link_{&link}, shard_{shard}, hub_{&subscribers}, context_{&context}, mailbox_{context} {}

interest redis_broker::subscribe(std::string_view channel, bool first, subscription_listener& who, ticket whose) {
    listener_ = &who;
    if (joining_.contains(channel)) return interest::confirmed; // it hears the answer just now
    const auto found = unconfirmed_.find(std::string{channel});
    if (!first && !away_ && found == unconfirmed_.end()) return interest::confirmed;
    if (first || found == unconfirmed_.end()) {
        // Whoever comes and goes faster than the link hears of it must not fill its mailbox. Releases are not refused:
        // each has its subscription before it.
        const std::uint64_t unheard = asked_ - heard_.load(std::memory_order_relaxed);
        if (unheard >= link_->options_.upstream.in_flight_max) return interest::refused;
        if (first) filter_.add(bus::channel_hash(channel));
        // While the link is coming back, a channel may be subscribed already: then nobody would tell us again.
        link_->ask(*this, first ? redis_link::request::kind::want : redis_link::request::kind::confirm, channel);
        unconfirmed_[std::string{channel}] = {.asked = asked_, .nobody_told = first};
    }
    unconfirmed_[std::string{channel}].waiters.push_back({&who, whose, clock::now()});
    ++waiting_;
    return interest::pending;
}

void redis_broker::withdraw(std::string_view channel, std::uint64_t connection) {
    const auto found = unconfirmed_.find(std::string{channel});
    if (found == unconfirmed_.end()) return;
    auto& waiters = found->second.waiters;
    // One at most, since it is subscribed once; and rather one of the last.
    const auto its = std::find_if(waiters.rbegin(), waiters.rend(),
                                  [&](const waiter& each) { return each.whose.connection == connection; });
    if (its == waiters.rend()) return;
    const waiter answered = *its;
    waiters.erase(std::next(its).base());
    if (waiters.empty()) unconfirmed_.erase(found);
    --waiting_;
    answered.who->on_subscribed(answered.whose);
}

void redis_broker::unsubscribe(std::string_view channel) {
    confirm(channel);                       // nobody waits any more; who does has left already
    if (joining_.contains(channel)) return; // let_go will see to it
    filter_.remove(bus::channel_hash(channel));
    link_->ask(*this, redis_link::request::kind::release, channel);
}

std::optional<publish_result> redis_broker::publish(std::string_view channel, const bus::publication& message,
                                                    publish_listener& who, ticket whose) {
    if (link_->is_reserved(channel)) return publish_result{error::denied};
    if (!link_->reachable()) return publish_result{error::away};
    const upstream_options& limits = link_->options_.upstream;
    if (message.info.size() + message.tags.size() > ledger::remarks_bytes_max) return publish_result{error::refused};
    auto call = call_of(channel, message);
    const std::size_t bytes = call != nullptr ? call->bytes() : channel.size() + message.payload.size();
    const bool full = in_flight_ >= limits.in_flight_max || in_flight_bytes_ + bytes > limits.output_bytes_max;
    if (full) return publish_result{error::busy};
    ++in_flight_;
    in_flight_bytes_ += bytes;
    if (call != nullptr) {
        link_->ask({.what = redis_link::request::kind::call,
                    .shard = shard_,
                    .channel = {},
                    .listener = &who,
                    .whose = whose,
                    .call = std::move(call)});
        return std::nullopt;
    }
    link_->ask({.what = redis_link::request::kind::publish,
                .shard = shard_,
                .channel = std::string{channel},
                .payload = std::string{message.payload},
                .listener = &who,
                .whose = whose});
    return std::nullopt;
}

void redis_broker::receive(std::vector<notice>& notices) {
    const bool waiting = !inbox_.empty();
    std::move(notices.begin(), notices.end(), std::back_inserter(inbox_));
    if (!waiting) handle_some();
}

// As much as keeps the shard's other events waiting for a moment only; the rest in a turn of its own.
void redis_broker::handle_some() {
    std::size_t bytes = 0;
    const auto room = [&] { return !hub_->waiting().congested() && bytes < bus::message_bytes_per_turn; };
    for (int i = 0; i < bus::messages_per_turn && room() && !inbox_.empty(); ++i) {
        const notice next = std::move(inbox_.front());
        inbox_.pop_front();
        if (next.message) bytes += next.message->payload.size();
        handle(next);
    }
    hub_->flush();
    if (!inbox_.empty()) asio::post(*context_, [this] { handle_some(); });
}

void redis_broker::handle(const notice& what) {
    switch (what.what) {
    case notice::kind::subscribed:
        if (!outdated(what)) confirm(what.channel);
        break;
    case notice::kind::refused:
        if (!outdated(what)) refuse(what.channel, what.why);
        break;
    case notice::kind::message: deliver(*what.message); break;
    case notice::kind::published:
        --in_flight_;
        in_flight_bytes_ -= what.bytes;
        what.listener->on_published(what.whose, what.receivers);
        break;
    case notice::kind::told: tell(what); break;
    case notice::kind::lost:
        if (hub_->subscribers(what.channel) > 0) listener_->on_unsubscribed(what.channel, error::away);
        break;
    case notice::kind::away: away_ = true; break;
    case notice::kind::back: away_ = false; break;
    }
}

// Said before the link heard of those who wait now: since then it may have left the channel and subscribed again.
bool redis_broker::outdated(const notice& what) const {
    const auto found = unconfirmed_.find(what.channel);
    return found != unconfirmed_.end() && what.heard < found->second.asked;
}

// Nobody gets a message of a channel before the answer to his subscribe. If nobody on this shard has been answered, the
// message is for none of them. If somebody has, the process is subscribed for his sake and stays so, and a message that
// comes says as much as a confirmation.
void redis_broker::deliver(const upstream_message& what) {
    const std::string& name = what.wildcard.empty() ? what.channel : what.wildcard;
    if (waiting_ > 0) {
        const auto found = unconfirmed_.find(name);
        if (found != unconfirmed_.end()) {
            if (found->second.nobody_told) return;
            confirm(name);
        }
    }
    if (what.wildcard.empty()) {
        hub_->publish(what.channel, what.view());
    } else {
        hub_->publish_by(what.wildcard, what.channel, what.view());
    }
}

std::vector<redis_broker::waiter> redis_broker::take_waiters(std::string_view channel) {
    const auto found = unconfirmed_.find(std::string{channel});
    if (found == unconfirmed_.end()) return {};
    std::vector<waiter> waiters = std::move(found->second.waiters);
    unconfirmed_.erase(found);
    waiting_ -= waiters.size();
    return waiters;
}

void redis_broker::confirm(std::string_view channel) {
    for (const waiter& each : take_waiters(channel)) each.who->on_subscribed(each.whose);
}

// Who waits gets it as the answer; who had the channel, before the bus was away, is told that it is his no more.
void redis_broker::refuse(std::string_view channel, error why) {
    for (const waiter& each : take_waiters(channel)) each.who->on_subscribe_failed(each.whose, channel, why);
    if (hub_->subscribers(channel) > 0) listener_->on_unsubscribed(channel, why);
}

// A client must not wait for ever: its subscribe fails, for the time being.
void redis_broker::on_time(clock::time_point now) {
    if (waiting_ == 0) return;
    struct failure {
        std::string channel;
        waiter who;
    };
    std::vector<failure> failed;
    for (auto each = unconfirmed_.begin(); each != unconfirmed_.end();) {
        auto& waiters = each->second.waiters;
        const auto in_time = std::find_if(waiters.begin(), waiters.end(), [&](const waiter& w) {
            return w.since + link_->options_.subscribe_timeout > now;
        });
        for (auto w = waiters.begin(); w != in_time; ++w) failed.push_back({each->first, *w});
        waiters.erase(waiters.begin(), in_time);
        const auto done = each++;
        if (waiters.empty()) unconfirmed_.erase(done);
    }
    waiting_ -= failed.size();
    for (const failure& each : failed) each.who.who->on_subscribe_failed(each.who.whose, each.channel, error::away);
}

} // namespace carillon::redis
