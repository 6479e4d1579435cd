#include "metrics/process_facts.hpp"
#include "orders/server_api.hpp"
#include "shards/survey.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

// The commands of the server API that are about everybody who is connected. Shards are asked for a part at a time, so
// that none of them does more in one turn than it may.
namespace carillon::orders {

namespace asio = boost::asio;

namespace {

// Where a page ends, and the next begins: "2.4711", a shard and a place in its slab.
struct place {
    std::size_t shard = 0;
    std::uint32_t index = 0;
};

std::optional<place> place_in(std::string_view cursor) {
    place where;
    if (cursor.empty()) return where;
    const char* const end = cursor.data() + cursor.size();
    const auto shard = std::from_chars(cursor.data(), end, where.shard);
    if (shard.ec != std::errc{} || shard.ptr == end || *shard.ptr != '.') return std::nullopt;
    const auto index = std::from_chars(shard.ptr + 1, end, where.index);
    if (index.ec != std::errc{} || index.ptr != end || where.index == net::no_index) return std::nullopt;
    return where;
}

template <class Entry>
struct part {
    std::vector<Entry> entries{};
    std::uint32_t next = net::no_index;
    std::optional<std::uint64_t> told{}; // before anybody was looked at
};

} // namespace

asio::awaitable<api::reply> server_api::describe_node() {
    std::function<metrics::shard_counters(shards::shard&)> question = [](shards::shard& of) { return of.snapshot(); };
    const auto said = co_await ask_shards<metrics::shard_counters>(*context_, *shards_, patience_, std::move(question));
    api::node_info node{.uid = uid_, .name = name_, .version = CARILLON_VERSION};
    for (const auto& each : said) {
        if (!each) co_return api::error::internal;
        node.clients += static_cast<std::uint64_t>(each->connections_open(metrics::connection_kind::websocket));
        node.channels += static_cast<std::uint64_t>(each->channels);
        node.subscriptions += static_cast<std::uint64_t>(each->subscriptions);
    }
    const auto users = co_await count_users();
    if (!users) co_return api::error::internal;
    node.users = *users;
    const auto uptime = std::chrono::steady_clock::now() - started_;
    node.uptime_s = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(uptime).count());
    node.resident_bytes = metrics::read_process_facts(0, 0).resident_memory_bytes;
    co_return api::info_result{{node}};
}

// None: a shard has not answered in time.
asio::awaitable<std::optional<std::uint64_t>> server_api::count_users() {
    using some = part<std::size_t>;
    boost::unordered_flat_set<std::size_t> all;
    for (const auto& each : *shards_) {
        for (std::uint32_t at = 0; at != net::no_index;) {
            std::function<some(shards::shard&)> question = [at](shards::shard& of) {
                some found;
                found.next = of.list_users(at, found.entries);
                return found;
            };
            std::vector<shards::shard*> one{each.get()};
            const auto said = co_await ask_these<some>(*context_, std::move(one), patience_, std::move(question));
            if (!said[0]) co_return std::nullopt;
            all.insert(said[0]->entries.begin(), said[0]->entries.end());
            at = said[0]->next;
        }
    }
    co_return all.size();
}

// A connection that is there from the first page to the last is on exactly one of them: its place stays the same.
asio::awaitable<api::reply> server_api::list_connections(const api::connections_request& asked) {
    using some = part<api::connection_info>;
    auto at = place_in(asked.cursor);
    if (!at) co_return api::error::bad_request;
    const std::size_t most = asked.limit == 0 ? connections_max_ : std::min<std::size_t>(asked.limit, connections_max_);
    api::connections_result page{.node = name_, .boot = uid_};
    while (at->shard < shards_->size() && page.connections.size() < most) {
        std::function<some(shards::shard&)> question = [from = at->index, user = asked.user,
                                                        left = most - page.connections.size()](shards::shard& of) {
            some found;
            found.told = of.last_told();
            found.next = of.list_connections(from, user, left, found.entries);
            return found;
        };
        std::vector<shards::shard*> one{(*shards_)[at->shard].get()};
        auto said = co_await ask_these<some>(*context_, std::move(one), patience_, std::move(question));
        if (!said[0]) co_return api::error::internal;
        if (!page.number) page.number = said[0]->told;
        std::ranges::move(said[0]->entries, std::back_inserter(page.connections));
        at = said[0]->next == net::no_index ? place{at->shard + 1, 0} : place{at->shard, said[0]->next};
    }
    if (at->shard < shards_->size()) page.next = std::to_string(at->shard) + '.' + std::to_string(at->index);
    co_return page;
}

} // namespace carillon::orders
