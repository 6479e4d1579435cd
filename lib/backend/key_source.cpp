#include "backend/key_source.hpp"

#include "http/cache_control.hpp"
#include "keys/key_set.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace carillon::backend {

namespace asio = boost::asio;

key_source::key_source(asio::io_context& control, outward::client& via, const key_source_options& how,
                       shared_keys fixed, std::function<void(shared_keys)> on_change)
    : control_{&control}, via_{&via}, options_{how}, fixed_{std::move(fixed)},
      on_change_{std::move(on_change)}, timer_{control} {}

void key_source::stop() {
    stopped_ = true;
    timer_.cancel();
}

void key_source::use_fixed(shared_keys fixed) {
    fixed_ = std::move(fixed);
    const std::string text = std::exchange(text_, {});
    if (!text.empty() && take(text)) return;
    on_change_(fixed_ != nullptr ? fixed_ : std::make_shared<const keys::key_set>());
}

void key_source::want(told done) {
    if (fetching_) return waiting_.push_back(std::move(done));
    if (stopped_ || clock::now() - begun_ < options_.refetch_min) return done(fresh_);
    waiting_.push_back(std::move(done));
    fetch();
}

void key_source::fetch() {
    fetching_ = true;
    begun_ = clock::now();
    timer_.cancel();
    via_->send(options_.target, {.how = outward::method::get}, [this](outward::answer with) {
        asio::post(*control_, [this, with = std::move(with)] { on_answer(with); });
    });
}

void key_source::on_answer(const outward::answer& with) {
    fetching_ = false;
    constexpr unsigned ok = 200;
    if (!with) {
        warn(with.error().message());
        fresh_ = false;
    } else if (with->status != ok) {
        warn(fmt::format("the answer has the status {}", with->status));
        fresh_ = false;
    } else {
        fresh_ = take(with->body);
    }
    if (fresh_) {
        last_warning_.clear();
        const auto said = http::max_age_of(with->cache_control).value_or(options_.refresh_max);
        fetch_after(std::clamp(said, options_.refresh_min, options_.refresh_max));
    } else {
        fetch_after(options_.refetch_min);
    }
    for (const told& each : std::exchange(waiting_, {})) each(fresh_);
}

// Nobody is told of a set that is as it was: shards forget the tokens that they remember when they hear of another one.
bool key_source::take(const std::string& text) {
    if (text == text_) return true;
    auto both = std::make_shared<keys::key_set>();
    auto wrong = fixed_ == nullptr ? std::nullopt : both->add(*fixed_, options_.url);
    if (!wrong) wrong = both->add_jwks(text, options_.url, keys::key_set::secrets::refused);
    if (wrong) {
        warn(wrong->sentence);
        return false;
    }
    for (const std::string& remark : both->remarks()) spdlog::warn("{}", remark);
    spdlog::info("{} keys for tokens, with those of {}", both->size(), options_.url);
    text_ = text;
    on_change_(std::move(both));
    return true;
}

void key_source::fetch_after(std::chrono::seconds pause) {
    if (stopped_) return;
    timer_.expires_after(pause);
    timer_.async_wait([this](const boost::system::error_code& stopped) {
        if (!stopped && !stopped_ && !fetching_) fetch();
    });
}

// Once, as long as it is the same.
void key_source::warn(const std::string& why) {
    if (std::exchange(last_warning_, why) == why) return;
    spdlog::warn("keys for tokens cannot be fetched from {}: {}; those that are known stay", options_.url, why);
}

} // namespace carillon::backend
