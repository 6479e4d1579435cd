#include "conversation/host.hpp"

#include "people/user_counts.hpp"

#include <utility>

namespace carillon::conversation {

host::host(const link::floor& shard, hub::hub& subscribers, bus::broker& bus, const conversation::options& how,
           carrier& out)
    : shard_{shard}, options_{how}, hub_{&subscribers}, bus_{&bus}, carrier_{&out},
      compression_{how.compression, shard.counters}, replies_{out, compression_}, tokens_{how.tokens},
      roster_{shard, out, subscribers, ids_}, pace_{how.commands_per_second_max},
      channels_{shard, subscribers, bus, ids_, channels::rules::of(how.name_spaces, how.dev, how.channel_bytes_max)},
      consulted_{how.application, channels_.rules(), ids_, shard.records, how.knows_proxies} {
    if (how.application != nullptr && channels_.rules().any([](const auto& each) { return each.occupancy_events; }))
        hub_->watch(*this);
}

host::~host() = default;

void host::on_carried(client& c, const http::request_head& head) {
    consulted_.keep_fields(c, head, *carrier_);
    tokens_.keep(key_of(c), head);
}

// The first ping at a random point in the second half of the interval (§4.1), so that a storm of connects does not
// become a storm of pings for ever.
void host::schedule_ping(client& c, bool first) {
    auto after = options_.ping_interval;
    if (first) {
        std::uniform_int_distribution<std::int64_t> part{after.count() / 2, after.count()};
        after = std::chrono::milliseconds{part(jitter_)};
    }
    carrier_->look_later(c, until_next(c, after));
}

// Its end may be nearer now. That puts no ping off: the client counts the time since the last one, and leaves when it
// hears nothing. So there is one whenever it is looked at, and now and then one too many.
void host::look_in_time(client& c) {
    if (c.where() == stage::live) carrier_->look_no_later(c, until_next(c, options_.ping_interval));
}

void host::on_leaving(client& c, std::uint16_t code, std::string_view reason) {
    if (c.where() >= stage::live) on_left(c, code, reason);
    channels_.leave_all(c);
}

void host::forget(client& c) {
    pace_.forget(shard_.records.index_of(c));
    c.who.clear();
    forget_answer(c);
    consulted_.forget(c);
    wanted_.erase(key_of(c).packed());
    ids_.forget(key_of(c));
    tokens_.forget(key_of(c));
}

void host::give_away(client& c) {
    gives_away_ = true;
    channels_.give_away(c);
    identity::room in;
    const std::string_view user = c.who.user(in);
    if (options_.users != nullptr && !user.empty()) options_.users->leave(user);
    forget(c);
    gives_away_ = false;
}

void host::disconnect(client& c, protocol::disconnect code) {
    carrier_->close(c, static_cast<std::uint16_t>(code), protocol::reason_of(code));
}

void host::break_off(client& c, metrics::protocol_failure what) {
    ++counters().protocol_failures(what);
    disconnect(c, protocol::disconnect::bad_request);
}

} // namespace carillon::conversation
