#include "bus/embedded_bus.hpp"

#include <boost/container_hash/hash.hpp>

#include <utility>

namespace carillon::bus {

namespace {
constexpr std::uint32_t no_tally = 0xffffffff;
}

std::size_t channel_hash(std::string_view channel) noexcept { return boost::hash<std::string_view>{}(channel); }

embedded_bus::embedded_bus(std::uint32_t shards, std::uint32_t in_flight_max)
    : brokers_(shards), in_flight_max_{in_flight_max} {}

embedded_broker& embedded_bus::connect(std::uint32_t shard, boost::asio::io_context& context, hub::hub& subscribers) {
    CHECK(shard < brokers_.size() && brokers_[shard] == nullptr);
    brokers_[shard] = std::make_unique<embedded_broker>(*this, shard, context, subscribers);
    return *brokers_[shard];
}

embedded_broker::embedded_broker(embedded_bus& bus, std::uint32_t shard, boost::asio::io_context& context,
                                 hub::hub& subscribers)
    : bus_{&bus}, shard_{shard}, hub_{&subscribers}, mailbox_{context}, first_free_tally_{no_tally} {}

interest embedded_broker::subscribe(std::string_view channel, bool first, subscription_listener&, ticket) {
    if (first && bus_->brokers_.size() > 1) filter_.add(channel_hash(channel));
    return interest::confirmed;
}

void embedded_broker::unsubscribe(std::string_view channel) {
    if (bus_->brokers_.size() > 1) filter_.remove(channel_hash(channel));
}

std::optional<publish_result> embedded_broker::publish(std::string_view channel, const hub::publication& what,
                                                       publish_listener& who, ticket whose) {
    if (bus_->brokers_.size() == 1) return publish_result{hub_->publish(channel, what)};
    if (in_flight_ >= bus_->in_flight_max_) return publish_result{error::busy};
    ++in_flight_;
    const std::size_t hash = channel_hash(channel);
    auto stored = std::make_shared<const stored_publication>(stored_publication{
        std::string{channel}, std::string{what.payload}, what.is_json, std::string{what.info}, hash});
    const publisher from{shard_, &who, whose};
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
    for (message& each : messages) {
        switch (each.what) {
        case message::kind::sequence: sequence(each.who, each.publication); break;
        case message::kind::deliver: {
            const std::uint32_t count = hub_->publish(each.publication->channel, each.publication->view());
            send(each.from, {.what = message::kind::delivered, .count = count, .tally = each.tally});
            break;
        }
        case message::kind::delivered: {
            tally& counted = tallies_[each.tally];
            counted.receivers += each.count;
            if (--counted.waiting > 0) break;
            finish(counted.who, counted.receivers);
            counted.next_free = std::exchange(first_free_tally_, each.tally);
            break;
        }
        case message::kind::published:
            --in_flight_;
            each.who.listener->on_published(each.who.whose, each.count);
            break;
        }
    }
    hub_->flush();
}

} // namespace carillon::bus
