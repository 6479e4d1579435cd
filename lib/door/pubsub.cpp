#include "door/state.hpp"
#include "protocol/payload.hpp"

#include <fmt/format.h>

namespace carillon::door {

using metrics::resp_error;

// --- publications

// The publication, or nothing: the publisher has been told why.
std::optional<hub::publication> resp_door::publishable(std::string_view channel, std::string_view payload) {
    using refusal = metrics::publication_refusal;
    const auto refuse = [this](refusal why, std::string_view text) -> std::optional<hub::publication> {
        ++counters().publications_refused(why);
        error(resp_error::refused_payload, text);
        return std::nullopt;
    };
    if (channel.size() > options_.channel_bytes_max) {
        return refuse(refusal::other, fmt::format("ERR channel is longer than {} bytes", options_.channel_bytes_max));
    }
    if (payload.size() > options_.payload_bytes_max) {
        return refuse(refusal::too_big, fmt::format("ERR payload is longer than {} bytes", options_.payload_bytes_max));
    }
    switch (protocol::classify(payload)) {
    case protocol::payload_kind::json: return hub::publication{payload, true, {}};
    case protocol::payload_kind::text: return hub::publication{payload, false, {}};
    case protocol::payload_kind::binary: return refuse(refusal::not_utf8, "ERR payload is neither JSON nor UTF-8 text");
    case protocol::payload_kind::too_deep:
        return refuse(refusal::too_deep,
                      fmt::format("ERR payload is JSON nested deeper than {}", protocol::json_depth_max));
    }
    CHECK(false);
    return std::nullopt;
}

void resp_door::publish(door_client& c, resp::arguments args, bus::name_space where) {
    const auto message = publishable(args[1], args[2]);
    if (!message) return;
    const auto done = publish_to(c, args[1], *message, where);
    if (!done) return;
    // Who hears what he publishes hears it before the reply, as at Redis 7.0.
    if (c.resp3 && subscribes(c)) hub_->flush();
    answer_publish(*done);
}

// How many got it; nothing: the other shards are asked, and the replies from now on wait for them.
std::optional<bus::publish_result> resp_door::publish_to(door_client& c, std::string_view channel,
                                                         const hub::publication& message, bus::name_space where) {
    ++counters().publications(metrics::publication_source::resp);
    if (!message.is_json) ++counters().publications_as_text(metrics::publication_source::resp);
    const std::uint32_t next = next_ticket(c);
    const bus::ticket mine{records().key_of(c).packed(), next};
    auto done = bus_->publish_in(where, channel, {message}, *this, mine);
    if (!done) CHECK(expect_answer(c) == next);
    return done;
}

void resp_door::run_publish(door_client& c, resp::arguments args) { publish(c, args, bus::name_space::channels); }

void resp_door::run_sharded_publish(door_client& c, resp::arguments args) {
    publish(c, args, bus::name_space::sharded);
}

// --- subscriptions

// `subscribe`, `unsubscribe` and their like are confirmed one push for each channel, with the number that is left.
void resp_door::confirm(door_client& c, std::string_view what, const std::string_view* channel, std::size_t left) {
    resp::append_push_header(out(), 3, dialect(c));
    resp::append_bulk(out(), what);
    if (channel != nullptr) {
        resp::append_bulk(out(), *channel);
    } else {
        resp::append_null(out(), dialect(c));
    }
    resp::append_integer(out(), static_cast<std::int64_t>(left));
    if (replies_.size() > replies_bytes_max) send_replies();
}

bool resp_door::may_subscribe(const door_client& c, std::string_view channel) {
    if (channel.size() > options_.channel_bytes_max) {
        error(resp_error::limit, fmt::format("ERR channel is longer than {} bytes", options_.channel_bytes_max));
        return false;
    }
    if (std::size_t{c.channels.count} + patterns_of(c) + sharded_of(c) >= options_.subscriptions_max) {
        error(resp_error::limit, fmt::format("ERR more than {} subscriptions", options_.subscriptions_max));
        return false;
    }
    return true;
}

void resp_door::run_subscribe(door_client& c, resp::arguments args) {
    for (const std::string_view channel : args.subspan(1)) {
        if (!may_subscribe(c, channel)) continue;
        const auto outcome = hub_->subscribe(subscriber_of(c), c.channels, channel);
        if (outcome == hub::subscribe_outcome::clashes) {
            error(resp_error::limit, "ERR clients have subscribed to this name as a wildcard; use PSUBSCRIBE");
            continue;
        }
        if (outcome == hub::subscribe_outcome::joined_first) {
            CHECK(bus_->subscribe(channel, true, *this, {}) == bus::interest::confirmed);
        }
        confirm(c, "subscribe", &channel, c.channels.count + patterns_of(c));
    }
}

void resp_door::unsubscribe_one(door_client& c, std::string_view channel) {
    const auto outcome = hub_->unsubscribe(subscriber_of(c), c.channels, channel);
    if (outcome == hub::unsubscribe_outcome::left_last) bus_->unsubscribe(channel);
    confirm(c, "unsubscribe", &channel, c.channels.count + patterns_of(c));
}

void resp_door::run_unsubscribe(door_client& c, resp::arguments args) {
    for (const std::string_view channel : args.subspan(1)) unsubscribe_one(c, channel);
    if (args.size() > 1) return;
    if (c.channels.count == 0) return confirm(c, "unsubscribe", nullptr, patterns_of(c));
    while (c.channels.count > 0) {
        const std::string channel{hub_->first_channel_of(c.channels)};
        unsubscribe_one(c, channel);
    }
}

void resp_door::run_pattern_subscribe(door_client& c, resp::arguments args) {
    hub::pattern_memberships& list = extras_of(c).patterns;
    for (const std::string_view pattern : args.subspan(1)) {
        if (!may_subscribe(c, pattern)) continue;
        // What was published before this subscription is not for it; patterns are given everything at once.
        bus_->patterns().subscribe(subscriber_of(c), list, pattern);
        bus_->patterns_changed();
        confirm(c, "psubscribe", &pattern, c.channels.count + list.count());
    }
}

void resp_door::run_pattern_unsubscribe(door_client& c, resp::arguments args) {
    if (args.size() == 1 && patterns_of(c) == 0) return confirm(c, "punsubscribe", nullptr, c.channels.count);
    hub::pattern_memberships& list = extras_of(c).patterns;
    for (const std::string_view pattern : args.subspan(1)) {
        bus_->patterns().unsubscribe(subscriber_of(c), list, pattern);
        confirm(c, "punsubscribe", &pattern, c.channels.count + list.count());
    }
    if (args.size() == 1) {
        bus_->patterns().unsubscribe_all(subscriber_of(c), list, [&](std::string_view pattern, std::size_t left) {
            confirm(c, "punsubscribe", &pattern, c.channels.count + left);
        });
    }
    bus_->patterns_changed();
}

// The confirmations of sharded channels count them alone.
void resp_door::run_sharded_subscribe(door_client& c, resp::arguments args) {
    if (c.executing) {
        return error(resp_error::not_allowed, "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
    }
    hub::memberships& list = extras_of(c).sharded;
    for (const std::string_view channel : args.subspan(1)) {
        if (!may_subscribe(c, channel)) continue;
        const auto outcome = bus_->sharded().subscribe(subscriber_of(c), list, channel);
        if (outcome == hub::subscribe_outcome::joined_first) bus_->subscribe_sharded(channel);
        confirm(c, "ssubscribe", &channel, list.count);
    }
}

void resp_door::unsubscribe_sharded(door_client& c, std::string_view channel) {
    hub::memberships& list = extras_of(c).sharded;
    const auto outcome = bus_->sharded().unsubscribe(subscriber_of(c), list, channel);
    if (outcome == hub::unsubscribe_outcome::left_last) bus_->unsubscribe_sharded(channel);
    confirm(c, "sunsubscribe", &channel, list.count);
}

void resp_door::run_sharded_unsubscribe(door_client& c, resp::arguments args) {
    for (const std::string_view channel : args.subspan(1)) unsubscribe_sharded(c, channel);
    if (args.size() > 1) return;
    if (sharded_of(c) == 0) return confirm(c, "sunsubscribe", nullptr, 0);
    while (sharded_of(c) > 0) {
        const std::string channel{bus_->sharded().first_channel_of(c.extras->sharded)};
        unsubscribe_sharded(c, channel);
    }
}

void resp_door::unsubscribe_everything(door_client& c) {
    hub_->unsubscribe_all(c.channels, [this](std::string_view channel) { bus_->unsubscribe(channel); });
    if (c.extras == nullptr) return;
    bus_->sharded().unsubscribe_all(c.extras->sharded,
                                    [this](std::string_view channel) { bus_->unsubscribe_sharded(channel); });
    if (c.extras->patterns.count() == 0) return;
    bus_->patterns().unsubscribe_all(subscriber_of(c), c.extras->patterns, [](std::string_view, std::size_t) {});
    bus_->patterns_changed();
}

} // namespace carillon::door
