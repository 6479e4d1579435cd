#include "bus/embedded_bus.hpp"

#include "base/name_hash.hpp"
#include "channels/wildcard.hpp"
#include "resp/glob.hpp"

#include <boost/asio/post.hpp>
#include <boost/container_hash/hash.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace carillon::bus {

namespace {
constexpr std::uint32_t no_tally = 0xffffffff;

// A sharded channel is another one than the channel of its name, and has another home.
std::size_t hash_of(name_space where, std::string_view channel) noexcept {
    std::size_t hash = channel_hash(channel);
    if (where == name_space::sharded) boost::hash_combine(hash, 1);
    return hash;
}
} // namespace

std::size_t channel_hash(std::string_view channel) noexcept { return name_hash(channel); }

embedded_bus::embedded_bus(std::uint32_t shards, std::uint32_t in_flight_max, std::size_t in_flight_bytes_max)
    : brokers_(shards), in_flight_max_{in_flight_max}, in_flight_bytes_max_{in_flight_bytes_max} {}

embedded_broker& embedded_bus::connect(std::uint32_t shard, boost::asio::io_context& context, hub::hub& subscribers) {
    CHECK(shard < brokers_.size() && brokers_[shard] == nullptr);
    brokers_[shard] = std::make_unique<embedded_broker>(*this, shard, context, subscribers);
    return *brokers_[shard];
}

embedded_broker::embedded_broker(embedded_bus& bus, std::uint32_t shard, boost::asio::io_context& context,
                                 hub::hub& subscribers)
    : bus_{&bus}, shard_{shard}, hub_{&subscribers}, sharded_{subscribers.waiting()}, patterns_{resp::glob_match,
                                                                                                subscribers.waiting()},
      context_{&context}, mailbox_{context}, first_free_tally_{no_tally} {}

interest embedded_broker::subscribe(std::string_view channel, bool first, subscription_listener&, ticket) {
    if (first && bus_->brokers_.size() > 1) {
        filter_.add(channel_hash(channel));
        wildcards_changed();
    }
    return interest::confirmed;
}

void embedded_broker::unsubscribe(std::string_view channel) {
    if (bus_->brokers_.size() == 1) return;
    filter_.remove(channel_hash(channel));
    wildcards_changed();
}

void embedded_broker::wildcards_changed() noexcept {
    const bool any = hub_->wildcards() > 0;
    if (has_wildcards_.load(std::memory_order_relaxed) != any) has_wildcards_.store(any, std::memory_order_seq_cst);
}

void embedded_broker::subscribe_sharded(std::string_view channel) {
    if (bus_->brokers_.size() > 1) filter_.add(hash_of(name_space::sharded, channel));
}

void embedded_broker::unsubscribe_sharded(std::string_view channel) {
    if (bus_->brokers_.size() > 1) filter_.remove(hash_of(name_space::sharded, channel));
}

// Sequentially consistent as the filter is, and for the same reason.
void embedded_broker::patterns_changed() noexcept {
    has_patterns_.store(!patterns_.empty(), std::memory_order_seq_cst);
}

std::optional<publish_result> embedded_broker::publish(std::string_view channel, const publication& what,
                                                       publish_listener& who, ticket whose) {
    return publish_in(name_space::channels, channel, what, who, whose);
}

std::optional<publish_result> embedded_broker::publish_in(name_space where, std::string_view channel,
                                                          const publication& what, publish_listener& who,
                                                          ticket whose) {
    if (bus_->brokers_.size() == 1) return publish_here(where, channel, what);
    const std::size_t bytes = channel.size() + what.payload.size() + what.info.size() + what.tags.size();
    const bool full = in_flight_ >= bus_->in_flight_max_ || in_flight_bytes_ + bytes > bus_->in_flight_bytes_max_;
    if (full) return publish_result{error::busy};
    ++in_flight_;
    in_flight_bytes_ += bytes;
    const std::size_t hash = hash_of(where, channel);
    auto stored = std::make_shared<stored_publication>(
        stored_publication{std::string{channel}, std::string{what.payload}, what.is_json, std::string{what.info}, hash,
                           where, std::string{what.tags}});
    if (what.skip_history || what.version != 0 || !what.idempotency_key.empty()) {
        stored->wished = std::make_unique<const stored_publication::wishes>(stored_publication::wishes{
            what.skip_history, std::string{what.idempotency_key}, what.version, std::string{what.version_epoch}});
    }
    const publisher from{shard_, &who, whose, bytes};
    const std::uint32_t home = home_of(hash, bus_->brokers_.size());
    if (home == shard_) {
        sequence(from, stored);
    } else {
        send(home, {.what = message::kind::sequence, .who = from, .publication = std::move(stored)});
    }
    return std::nullopt;
}

// With one shard, that is all there is to it.
publish_result embedded_broker::publish_here(name_space where, std::string_view channel, const publication& what) {
    if (home_ == nullptr || where == name_space::sharded) return deliver(where, channel, what);
    const channel_home::numbered taken = home_->take(channel, what);
    published done;
    done.at = taken.at;
    if (taken.is_repeated) return done;
    hub::publication numbered = what;
    numbered.offset = taken.at.offset;
    numbered.epoch = taken.at.epoch.view();
    done.receivers = deliver(where, channel, numbered);
    return done;
}

// To this shard's subscribers: first the channel's, then those of wildcards and of patterns. They all wait in one line,
// so that a connection hears everything in the order in which it was published.
std::uint32_t embedded_broker::deliver(name_space where, std::string_view channel, const hub::publication& what) {
    if (where == name_space::sharded) return sharded_.publish(channel, what);
    std::uint32_t receivers = hub_->publish(channel, what);
    if (what.what != hub::publication::kind::message) return 0;
    if (hub_->wildcards() > 0) {
        channels::wildcards_of all{channel};
        for (auto each = all.next(); !each.empty(); each = all.next())
            receivers += hub_->publish_by(each, channel, what);
    }
    return patterns_.empty() ? receivers : receivers + patterns_.publish(channel, what);
}

bool embedded_broker::full() const noexcept {
    return in_flight_ >= bus_->in_flight_max_ || in_flight_bytes_ >= bus_->in_flight_bytes_max_;
}

bool embedded_broker::may_want(const stored_publication& publication) const {
    if (filter_.may_have(publication.hash)) return true;
    if (publication.where != name_space::channels) return false;
    if (has_patterns_.load(std::memory_order_seq_cst)) return true;
    if (!has_wildcards_.load(std::memory_order_seq_cst)) return false;
    channels::wildcards_of all{publication.channel};
    for (auto each = all.next(); !each.empty(); each = all.next())
        if (filter_.may_have(channel_hash(each))) return true;
    return false;
}

// Gives it its place in its channel's stream. False: it was published before.
bool embedded_broker::number(stored_publication& what) {
    if (home_ == nullptr || what.where == name_space::sharded) return true;
    publication taken{{what.payload, what.is_json, what.info, what.tags}};
    if (what.wished != nullptr) {
        taken.skip_history = what.wished->skip_history;
        taken.idempotency_key = what.wished->idempotency_key;
        taken.version = what.wished->version;
        taken.version_epoch = what.wished->version_epoch;
    }
    const channel_home::numbered done = home_->take(what.channel, taken);
    what.at = done.at;
    return !done.is_repeated;
}

void embedded_broker::sequence(const publisher& who, const shared_publication& publication) {
    if (!number(*publication)) return finish(who, 0, publication->at);
    const std::uint32_t index = take_tally();
    tallies_[index].who = who;
    tallies_[index].at = publication->at;
    for (std::uint32_t shard = 0; shard < bus_->brokers_.size(); ++shard) {
        if (shard == shard_ || !bus_->brokers_[shard]->may_want(*publication)) continue;
        ++tallies_[index].waiting;
        send(shard, {.what = message::kind::deliver, .from = shard_, .tally = index, .publication = publication});
    }
    tallies_[index].receivers = deliver(publication->where, publication->channel, publication->view());
    if (tallies_[index].waiting > 0) return;
    finish(who, tallies_[index].receivers, publication->at);
    tallies_[index].next_free = std::exchange(first_free_tally_, index);
}

void embedded_broker::finish(const publisher& who, std::uint32_t receivers, const streams::position& at) {
    // Never from within publish(): its caller still has to note what it waits for.
    send(who.shard, {.what = message::kind::published, .count = receivers, .who = who, .at = at});
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
    const auto room = [&] { return !hub_->waiting().congested() && bytes < message_bytes_per_turn; };
    for (int i = 0; i < messages_per_turn && room() && !inbox_.empty(); ++i) {
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
        const stored_publication& publication = *what.publication;
        const std::uint32_t count = deliver(publication.where, publication.channel, publication.view());
        send(what.from, {.what = message::kind::delivered, .count = count, .tally = what.tally});
        break;
    }
    case message::kind::delivered: {
        tally& counted = tallies_[what.tally];
        counted.receivers += what.count;
        if (--counted.waiting > 0) break;
        finish(counted.who, counted.receivers, counted.at);
        counted.next_free = std::exchange(first_free_tally_, what.tally);
        break;
    }
    case message::kind::published: {
        --in_flight_;
        in_flight_bytes_ -= what.who.bytes;
        published done{what.count};
        done.at = what.at;
        what.who.listener->on_published(what.who.whose, done);
        break;
    }
    case message::kind::ask: {
        exchange& its = *what.asked;
        its.said = home_->answer(its.channel, its.asked);
        const std::uint32_t to = its.from;
        send(to, {.what = message::kind::told, .asked = std::move(what.asked)});
        break;
    }
    case message::kind::told: tell(*what.asked); break;
    case message::kind::enter:
    case message::kind::leave: pass(what.what == message::kind::enter, *what.passes); break;
    case message::kind::announce:
        deliver(name_space::channels, what.publication->channel, what.publication->view());
        break;
    }
}

std::uint32_t embedded_broker::shards() const noexcept { return static_cast<std::uint32_t>(bus_->brokers_.size()); }

void embedded_broker::ask(const std::shared_ptr<const question>& what, ticket whose, std::optional<inquiry> own) {
    for (const auto& each : bus_->brokers_) {
        const bool is_this = each.get() == this;
        if (is_this && !own) continue;
        auto of = std::make_shared<inquiry>(is_this ? std::move(*own) : inquiry{what});
        boost::asio::post(*each->context_, [this, to = each.get(), of = std::move(of), whose]() mutable {
            to->answer(std::move(of), *this, whose);
        });
    }
}

// Others have their turn between one step and the next.
void embedded_broker::answer(std::shared_ptr<inquiry> of, embedded_broker& asks, ticket whose) {
    if (respondent_ != nullptr && !respondent_->answer_some(*of)) {
        boost::asio::post(*context_,
                          [this, of = std::move(of), &asks, whose]() mutable { answer(std::move(of), asks, whose); });
        return;
    }
    boost::asio::post(*asks.context_,
                      [&asks, of = std::move(of), whose] { asks.respondent_->on_answer(whose, of->said); });
}

} // namespace carillon::bus
