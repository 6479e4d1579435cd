#include "people/gatekeeper.hpp"

#include "auth/verifier.hpp"
#include "base/check.hpp"
#include "http/credentials.hpp"
#include "metrics/shard_counters.hpp"

#include <tuple>
#include <utility>

namespace carillon::people {

namespace {

std::unique_ptr<auth::verifier> make_verifier(const token_options& how) {
    if (how.keys == nullptr && how.subscription_keys == nullptr) return nullptr;
    auth::verifier_options checked{.expected = {how.audience, how.issuer, how.user_claim},
                                   .leeway = how.leeway,
                                   .token_bytes_max = how.token_bytes_max,
                                   .remembered_bytes_max = how.remembered_bytes_max};
    auto keys = how.keys != nullptr ? how.keys : std::make_shared<const keys::key_set>();
    return std::make_unique<auth::verifier>(std::move(checked), std::move(keys), how.subscription_keys);
}

bool are_checked_alike(const token_options& one, const token_options& other) {
    return one.audience == other.audience && one.issuer == other.issuer && one.user_claim == other.user_claim &&
           one.leeway == other.leeway;
}

} // namespace

gatekeeper::gatekeeper(const token_options& how) : options_{how}, verifier_{make_verifier(how)} {}
gatekeeper::~gatekeeper() = default;

void gatekeeper::count(metrics::shard_counters& into) const {
    if (verifier_ == nullptr) return;
    for (const auth::memory_counters* each : {&verifier_->connection_memory(), &verifier_->subscription_memory()}) {
        into.token_memory_hits += each->hits;
        into.token_memory_misses += each->misses;
        into.token_memory_evictions += each->evictions;
        into.token_memory_entries += static_cast<std::int64_t>(each->entries);
        into.token_memory_bytes += static_cast<std::int64_t>(each->bytes);
    }
}

// --- keys

void gatekeeper::use(std::shared_ptr<const keys::key_set> keys,
                     std::shared_ptr<const keys::key_set> subscription_keys) {
    CHECK(verifier_ != nullptr);
    options_.keys = keys;
    options_.subscription_keys = subscription_keys;
    verifier_->use(std::move(keys), std::move(subscription_keys));
}

void gatekeeper::reconfigure(const token_options& now) {
    const bool alike = are_checked_alike(options_, now);
    const auto fetch = std::pair{options_.fetch_keys, options_.fetch_subscription_keys}; // whose URLs do not change
    options_ = now;
    std::tie(options_.fetch_keys, options_.fetch_subscription_keys) = fetch;
    if (options_.keys == nullptr && options_.subscription_keys == nullptr) {
        verifier_ = nullptr;
    } else if (verifier_ != nullptr && alike) {
        verifier_->use(options_.keys != nullptr ? options_.keys : std::make_shared<const keys::key_set>(),
                       options_.subscription_keys);
    } else {
        verifier_ = make_verifier(options_);
    }
}

token_kind gatekeeper::whose_keys(token_kind of) const noexcept {
    return options_.subscription_keys == nullptr ? token_kind::connection : of;
}

const std::function<void()>& gatekeeper::fetch(token_kind of) const noexcept {
    return whose_keys(of) == token_kind::connection ? options_.fetch_keys : options_.fetch_subscription_keys;
}

bool gatekeeper::may_fetch(token_kind of) const { return fetch(of) != nullptr; }

void gatekeeper::wait(net::connection_key whose, token_kind of) {
    auto& all = waiting_.at(static_cast<std::size_t>(whose_keys(of)));
    all.push_back(whose);
    if (all.size() == 1) fetch(of)(); // the others hear of it, too
}

std::vector<net::connection_key> gatekeeper::take_waiting(token_kind of) {
    return std::exchange(waiting_.at(static_cast<std::size_t>(of)), {});
}

// --- tokens of upgrades

void gatekeeper::keep(net::connection_key whose, const http::request_head& head) {
    if (verifier_ == nullptr) return;
    std::string_view token = http::bearer_token(head);
    if (token.empty() && !options_.cookie.empty()) token = http::cookie_value(head, options_.cookie);
    if (token.empty() && !options_.query.empty()) token = http::query_value(head.query(), options_.query);
    if (!token.empty()) kept_.insert_or_assign(whose.packed(), std::string{token});
}

std::string_view gatekeeper::kept(net::connection_key whose) const noexcept {
    if (kept_.empty()) return {};
    const auto found = kept_.find(whose.packed());
    return found == kept_.end() ? std::string_view{} : std::string_view{found->second};
}

void gatekeeper::forget(net::connection_key whose) noexcept {
    if (!kept_.empty()) kept_.erase(whose.packed());
}

} // namespace carillon::people
