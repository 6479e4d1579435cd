#include "redis/redis_link.hpp"

#include <utility>

// What a shard has kept at the server: publications of channels with a stream, and questions about them.
namespace carillon::redis {

ledger::keeping redis_broker::keeping_of(const channels::name_space& space) const noexcept {
    const keeping_options& how = *link_->options_.keeping;
    return {{space.history_size, space.history_ttl, space.history_meta_ttl},
            space.recovery == channels::recovery_mode::cache,
            {how.presence.ttl, how.listed_max,
             space.join_leave ? static_cast<std::int64_t>(how.announced_max) : std::int64_t{-1}}};
}

const channels::name_space* redis_broker::space_of(std::string_view channel) const noexcept {
    return rules_ ? rules_->find(channel).space : nullptr;
}

// Null: a bare PUBLISH says all that there is to say.
std::unique_ptr<ledger::call> redis_broker::call_of(std::string_view channel, const bus::publication& message) const {
    if (!rules_) return nullptr;
    const channels::name_space* const space = space_of(channel);
    const bool keeps = space != nullptr && space->history_size > 0;
    if (!keeps && message.idempotency_key.empty() && message.tags.empty()) return nullptr;
    const keeping_options& how = *link_->options_.keeping;
    return std::make_unique<ledger::call>(ledger::publishing(
        ledger::names{how.prefix}, channel, message, keeps ? keeping_of(*space) : ledger::keeping{}, how.key_ttl));
}

std::optional<result<bus::home_answer>> redis_broker::ask_home(std::string_view channel,
                                                               const bus::home_question& asked, bus::home_listener& who,
                                                               ticket whose) {
    using kind = bus::home_question::kind;
    const channels::name_space* const space = space_of(channel);
    const bool of_presence = asked.about == kind::count || asked.about == kind::list;
    if (space == nullptr || (of_presence ? !space->presence : space->history_size == 0))
        return result<bus::home_answer>{make_error_code(error::refused)};
    if (in_flight_ >= link_->options_.upstream.in_flight_max)
        return result<bus::home_answer>{make_error_code(error::busy)};
    ++in_flight_;
    const std::uint64_t number = ++last_question_;
    const auto [its, is_new] = asking_.emplace(number, asking{&who, whose, std::string{channel}, asked.joins});
    if (asked.joins) hold(its->second.channel);
    link_->ask({.what = redis_link::request::kind::ask,
                .shard = shard_,
                .channel = {},
                .question = std::make_unique<ledger::node_streams::question>(
                    ledger::node_streams::question{shard_, number, std::string{channel}, asked, keeping_of(*space)})});
    return std::nullopt;
}

// Of channels in which it is known or told who is there.
void redis_broker::enter(std::string_view channel, const presence::client_id& who, presence::registry::member what) {
    const channels::name_space* const space = space_of(channel);
    if (space == nullptr) return;
    link_->ask({.what = redis_link::request::kind::enter,
                .shard = shard_,
                .channel = std::string{channel},
                .passes = std::make_unique<redis_link::passage>(
                    redis_link::passage{who, std::move(what), keeping_of(*space).there})});
}

void redis_broker::leave(std::string_view channel, const presence::client_id& who) {
    const channels::name_space* const space = space_of(channel);
    if (space == nullptr) return;
    link_->ask(
        {.what = redis_link::request::kind::leave,
         .shard = shard_,
         .channel = std::string{channel},
         .passes = std::make_unique<redis_link::passage>(redis_link::passage{who, {}, keeping_of(*space).there})});
}

void redis_broker::forget(std::string_view channel, const presence::client_id& who) {
    if (space_of(channel) == nullptr) return;
    link_->ask({.what = redis_link::request::kind::forget,
                .shard = shard_,
                .channel = std::string{channel},
                .passes = std::make_unique<redis_link::passage>(redis_link::passage{.who = who})});
}

// Before the question, so that nothing that is published after the answer is held back.
void redis_broker::hold(const std::string& channel) {
    if (joining_[channel]++ > 0 || hub_->subscribers(channel) > 0) return;
    filter_.add(bus::channel_hash(channel));
    link_->ask(*this, redis_link::request::kind::want, channel);
}

void redis_broker::let_go(const std::string& channel) {
    const auto found = joining_.find(channel);
    if (--found->second > 0) return;
    joining_.erase(found);
    if (hub_->subscribers(channel) == 0) unsubscribe(channel);
}

void redis_broker::tell(const notice& what) {
    const auto found = asking_.find(what.question);
    CHECK(found != asking_.end());
    const asking its = std::move(found->second);
    asking_.erase(found);
    --in_flight_;
    its.who->on_home_answer(its.whose, its.channel, *what.said);
    if (its.joins) let_go(its.channel);
}

} // namespace carillon::redis
