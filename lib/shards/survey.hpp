#pragma once

#include "shards/shard.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace carillon::shards {

/// Asks every shard on its own thread; called and answered on that of `control`. There is no answer of a shard that has
/// not given one in time.
template <class Answer>
boost::asio::awaitable<std::vector<std::optional<Answer>>>
ask_these(boost::asio::io_context& control, std::vector<shard*> shards, std::chrono::milliseconds patience,
          std::function<Answer(shard&)> question) {
    struct collection {
        collection(boost::asio::io_context& context, std::size_t shards) : answered{context}, slots(shards) {}
        boost::asio::steady_timer answered;
        std::vector<std::optional<Answer>> slots;
        std::size_t answers = 0;
    };
    const auto all = std::make_shared<collection>(control, shards.size());
    const auto asked = std::make_shared<const std::function<Answer(shard&)>>(std::move(question));
    all->answered.expires_after(patience);
    for (std::size_t i = 0; i < shards.size(); ++i) {
        boost::asio::post(shards[i]->context(), [&control, all, asked, i, from = shards[i]] {
            boost::asio::post(control, [all, i, said = (*asked)(*from)]() mutable {
                all->slots[i] = std::move(said);
                if (++all->answers == all->slots.size()) all->answered.cancel();
            });
        });
    }
    auto [interrupted] = co_await all->answered.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    (void)interrupted;
    co_return all->slots; // a copy: a late answer may still come
}

/// Asks a shard that may answer later: `question` is called on its thread, and calls what it is given there. Empty: it
/// has not in time.
template <class Answer>
boost::asio::awaitable<std::optional<Answer>>
ask_later(boost::asio::io_context& control, shard* of, std::chrono::milliseconds patience,
          std::function<void(shard&, std::function<void(Answer)>)> question) {
    struct slot {
        explicit slot(boost::asio::io_context& context) : answered{context} {}
        boost::asio::steady_timer answered;
        std::optional<Answer> said;
    };
    const auto its = std::make_shared<slot>(control);
    its->answered.expires_after(patience);
    boost::asio::post(of->context(), [&control, its, of, question = std::move(question)] {
        question(*of, [&control, its](Answer said) {
            boost::asio::post(control, [its, said = std::move(said)]() mutable {
                its->said = std::move(said);
                its->answered.cancel();
            });
        });
    });
    auto [interrupted] = co_await its->answered.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    (void)interrupted;
    co_return its->said;
}

template <class Answer>
boost::asio::awaitable<std::vector<std::optional<Answer>>>
ask_shards(boost::asio::io_context& control, const std::vector<std::unique_ptr<shard>>& shards,
           std::chrono::milliseconds patience, std::function<Answer(shard&)> question) {
    std::vector<shard*> all;
    for (const auto& each : shards) all.push_back(each.get());
    return ask_these<Answer>(control, std::move(all), patience, std::move(question));
}

} // namespace carillon::shards
