#include "gateway/outside.hpp"

#include "base/check.hpp"
#include "keys/key_set.hpp"
#include "shards/shard.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>
#include <utility>

namespace carillon::gateway {

namespace asio = boost::asio;
using people::token_kind;

namespace {

// One set of keys is fetched at a time.
constexpr std::size_t connections_for_keys = 1;

http::url url_of(const std::string& text) {
    http::url read;
    CHECK(http::read_url(text, read).empty()); // loading::load has looked at it
    return read;
}

} // namespace

outside::outside(asio::io_context& control, const config::settings& how, const backend::token_keys& fixed,
                 const all_shards& all)
    : control_{&control}, shards_{&all}, keys_{fixed} {
    add_keys(how, "jwks", how.token_jwks_url, token_kind::connection);
    add_keys(how, "subscription_jwks", how.subscription_token_jwks_url, token_kind::subscription);
    if (how.proxies.empty()) return;
    if (!client_) client_ = std::make_unique<outward::client>();
    proxies_.emplace(*client_, how);
}

outside::~outside() = default;

std::size_t outside::connections_max(const config::settings& how) {
    std::size_t all = 0;
    for (const std::string* each : {&how.token_jwks_url, &how.subscription_token_jwks_url})
        all += each->empty() ? 0 : connections_for_keys;
    for (const config::proxy& each : how.proxies) all += each.connections_max;
    return all;
}

void outside::add_keys(const config::settings& how, std::string name, const std::string& url, token_kind of) {
    if (url.empty()) return;
    if (!client_) client_ = std::make_unique<outward::client>();
    const std::size_t target = client_->add({.name = std::move(name),
                                             .where = url_of(url),
                                             .ca_file = how.token_jwks_ca_file,
                                             .timeout = how.token_jwks_timeout,
                                             .connections_max = connections_for_keys,
                                             .queue_max = 1,
                                             .response_bytes_max = how.token_jwks_bytes_max,
                                             .idle_max = std::chrono::milliseconds::zero()});
    const backend::key_source_options options{.url = url,
                                              .target = target,
                                              .refresh_min = std::chrono::seconds{how.token_jwks_refresh_min_s},
                                              .refresh_max = std::chrono::seconds{how.token_jwks_refresh_max_s},
                                              .refetch_min = std::chrono::seconds{how.token_jwks_refetch_min_s}};
    auto& keys = of == token_kind::connection ? keys_.connections : keys_.subscriptions;
    sources_[static_cast<std::size_t>(of)].emplace(*control_, *client_, options, keys,
                                                   [this, &keys](backend::key_source::shared_keys now) {
                                                       keys = std::move(now);
                                                       tell_keys();
                                                   });
    if (keys == nullptr) keys = std::make_shared<const keys::key_set>(); // so that tokens are looked at
}

void outside::tell_keys() {
    for (const auto& each : *shards_) {
        asio::post(each->context(), [to = each.get(), now = keys_] { to->use_keys(now); });
    }
}

const backend::token_keys& outside::use_fixed(const backend::token_keys& fixed) {
    const auto take = [this](token_kind of, auto& mine, const auto& now) {
        auto& source = sources_[static_cast<std::size_t>(of)];
        if (source) {
            source->use_fixed(now); // which changes `mine`
        } else {
            mine = now;
        }
    };
    take(token_kind::connection, keys_.connections, fixed.connections);
    take(token_kind::subscription, keys_.subscriptions, fixed.subscriptions);
    return keys_;
}

void outside::equip(shards::share& mine) {
    mine.keys = keys_;
    mine.proxies = proxies_ ? &*proxies_ : nullptr;
    const auto fetch = [this, number = mine.number](token_kind of) -> std::function<void()> {
        if (!sources_[static_cast<std::size_t>(of)]) return {};
        return [this, of, number] { asio::post(*control_, [this, of, number] { want_keys(of, number); }); };
    };
    mine.fetch_keys = fetch(token_kind::connection);
    mine.fetch_subscription_keys = fetch(token_kind::subscription);
}

void outside::want_keys(token_kind of, std::uint32_t number) {
    sources_[static_cast<std::size_t>(of)]->want([this, of, number](bool fresh) {
        shards::shard& to = *(*shards_)[number];
        asio::post(to.context(), [&to, of, fresh] { to.on_keys(of, fresh); });
    });
}

void outside::start() {
    if (!client_) return;
    thread_ = std::thread{[this] { client_->run(); }};
    tell("started");
    for (auto& each : sources_) {
        if (each) each->start();
    }
}

void outside::join() {
    if (!thread_.joinable()) return;
    if (proxies_) proxies_->finish(); // the last to go have been told to
    client_->stop();
    thread_.join();
}

void outside::be_called(const std::string& node, const std::string& boot) {
    if (proxies_) proxies_->be_called(node, boot);
}

void outside::tell(std::string_view what) {
    if (proxies_) proxies_->tell_all(what);
}

void outside::stop() {
    for (auto& each : sources_) {
        if (each) each->stop();
    }
}

// The client copies its figures on its own thread; it is never busy for long.
asio::awaitable<std::vector<metrics::outward_facts>> outside::facts(std::chrono::milliseconds patience) {
    const auto answer = std::make_shared<std::vector<metrics::outward_facts>>();
    if (!client_) co_return *answer;
    const auto answered = std::make_shared<asio::steady_timer>(*control_, patience);
    asio::post(client_->context(), [this, answer, answered] {
        asio::post(*control_, [answer, answered, copy = client_->snapshot()] {
            *answer = copy;
            answered->cancel();
        });
    });
    auto [interrupted] = co_await answered->async_wait(asio::as_tuple(asio::use_awaitable));
    (void)interrupted;
    if (proxies_) proxies_->count(*answer);
    co_return *answer;
}

} // namespace carillon::gateway
