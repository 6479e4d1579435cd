#include "shards/shard.hpp"

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <fcntl.h>
#include <utility>

// Clients and listeners that go from one process to another (docs/decisions/0059).
namespace carillon::shards {

// Each socket has its shard; of those that there are fewer of than shards, some have a copy. So nobody waits in the
// backlog of one that no shard accepts from.
shard::listeners shard::listen(std::vector<inheritance::one>& inherited, std::uint32_t number, std::uint32_t shards) {
    listeners made;
    for (std::size_t i = 0; i < inherited.size(); ++i) {
        inheritance::one& each = inherited[i];
        if (inherited.size() >= shards ? i % shards != number : i != number % inherited.size()) continue;
        const int copy = ::fcntl(each.socket.get(), F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            throw boost::system::system_error{errno, boost::system::system_category(), "cannot listen on " + each.host};
        made.push_back(std::make_unique<net::listener>(context_, copy, each.host));
    }
    return made;
}

void shard::prepare(std::function<void(bool well)> then) {
    sessions_->gives().start();
    sessions_->gives().learn(std::move(then));
}

std::size_t shard::park() {
    sessions_->park();
    return broker_->unanswered();
}

void shard::freeze() {
    frozen_ = true;
    turns_.send_put_aside();
    deliveries_.send_all();
    deliveries_.hold(true);
    hub_.follow(nullptr); // what is published now is sent to nobody here
    sessions_->park();
}

void shard::give_up() {
    sessions_->gives().stop();
    if (std::exchange(frozen_, false)) {
        deliveries_.hold(false);
        hub_.flush();
    }
    sessions_->unpark();
}

std::uint32_t shard::let_go() {
    sessions_->gives().stop();
    for (const auto& each : client_listeners_) each->hand_over();
    for (const auto& each : bus_listeners_) each->hand_over();
    sessions_->give_away_packed(); // before anything is delivered again
    frozen_ = false;
    deliveries_.hold(false);
    hub_.flush();
    return sessions_->open();
}

std::uint64_t shard::begin() {
    const std::uint64_t lost = sessions_->takes().lost();
    deliveries_.hold(false);
    sessions_->begin_adopted();
    hub_.flush();
    if (mine_.number == 0) {
        for (const listeners* all : {&client_listeners_, &bus_listeners_})
            for (const auto& each : *all) each->take_file();
    }
    accept();
    return lost;
}

} // namespace carillon::shards
