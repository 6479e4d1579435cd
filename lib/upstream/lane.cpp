#include "upstream/lane.hpp"

#include "base/check.hpp"
#include "resp/writer.hpp"

#include <algorithm>
#include <utility>

namespace carillon::upstream {

void lane::send(std::initializer_list<std::string_view> words, awaited answer, clock::time_point now) {
    send(std::span{words.begin(), words.size()}, std::move(answer), now);
}

void lane::send(std::span<const std::string_view> words, awaited answer, clock::time_point now) {
    resp::append_command(output_, words);
    answer.sent = awake(now);
    expected.push_back(std::move(answer));
}

void lane::on_written(std::size_t count) {
    CHECK(written_ + count <= output_.size());
    written_ += count;
    if (written_ * 2 < output_.size()) return;
    output_.erase(0, written_);
    written_ = 0;
}

void lane::on_hold(bool held, clock::time_point now) noexcept {
    if (held == held_since_.has_value()) return;
    if (held) {
        held_since_ = now;
    } else {
        held_ += now - *held_since_;
        held_since_.reset();
    }
}

void lane::probe(std::initializer_list<std::string_view> words, awaited::kind what, clock::time_point now) {
    send(words, {.what = what}, now);
    probed(now);
    probing_ = true;
}

// By awake(). Answers come in the order of the commands, so each shows that those behind it are being seen to.
lane::clock::time_point lane::reply_deadline(std::chrono::milliseconds reply_timeout) const noexcept {
    return std::max(expected.front().sent, last_answer_) + reply_timeout;
}

bool lane::late(std::chrono::milliseconds reply_timeout, clock::time_point now) const noexcept {
    return !held() && !expected.empty() && awake(now) >= reply_deadline(reply_timeout);
}

bool lane::probe_due(std::chrono::milliseconds interval, clock::time_point now) const noexcept {
    return !held() && !probing_ && awake(now) >= probed_at_ + interval;
}

lane::clock::time_point lane::wake_at(std::chrono::milliseconds reply_timeout,
                                      std::chrono::milliseconds interval) const noexcept {
    clock::time_point next = clock::time_point::max();
    if (held()) return next;
    if (!expected.empty()) next = std::min(next, held_ + reply_deadline(reply_timeout));
    if (!probing_) next = std::min(next, held_ + probed_at_ + interval);
    return next;
}

std::deque<awaited> lane::reset() {
    output_.clear();
    written_ = 0;
    input.clear();
    parser.reset();
    held_ = {};
    held_since_.reset();
    probing_ = false;
    return std::exchange(expected, {});
}

} // namespace carillon::upstream
