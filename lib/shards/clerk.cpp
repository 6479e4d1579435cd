#include "shards/clerk.hpp"

#include "base/check.hpp"

#include <boost/asio/post.hpp>

#include <iterator>
#include <utility>

namespace carillon::shards {

clerk::clerk(boost::asio::io_context& context, bus::broker& bus, hub::hub& subscribers,
             metrics::shard_counters& counters)
    : context_{&context}, bus_{&bus}, hub_{&subscribers}, counters_{&counters}, mailbox_{context} {}

void clerk::take(std::vector<std::shared_ptr<parcel>>& what) {
    for (const auto& each : what) CHECK(!each->orders.empty());
    mailbox_.push_all(what, [this](std::vector<std::shared_ptr<parcel>>& taken) {
        std::move(taken.begin(), taken.end(), std::back_inserter(inbox_));
        if (!scheduled_) work();
    });
}

void clerk::schedule() {
    if (std::exchange(scheduled_, true)) return;
    boost::asio::post(*context_, [this] {
        scheduled_ = false;
        work();
    });
}

// As much as keeps the shard's other events waiting for a moment only; the rest in a turn of its own.
void clerk::work() {
    std::size_t bytes = 0;
    bool full = false;
    for (int i = 0; i < bus::messages_per_turn && bytes < bus::message_bytes_per_turn; ++i) {
        if (inbox_.empty() || full || bus_->congested()) break;
        bytes += inbox_.front()->orders[next_].payload->size();
        full = !publish_next();
    }
    hub_->flush();
    hand_back();
    if (!inbox_.empty() && !full) schedule();
}

bus::publication clerk::publication_of(const order& what) {
    bus::publication made{{*what.payload, what.is_json, {}}};
    if (const wishes* of = what.wished.get()) {
        made.tags = of->tags;
        made.skip_history = of->skip_history;
        made.idempotency_key = of->idempotency_key;
        made.version = of->version;
        made.version_epoch = of->version_epoch;
    }
    return made;
}

// False: the bus takes no more until it has answered some; then on_published goes on.
bool clerk::publish_next() {
    const place where{inbox_.front(), next_};
    parcel& all = *where.in;
    const order& what = all.orders[next_];
    if (next_ == 0) all.missing = all.orders.size();
    const bus::ticket mine{.connection = ++last_ticket_};
    const auto done = bus_->publish(what.channel, publication_of(what), *this, mine);
    if (done && *done == bus::publish_result{bus::error::busy} && !waiting_.empty()) return false;
    if (!done || *done) {
        ++counters_->publications(metrics::publication_source::api);
        if (!what.is_json) ++counters_->publications_as_text(metrics::publication_source::api);
    }
    if (++next_ == all.orders.size()) {
        inbox_.pop_front();
        next_ = 0;
    }
    if (done) {
        settle(where, *done);
    } else {
        waiting_.emplace(last_ticket_, where);
    }
    return true;
}

void clerk::on_published(bus::ticket whose, bus::publish_result receivers) {
    const auto found = waiting_.find(whose.connection);
    CHECK(found != waiting_.end());
    const place where = std::move(found->second);
    waiting_.erase(found);
    settle(where, receivers);
    if (!inbox_.empty() || !finished_.empty()) schedule();
}

void clerk::settle(const place& where, bus::publish_result how) {
    where.in->orders[where.index].done = how;
    if (--where.in->missing == 0) finished_.push_back(where.in);
}

// At the end of a turn, so that whoever waits is woken once for all of them.
void clerk::hand_back() {
    for (const auto& each : finished_) each->delivered();
    finished_.clear();
}

} // namespace carillon::shards
