#include "hub.hpp"

#include "protocol/payload.hpp"
#include "protocol/reply.hpp"
#include "session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <thread>
#include <utility>

namespace idiomatic {
namespace {

net::awaitable<std::size_t> deliver_there(worker& to, std::string channel, shared_message message) {
    co_return to.deliver(channel, message);
}

} // namespace

void worker::leave(session& who, const std::string& channel) {
    const auto found = channels.find(channel);
    if (found == channels.end()) return;
    found->second.erase(&who);
    if (found->second.empty()) channels.erase(found);
}

std::size_t worker::deliver(std::string_view channel, const shared_message& message) {
    const auto found = channels.find(channel);
    if (found == channels.end()) return 0;
    for (session* const listener : found->second) listener->send(message);
    return found->second.size();
}

hub::hub(std::size_t threads) {
    for (std::size_t i = 0; i < threads; ++i) workers_.push_back(std::make_unique<worker>());
}

worker& hub::next() {
    next_ = (next_ + 1) % workers_.size();
    return *workers_[next_];
}

void hub::run() {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < workers_.size(); ++i) {
        others.emplace_back([&context = workers_[i]->context] {
            const auto until_stopped = net::make_work_guard(context);
            context.run();
        });
    }
    first().context.run();
}

void hub::stop() {
    for (const auto& one : workers_) one->context.stop();
}

net::awaitable<std::size_t> hub::publish(worker& from, std::string channel, shared_message message) {
    std::size_t count = from.deliver(channel, message);
    for (const auto& one : workers_) {
        if (one.get() == &from) continue;
        auto delivery = deliver_there(*one, channel, message);
        const std::size_t there = co_await net::co_spawn(one->context, std::move(delivery), net::use_awaitable);
        count += there;
    }
    co_return count;
}

shared_message encode(std::string_view channel, std::string_view payload) {
    std::string line;
    switch (carillon::protocol::classify(payload)) {
    case carillon::protocol::payload_kind::json:
        carillon::protocol::append_publication(line, channel, {.data = payload});
        break;
    case carillon::protocol::payload_kind::text:
        carillon::protocol::append_publication(line, channel, {.data = payload, .is_json = false});
        break;
    case carillon::protocol::payload_kind::binary:
    case carillon::protocol::payload_kind::too_deep: return nullptr;
    }
    return std::make_shared<const std::string>(std::move(line));
}

} // namespace idiomatic
