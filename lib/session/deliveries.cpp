#include "carriers/wrapping.hpp"
#include "protocol/payload.hpp"
#include "session/server.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <memory>
#include <utility>

// Publications on their way to clients.
namespace carillon::session {

void server::encode(hub::format encoding, std::string_view channel, const hub::publication& message, std::string& out) {
    encoded_.clear();
    const protocol::encoder& with = carriers::encoder_of(encoding);
    using kind = hub::publication::kind;
    if (message.what == kind::join) with.join_push(encoded_, channel, message.payload);
    if (message.what == kind::leave) with.leave_push(encoded_, channel, message.payload);
    if (message.what == kind::message)
        with.publication_push(encoded_, channel,
                              {message.payload, message.is_json, message.info, message.tags, message.offset,
                               message.epoch, message.patch, message.for_deltas, message.to});
    if (!message.is_json && !carriers::speaks_protobuf(encoding) && !protocol::is_utf8(message.payload))
        return end_unfit(channel); // bytes that have no place in JSON (§1.3)
    compression().append_wrapped(out, encoding, encoded_);
}

// Those who cannot be told what has been published: afterwards, since what is published may not change who hears it.
void server::end_unfit(std::string_view channel) {
    if (std::ranges::find(unfit_, channel) != unfit_.end()) return;
    unfit_.emplace_back(channel);
    auto ended = std::make_shared<std::vector<net::connection_key>>();
    for (const hub::subscriber each : hub_->subscribers_of(channel)) {
        if (!carriers::speaks_protobuf(each.encoding())) ended->push_back(records().key_of(records().at(each.index())));
    }
    boost::asio::post(shard().context, [this, ended, name = unfit_.back()] {
        std::erase(unfit_, name);
        end_some(ended, 0);
    });
}

void server::end_some(const std::shared_ptr<const std::vector<net::connection_key>>& whose, std::size_t from) {
    const std::size_t end = std::min(whose->size(), from + closed_per_turn);
    for (std::size_t i = from; i < end; ++i) {
        if (client* const c = find((*whose)[i])) disconnect(*c, protocol::disconnect::inappropriate_protocol);
    }
    if (end < whose->size()) boost::asio::post(shard().context, [this, whose, end] { end_some(whose, end); });
}

void server::deliver(hub::subscriber to, hub::frames& what) {
    auto& c = static_cast<client&>(records().at(to.index()));
    // Its earlier replies go first: a client must know that it has subscribed before it hears of the channel (§4.7).
    if (&c == replies().served()) replies().flush();
    // And that it has connected, before it hears of channels that the server has subscribed it to.
    people::person* const more = c.waits() ? c.who.more() : nullptr;
    if (more != nullptr && more->connect != 0) return hold_back(*more, what.bytes());
    send_or(c, what.bytes(), [&](std::size_t sent) { wait_in_line(c, what, sent); });
}

// Too much makes a slow consumer of it, when it is answered.
void server::hold_back(people::person& whose, std::string_view frames) {
    whose.has_overflowed = whose.has_overflowed || whose.held.size() + frames.size() > options_.outbox_bytes_max;
    if (whose.has_overflowed) {
        whose.held.clear();
    } else {
        whose.held += frames;
    }
}

void server::prefetch(hub::subscriber to) noexcept { __builtin_prefetch(&records().at(to.index())); }

} // namespace carillon::session
