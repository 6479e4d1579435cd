#include "discovery/topology.hpp"
#include "discovery/words.hpp"
#include "redis/redis_link.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

// Which of several servers has what, and what becomes of it when that changes.
namespace carillon::redis {

namespace asio = boost::asio;
using clock = upstream::clock;
using carillon::discovery::cluster_talk;
using carillon::discovery::detours;
using carillon::discovery::redirection;
using carillon::discovery::slot_table;
using carillon::discovery::topology;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t asked_max = 32;             // nodes, before there is a pause
constexpr std::size_t call_overhead_bytes = 1024; // of its words
constexpr std::uint64_t nobody = 0;               // whose call ASKING is

} // namespace

void add(upstream::counters& to, const upstream::counters& more) noexcept {
    using counters = upstream::counters;
    for (const auto each :
         {&counters::connects, &counters::connect_failures, &counters::disconnects, &counters::timeouts,
          &counters::messages, &counters::publications, &counters::publications_failed, &counters::subscribes,
          &counters::subscribes_refused, &counters::unsubscribes, &counters::libraries_refused})
        to.*each += more.*each;
}

branch* redis_link::branch_of(std::uint32_t number) const noexcept {
    const auto found = std::ranges::find(branches_, number, [](const auto& each) { return each->number(); });
    return found == branches_.end() ? nullptr : found->get();
}

branch* redis_link::home_of(std::string_view channel) const noexcept {
    if (servers_) return branches_[servers_->home_of(channel)].get();
    if (!cluster_) return branches_.front().get();
    const auto owner = cluster_->table.owner_of(carillon::discovery::home_slot(channel));
    return owner ? branch_of(*owner) : nullptr;
}

branch* redis_link::home_of(const ledger::call& what) const noexcept {
    if (servers_) return home_of(carillon::discovery::channel_of(what.keys.front()));
    if (!cluster_) return branches_.front().get();
    const auto owner = cluster_->table.owner_of(carillon::discovery::slot_of(what.keys.front()));
    return owner ? branch_of(*owner) : nullptr;
}

// A channel that is on its way to another branch is heard from the old one until the new one has it.
bool redis_link::hears_from(const branch& whom, std::string_view channel) const {
    if (!cluster_ || home_of(channel) == &whom) return true;
    const auto found = interest_.find(std::string{channel});
    return found != interest_.end() && !found->second.subscribed;
}

bool redis_link::all_live() const noexcept {
    if (cluster_ && !cluster_->table.complete()) return false;
    return std::ranges::all_of(branches_, [](const auto& each) { return each->up().live(); });
}

// --- calls that a node has not carried out

// True: it is not answered yet.
bool redis_link::redirected(const branch& from, std::uint64_t number, const resp::node& said) {
    const auto leads =
        carillon::discovery::is_error(said) ? carillon::discovery::redirection_of(said.text) : std::nullopt;
    const ledger::call* const again = leads ? call_of(number) : nullptr;
    if (again == nullptr) {
        cluster_->sent_on.done(number);
        return leads.has_value(); // nobody waits for it any more
    }
    ++cluster_->redirects;
    cluster_->pace.wish();
    watch_.cancel();
    place where = leads->where;
    if (where.host.empty()) where.host = from.leads().server().host;
    const auto there = cluster_->table.at(where);
    branch* const to = there ? branch_of(*there) : nullptr;
    const bool known = to != nullptr && to->up().takes(again->bytes() + call_overhead_bytes);
    switch (cluster_->sent_on.on_redirected(number, leads->what, known, clock::now())) {
    case detours::verdict::follow:
        if (leads->what == redirection::kind::asked) {
            const std::string_view asking = "ASKING";
            to->up().call(nobody, {&asking, 1}, clock::now());
        }
        send_call(*to, number, *again, false);
        break;
    case detours::verdict::wait: break;
    case detours::verdict::give_up: fail_call(number, error::away); break;
    }
    return true;
}

void redis_link::repeat_calls(clock::time_point now) {
    if (!cluster_) return;
    while (const auto number = cluster_->sent_on.due(now)) {
        const ledger::call* const again = call_of(*number);
        if (again == nullptr) {
            cluster_->sent_on.done(*number);
            continue;
        }
        branch* const to = home_of(*again);
        if (to != nullptr && to->up().takes(again->bytes() + call_overhead_bytes)) {
            send_call(*to, *number, *again, false);
        } else if (cluster_->sent_on.on_lost(*number, now) == detours::verdict::give_up) {
            fail_call(*number, error::away);
        }
    }
}

// --- what is where

asio::awaitable<void> redis_link::watch_cluster() {
    while (!stopping_) {
        look_at_kept(clock::now()); // what the branches do, once there are any
        if (cluster_->pace.due() > clock::now()) {
            watch_.expires_at(cluster_->pace.due());
            auto [interrupted] = co_await watch_.async_wait(no_throw);
            (void)interrupted;
            continue;
        }
        cluster_->pace.asked(clock::now());
        std::string failed = co_await ask_cluster();
        cluster_->failure = std::move(failed);
        cluster_->pace.answered(clock::now());
        if (stopping_) break;
        if (all_live()) {
            cluster_->told_failure.clear();
            continue;
        }
        cluster_->pace.wish();
        if (cluster_->failure.empty() || cluster_->failure == cluster_->told_failure) continue;
        cluster_->told_failure = cluster_->failure;
        if (told_) told_(false, cluster_->failure);
    }
}

// First whoever has answered last; then the others, until one knows as much as is known already. If all that answer
// know less, the cluster has been made anew, and whoever knows most of them is believed.
asio::awaitable<std::string> redis_link::ask_cluster() {
    const std::vector<place> nodes = cluster_->nodes;
    std::string why;
    topology best;
    for (std::size_t asked = 0; asked < std::min(nodes.size(), asked_max) && !stopping_; ++asked) {
        const std::size_t which = (cluster_->first + asked) % nodes.size();
        cluster_talk talk{{options_.upstream.user, options_.upstream.password}, nodes[which]};
        const asker::hearing heard = [&talk](std::string_view bytes) { return talk.on_received(bytes); };
        const auto until = clock::now() + options_.upstream.reply_timeout;
        const std::string unheard = co_await watcher_.ask(nodes[which], talk.question(), heard, until);
        std::string refused = unheard.empty() ? talk.why() : unheard;
        const std::size_t primaries = talk.said().primaries();
        if (refused.empty() && primaries > options_.where.cluster.primaries_max)
            refused =
                "the cluster has " + std::to_string(primaries) + " primaries, more than bus_cluster_primaries_max";
        if (!refused.empty()) {
            why = "the cluster's node at " + to_string(nodes[which]) + ": " + refused;
            continue;
        }
        if (!best.ranges.empty() && talk.said().epoch <= best.epoch) continue;
        best = talk.said();
        cluster_->first = which;
        if (best.epoch >= cluster_->epoch) break;
    }
    if (best.ranges.empty()) {
        cluster_->first = (cluster_->first + asked_max) % nodes.size();
        co_return why;
    }
    if (!stopping_) rearrange(best);
    co_return std::string{};
}

void redis_link::rearrange(const topology& said) {
    std::erase_if(cluster_->closed, [](const auto& each) { return each->ended(); });
    ++cluster_->topologies;
    cluster_->epoch = said.epoch;
    const place last = cluster_->nodes[cluster_->first];
    cluster_->nodes = said.nodes;
    for (const place& each : options_.where.cluster.nodes)
        if (std::ranges::find(cluster_->nodes, each) == cluster_->nodes.end()) cluster_->nodes.push_back(each);
    const auto again = std::ranges::find(cluster_->nodes, last);
    cluster_->first =
        again == cluster_->nodes.end() ? 0 : static_cast<std::size_t>(std::distance(cluster_->nodes.begin(), again));

    const slot_table::change made = cluster_->table.take(said);
    for (const auto& [who, where] : made.opened) {
        whereabouts its = options_.where;
        its.server = where;
        branches_.push_back(made_branch(who, its));
        branches_.back()->start();
    }
    for (const auto& [who, where] : made.led_elsewhere) branch_of(who)->lead_to(where);
    if (made.moved.any()) move(made.moved);
    for (const slot_table::id who : made.closed) close(who);
    note_state();
}

// Streams first: what they know of a channel's place is what the new branch catches up from.
void redis_link::move(const slot_table::slot_set& moved) {
    const auto is_moved = [&](std::string_view channel) { return moved.test(carillon::discovery::home_slot(channel)); };
    if (streams_) streams_->on_away(is_moved);
    for (auto& [name, interest] : interest_) {
        if (!is_moved(name) || is_reserved(name)) continue;
        interest.forget_answer();
        settle(name, interest.at, interest.is_wildcard);
    }
    for (std::size_t i = 0; i < node_channels_.size(); ++i) settle(node_channels_[i], nodes_at_[i]);
}

void redis_link::close(std::uint32_t number) {
    const auto found = std::ranges::find(branches_, number, [](const auto& each) { return each->number(); });
    std::unique_ptr<branch> its = std::move(*found);
    branches_.erase(found);
    its->close();
    probes_.erase(number);
    add(cluster_->counted, its->up().counts());
    cluster_->failovers += its->failovers();
    cluster_->closed.push_back(std::move(its));
}

} // namespace carillon::redis
