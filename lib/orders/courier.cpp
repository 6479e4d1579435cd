#include "orders/courier.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <utility>

namespace carillon::orders {

namespace asio = boost::asio;

// What somebody waits for.
struct courier::delivery {
    using handler = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;

    explicit delivery(std::size_t shards) : delivered(shards) {}

    std::optional<handler> whose;
    std::vector<bool> delivered;
    std::size_t missing = 0;
    clock::time_point until{};
    std::list<std::shared_ptr<delivery>>::iterator place{};
};

courier::courier(asio::io_context& control, const std::vector<std::unique_ptr<shards::shard>>& shards,
                 std::chrono::milliseconds patience)
    : context_{&control}, shards_{&shards}, patience_{patience}, arrivals_{control}, timer_{control} {}

asio::awaitable<std::vector<bool>> courier::deliver(parcels what) {
    const auto mine = std::make_shared<delivery>(what.size());
    for (std::size_t i = 0; i < what.size(); ++i) {
        if (!what[i]) continue;
        ++mine->missing;
        what[i]->delivered = [this, mine, i] {
            arrivals_.push({mine, i}, [this](std::vector<arrival>& all) {
                for (const arrival& each : all) arrive(each);
            });
        };
        send(i, std::move(what[i]));
    }
    if (mine->missing == 0 || stopped_) co_return mine->delivered;
    mine->until = clock::now() + patience_;
    mine->place = waiting_.insert(waiting_.end(), mine);
    if (!std::exchange(watches_, true)) watch();
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [&of = *mine](delivery::handler then) { of.whose.emplace(std::move(then)); }, asio::use_awaitable);
    co_return mine->delivered;
}

void courier::send(std::size_t shard, std::shared_ptr<shards::parcel> what) {
    leaving_.resize(shards_->size());
    leaving_[shard].push_back(std::move(what));
    if (std::exchange(departs_, true)) return;
    asio::post(*context_, [this] { send_all(); });
}

void courier::send_all() {
    departs_ = false;
    for (std::size_t i = 0; i < leaving_.size(); ++i) {
        if (leaving_[i].empty()) continue;
        (*shards_)[i]->desk().take(leaving_[i]);
        leaving_[i].clear();
    }
}

void courier::arrive(const arrival& what) {
    delivery& of = *what.of;
    of.delivered[what.shard] = true;
    if (--of.missing == 0 && of.whose) finish(of);
}

// Goes on with what waits for it.
void courier::finish(delivery& what) {
    const std::shared_ptr<delivery> kept = std::move(*what.place);
    waiting_.erase(what.place);
    delivery::handler then = std::move(*kept->whose);
    kept->whose.reset();
    std::move(then)();
}

void courier::watch() {
    timer_.expires_at(waiting_.front()->until);
    timer_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled) look();
    });
}

void courier::look() {
    const clock::time_point now = clock::now();
    while (!waiting_.empty() && waiting_.front()->until <= now) finish(*waiting_.front());
    watches_ = !waiting_.empty();
    if (watches_) watch();
}

void courier::stop() {
    stopped_ = true;
    timer_.cancel();
    while (!waiting_.empty()) finish(*waiting_.front());
}

} // namespace carillon::orders
