#include "backend/event_stream.hpp"

#include "outward/error.hpp"
#include "protocol/payload.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace carillon::backend {

event_stream::event_stream(outward::client& via, options how)
    : via_{&via}, options_{std::move(how)}, timer_{via.context()}, pause_{options_.pause_min} {}

void event_stream::be_called(std::string_view node, std::string_view boot) {
    head_ = R"({"node":)";
    protocol::append_json_string(head_, node);
    head_ += R"(,"boot":)";
    protocol::append_json_string(head_, boot);
}

void event_stream::add(std::string event) {
    bool calls = false;
    {
        const std::lock_guard held{lock_};
        ++last_;
        weight_ += weight_of(event);
        waiting_.push_back(std::move(event));
        for (; weight_ > options_.waiting_max && waiting_.size() > 1; waiting_.pop_front()) {
            weight_ -= weight_of(waiting_.front());
            ++counts_.dropped;
        }
        calls = !std::exchange(is_awake_, true) || waiting_.size() == options_.batch_max;
    }
    if (calls) boost::asio::post(via_->context(), [this] { wake(); });
}

std::uint64_t event_stream::last() const {
    const std::lock_guard held{lock_};
    return last_;
}

metrics::event_counts event_stream::counts() const {
    const std::lock_guard held{lock_};
    metrics::event_counts copy = counts_;
    copy.waiting = waiting_.size();
    return copy;
}

void event_stream::hurry() {
    {
        const std::lock_guard held{lock_};
        is_hurried_ = true;
    }
    boost::asio::post(via_->context(), [this] { wake(); });
}

void event_stream::finish(std::chrono::milliseconds patience) {
    {
        std::unique_lock held{lock_};
        told_all_.wait_for(held, patience, [this] { return !is_awake_; });
    }
    boost::asio::post(via_->context(), [this] {
        state_ = state::stopped;
        timer_.cancel();
    });
}

// --- the client's thread

// Something is to be told, or more than before.
void event_stream::wake() {
    if (state_ == state::idle || state_ == state::gathering) go_on();
}

void event_stream::go_on() {
    bool waits = false;
    {
        const std::lock_guard held{lock_};
        if (waiting_.empty() && !has_gap_) {
            state_ = state::idle;
            is_awake_ = false;
            told_all_.notify_all();
            return;
        }
        waits = waiting_.size() < options_.batch_max && !is_hurried_;
    }
    if (!waits) return send_next();
    if (state_ != state::gathering) after(options_.wait, state::gathering, &event_stream::send_next);
}

void event_stream::after(std::chrono::milliseconds pause, state meanwhile, void (event_stream::*then)()) {
    state_ = meanwhile;
    timer_.expires_after(pause);
    timer_.async_wait([this, meanwhile, then](const boost::system::error_code& stopped) {
        if (!stopped && state_ == meanwhile) (this->*then)();
    });
}

// Where a batch was dropped and nothing has happened since, an empty one says so.
void event_stream::send_next() {
    {
        const std::lock_guard held{lock_};
        const std::uint64_t first = last_ - waiting_.size() + 1;
        events_in_body_ = std::min(waiting_.size(), options_.batch_max);
        body_ = fmt::format(R"({},"number":{},"events":[)", head_, first);
        for (std::size_t i = 0; i < events_in_body_; ++i, waiting_.pop_front()) {
            if (i > 0) body_ += ',';
            body_ += waiting_.front();
            weight_ -= weight_of(waiting_.front());
        }
        body_ += "]}";
    }
    begun_ = clock::now();
    send();
}

void event_stream::send() {
    state_ = state::sending;
    timer_.cancel();
    via_->send(options_.target, {.how = outward::method::post, .fields = options_.fields, .body = body_},
               [this](const outward::answer& said) { on_answer(said); });
}

void event_stream::on_answer(const outward::answer& said) {
    if (state_ == state::stopped) return;
    if (said && said->status >= 200 && said->status < 300) {
        {
            const std::lock_guard held{lock_};
            counts_.told += events_in_body_;
        }
        if (std::exchange(is_failing_, false)) spdlog::info("{} takes events again", options_.name);
        has_gap_ = false;
        pause_ = options_.pause_min;
        state_ = state::idle;
        return go_on();
    }
    if (!said && said.error() == outward::error::stopped) return; // so nothing follows
    if (!std::exchange(is_failing_, true))
        spdlog::warn("{} does not take events: {}", options_.name,
                     said ? fmt::format("the status is {}", said->status) : said.error().message());
    const auto pause = std::exchange(pause_, std::min(2 * pause_, options_.pause_max));
    if (events_in_body_ > 0 && clock::now() - begun_ < options_.retry)
        return after(pause, state::pausing, &event_stream::send);
    {
        const std::lock_guard held{lock_};
        counts_.dropped += events_in_body_;
    }
    has_gap_ = true;
    after(pause, state::pausing, &event_stream::send_next);
}

} // namespace carillon::backend
