#pragma once

#include "shards/shard.hpp"

#include <boost/asio/post.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <utility>

namespace carillon::succession {

/// Asks a shard on its own thread, and waits for the answer: for threads that have nothing else to do. `question` calls
/// what it is given, on the shard's thread, there or later. Empty: it has not in time.
template <class Answer>
std::optional<Answer> ask_shard_later(shards::shard& of, std::chrono::steady_clock::time_point until,
                                      std::function<void(shards::shard&, std::function<void(Answer)>)> question) {
    const auto promised = std::make_shared<std::promise<Answer>>();
    std::future<Answer> answer = promised->get_future();
    boost::asio::post(of.context(), [&of, promised, question = std::move(question)] {
        question(of, [promised](Answer said) { promised->set_value(std::move(said)); });
    });
    if (answer.wait_until(until) != std::future_status::ready) return std::nullopt;
    return answer.get();
}

/// The same for an answer that is given at once.
template <class Answer>
std::optional<Answer> ask_shard(shards::shard& of, std::chrono::steady_clock::time_point until,
                                std::function<Answer(shards::shard&)> question) {
    return ask_shard_later<Answer>(
        of, until, [question = std::move(question)](shards::shard& whom, const std::function<void(Answer)>& tell) {
            tell(question(whom));
        });
}

} // namespace carillon::succession
