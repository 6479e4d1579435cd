#include "bus/embedded_bus.hpp"

#include <boost/container_hash/hash.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace carillon::bus {

namespace {
constexpr std::uint32_t no_tally = 0xffffffff;
// Messages of other shards that are handled before this shard's own events get their turn.
constexpr int messages_per_turn = 256;
constexpr std::size_t bytes_per_turn = 128 * 1024;
} // namespace

std::size_t channel_hash(std::string_view channel) noexcept { return boost::hash<std::string_view>{}(channel); }

embedded_bus::embedded_bus(std::uint32_t shards, std::uint32_t in_flight_max, std::size_t in_flight_bytes_max)
    : brokers_(shards), in_flight_max_{in_flight_max}, in_flight_bytes_max_{in_flight_bytes_max} {}

embedded_broker& embedded_bus::connect(std::uint32_t shard, boost::asio::io_context& context, hub::hub& subscribers) {
    CHECK(shard < brokers_.size() && brokers_[shard] == nullptr);
    brokers_[shard] = std::make_unique<embedded_broker>(*this, shard, context, subscribers);
    return *brokers_[shard];
}

embedded_broker::embedded_broker(embedded_bus& bus, std::uint32_t shard, boost::asio::io_context& context,
                                 hub::hub& subscribers)
    : bus_{&bus}, shard_{shard}, hub_{&subscribers}, mailbox_{context}, context_{&context},
      first_free_tally_{no_tally} {}

void embedded_broker::subscribe(std::string_view channel) {
    if (bus_->brokers_.size() > 1) filter_.add(channel_hash(channel));
}

void embedded_broker::unsubscribe(std::string_view channel) {
    if (bus_->brokers_.size() > 1) filter_.remove(channel_hash(channel));
}

std::optional<publish_result> embedded_broker::publish(std::string_view channel, const hub::publication& what,
                                                       publish_listener& who, publish_ticket ticket) {
    if (bus_->brokers_.size() == 1) return publish_result{hub_->publish(channel, what)};
    const std::size_t bytes = channel.size() + what.payload.size() + what.info.size();
    const bool full = in_flight_ >= bus_->in_flight_max_ || in_flight_bytes_ + bytes > bus_->in_flight_bytes_max_;
    if (full) return publish_result{error::busy};
    ++in_flight_;
    in_flight_bytes_ += bytes;
    const std::size_t hash = channel_hash(channel);
    auto stored = std::make_shared<const stored_publication>(stored_publication{
        std::string{channel}, std::string{what.payload}, what.is_json, std::string{what.info}, hash});
    const publisher from{shard_, &who, ticket, bytes};
    // The upper half of the hash, since the filters use the lower one.
    const auto home = static_cast<std::uint32_t>((hash >> 32) % bus_->brokers_.size());
    if (home == shard_) {
        sequence(from, stored);
    } else {
        send(home, {.what = message::kind::sequence, .who = from, .publication = std::move(stored)});
    }
    return std::nullopt;
}

void embedded_broker::sequence(const publisher& who, const shared_publication& publication) {
    const std::uint32_t index = take_tally();
    tallies_[index].who = who;
    for (std::uint32_t shard = 0; shard < bus_->brokers_.size(); ++shard) {
        if (shard == shard_ || !bus_->brokers_[shard]->filter_.may_have(publication->hash)) continue;
        ++tallies_[index].waiting;
        send(shard, {.what = message::kind::deliver, .from = shard_, .tally = index, .publication = publication});
    }
    tallies_[index].receivers = hub_->publish(publication->channel, publication->view());
    if (tallies_[index].waiting > 0) return;
    finish(who, tallies_[index].receivers);
    tallies_[index].next_free = std::exchange(first_free_tally_, index);
}

void embedded_broker::finish(const publisher& who, std::uint32_t receivers) {
    // Never from within publish(): its caller still has to note what it waits for.
    send(who.shard, {.what = message::kind::published, .count = receivers, .who = who});
}

std::uint32_t embedded_broker::take_tally() {
    if (first_free_tally_ == no_tally) {
        tallies_.emplace_back();
        return static_cast<std::uint32_t>(tallies_.size() - 1);
    }
    const std::uint32_t index = first_free_tally_;
    first_free_tally_ = std::exchange(tallies_[index], {}).next_free;
    return index;
}

void embedded_broker::send(std::uint32_t shard, message what) {
    embedded_broker& reader = *bus_->brokers_[shard];
    reader.mailbox_.push(std::move(what), [&reader](std::vector<message>& messages) { reader.receive(messages); });
}

void embedded_broker::receive(std::vector<message>& messages) {
    const bool waiting = !inbox_.empty();
    std::move(messages.begin(), messages.end(), std::back_inserter(inbox_));
    if (!waiting) handle_some();
}

// As much as keeps the shard's other events waiting for a moment only; the rest in a turn of its own.
void embedded_broker::handle_some() {
    std::size_t bytes = 0;
    for (int i = 0; i < messages_per_turn && bytes < bytes_per_turn && !inbox_.empty(); ++i) {
        message next = std::move(inbox_.front());
        inbox_.pop_front();
        if (next.publication) bytes += next.publication->payload.size();
        handle(next);
    }
    hub_->flush();
    if (!inbox_.empty()) boost::asio::post(*context_, [this] { handle_some(); });
}

void embedded_broker::handle(message& what) {
    switch (what.what) {
    case message::kind::sequence: sequence(what.who, what.publication); break;
    case message::kind::deliver: {
        const std::uint32_t count = hub_->publish(what.publication->channel, what.publication->view());
        send(what.from, {.what = message::kind::delivered, .count = count, .tally = what.tally});
        break;
    }
    case message::kind::delivered: {
        tally& counted = tallies_[what.tally];
        counted.receivers += what.count;
        if (--counted.waiting > 0) break;
        finish(counted.who, counted.receivers);
        counted.next_free = std::exchange(first_free_tally_, what.tally);
        break;
    }
    case message::kind::published:
        --in_flight_;
        in_flight_bytes_ -= what.who.bytes;
        what.who.listener->on_published(what.who.ticket, what.count);
        break;
    }
}

} // namespace carillon::bus
