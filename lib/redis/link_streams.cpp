#include "channels/wildcard.hpp"
#include "protocol/payload.hpp"
#include "redis/redis_link.hpp"

#include <utility>

// What is kept at the server: publications that are calls of a script, and what is asked of streams.
namespace carillon::redis {

using clock = upstream::clock;
using carillon::discovery::detours;

void redis_link::send_call(branch& to, std::uint64_t number, const ledger::call& what, bool with_text) {
    std::string room;
    to.up().call(number, what.words(with_text, room), clock::now());
    to.wake();
}

void redis_link::publish_by_call(request& what) {
    const std::uint64_t number = next_publication_++;
    ++calls_;
    publisher from{what.shard, what.listener, what.whose, what.call->bytes(), std::move(what.call)};
    const auto [its, is_new] = publishers_.emplace(number, std::move(from));
    branch* const home = home_of(*its->second.call);
    if (home == nullptr) return fail_call(number, error::away);
    send_call(*home, number, *its->second.call, false); // which on_call_failed may forget at once
}

void redis_link::ask_stream(request& what, clock::time_point now) {
    const auto found = interest_.find(what.question->channel);
    const bool subscribed = found != interest_.end() && found->second.subscribed;
    streams_->ask(std::move(*what.question), subscribed, now);
}

void redis_link::look_at_kept(clock::time_point now) {
    if (!streams_) return;
    repeat_calls(now);
    streams_->on_time(now);
    streams_->pump();
    if (reachable_) presence_->pump(now);
}

clock::time_point redis_link::wake_for_kept() const {
    if (!streams_) return clock::time_point::max();
    constexpr std::chrono::milliseconds pause{5}; // when the connection takes no more
    const auto soon = clock::now() + pause;
    clock::time_point next = streams_->wake_at();
    if (streams_->has_more()) next = std::min(next, soon);
    if (cluster_) next = std::min(next, cluster_->sent_on.wake_at());
    if (reachable_) next = std::min(next, std::max(presence_->wake_at(), soon));
    return next;
}

// Of a publication, a reading or a presence; null: nobody waits for it any more.
const ledger::call* redis_link::call_of(std::uint64_t number) const {
    const auto published = publishers_.find(number);
    if (published != publishers_.end()) return published->second.call.get();
    const ledger::call* const reads = streams_ ? streams_->call_of(number) : nullptr;
    return reads != nullptr || !presence_ ? reads : presence_->call_of(number);
}

void redis_link::fail_call(std::uint64_t number, error why) {
    if (cluster_) cluster_->sent_on.done(number);
    if (publishers_.contains(number)) {
        ++calls_failed_;
        return on_published(number, why);
    }
    if (!streams_->on_answer(number, {}, why)) presence_->on_answer(number);
}

// --- what the server says

void redis_link::on_called(branch& from, std::uint64_t number, std::span<const resp::node> said) {
    if (on_counted(number, said)) return;
    const auto published = publishers_.find(number);
    const bool is_publication = published != publishers_.end();
    if (said.front().text.starts_with("NOSCRIPT")) { // somebody has told it to forget its scripts
        if (const ledger::call* const again = call_of(number)) return send_call(from, number, *again, true);
    }
    if (cluster_ && redirected(from, number, said.front())) return;
    if (!is_publication) {
        if (streams_ && !streams_->on_answer(number, said)) presence_->on_answer(number);
        return;
    }
    const auto done = ledger::published_of(said);
    if (done) return on_published(number, *done);
    fail_call(number, said.front().text.starts_with("NOPERM") ? error::denied : error::refused);
}

// Questions are asked again when the server is back; there is an answer to one only if it could not be repeated.
void redis_link::on_call_failed(const branch& from, std::uint64_t number, error why) {
    if (spoken_.contains(number)) return; // its publication fails, too
    const ledger::call* const its = call_of(number);
    if (its == nullptr && cluster_) cluster_->sent_on.done(number);
    if (its == nullptr) return;
    const bool is_question = !publishers_.contains(number);
    if (is_question && why == error::away) {
        // It had been sent on, and who has what it is about has not been lost.
        if (home_of(*its) == &from) return;
        if (cluster_->sent_on.on_lost(number, clock::now()) != detours::verdict::give_up) return;
    }
    fail_call(number, why);
}

void redis_link::on_envelope(std::string_view channel, std::string_view bytes) {
    const auto what = opened(bytes);
    if (what && streams_->on_publication(channel, *what)) give(channel, what->view());
}

// Without its place in a stream, and so without a look at what is known of it. A server's pattern may be like more, and
// what gateways say to each other is not for clients.
void redis_link::on_matched(const branch& from, std::string_view wildcard, std::string_view channel,
                            std::string_view payload) {
    if (!hears_from(from, wildcard) || is_reserved(channel) || !channels::stands_for(wildcard, channel)) return;
    if (!streams_ || !ledger::is_envelope(payload)) {
        if (const auto what = plain(payload)) give(channel, *what, wildcard);
        return;
    }
    const auto what = opened(payload);
    if (what && what->what == hub::publication::kind::message) give(channel, what->view(), wildcard);
}

// Empty: nobody can be told this.
std::optional<hub::publication> redis_link::plain(std::string_view payload) {
    const protocol::payload_kind kind = protocol::classify(payload);
    if (kind == protocol::payload_kind::binary || kind == protocol::payload_kind::too_deep) {
        ++refused_;
        return std::nullopt;
    }
    if (kind == protocol::payload_kind::text) ++as_text_;
    return hub::publication{payload, kind == protocol::payload_kind::json, {}};
}

// Empty: it is none, or one that nobody can be told.
std::optional<ledger::envelope> redis_link::opened(std::string_view bytes) {
    auto what = ledger::open_envelope(bytes);
    if (what && ledger::settle(*what)) return what;
    ++refused_;
    return std::nullopt;
}

// --- what is known of the streams

bool redis_link::on_call(std::uint64_t number, const ledger::call& what) {
    constexpr std::size_t overhead_bytes = 1024; // of its words
    branch* const its = home_of(what);
    if (its == nullptr || !its->up().takes(what.bytes() + overhead_bytes)) return false;
    send_call(*its, number, what, false);
    return true;
}

bool redis_link::may_call(std::string_view channel) const {
    if (!cluster_ && !servers_) return true; // where there is one server, all wait for it
    const branch* const its = home_of(channel);
    return its != nullptr && its->up().connected();
}

void redis_link::on_told(std::uint32_t shard, std::uint64_t number, const result<bus::home_answer>& said) {
    tell(shard, {.what = redis_broker::notice::kind::told,
                 .question = number,
                 .said = std::make_shared<const result<bus::home_answer>>(said)});
}

void redis_link::on_missed(std::string_view channel, const ledger::envelope& what) { give(channel, what.view()); }

void redis_link::on_lost(std::string_view channel) {
    for (std::uint32_t shard = 0; shard < brokers_.size(); ++shard) {
        if (!brokers_[shard]->filter_.may_have(bus::channel_hash(channel))) continue;
        tell(shard, {.what = redis_broker::notice::kind::lost, .channel = std::string{channel}});
    }
}

} // namespace carillon::redis
