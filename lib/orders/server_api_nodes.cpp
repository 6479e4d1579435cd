#include "orders/server_api.hpp"
#include "shards/channel_page.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

// What the server API asks of all gateways that share a bus, and what they answer.
namespace carillon::orders {

namespace asio = boost::asio;

namespace {

constexpr char cursor_mark = '/'; // between a gateway and a place in it

const std::string to_all; // names no gateway

std::size_t bytes_of(const api::reply& what) {
    constexpr std::size_t around = 256; // of a message between gateways
    std::string text;
    api::append_reply(text, what);
    return text.size() + around;
}

// Fewer entries than `had`, so that they fit.
std::uint32_t fewer(std::size_t had, std::size_t bytes, std::size_t bytes_max) {
    return static_cast<std::uint32_t>(std::max<std::size_t>(1, std::min(had - 1, had * bytes_max / bytes * 3 / 4)));
}

} // namespace

// --- what this one answers

// As one that its own back end has asked; a list as far as it fits into a message.
asio::awaitable<api::reply> server_api::carry_out_for_node(api::command what) {
    api::reply said = api::error::not_found;
    if (std::holds_alternative<api::info_request>(what)) {
        said = co_await describe_node();
    } else if (auto* const channels = std::get_if<api::channels_request>(&what)) {
        for (;;) {
            said = co_await list_channels(*channels);
            const auto* page = std::get_if<api::channels_result>(&said);
            const std::size_t bytes = bytes_of(said);
            if (page == nullptr || bytes <= node_bytes_max_ || page->channels.size() == 1) break;
            channels->limit = fewer(page->channels.size(), bytes, node_bytes_max_);
        }
    } else if (auto* const connections = std::get_if<api::connections_request>(&what)) {
        for (;;) {
            said = co_await list_connections(*connections);
            const auto* page = std::get_if<api::connections_result>(&said);
            const std::size_t bytes = bytes_of(said);
            if (page == nullptr || bytes <= node_bytes_max_ || page->connections.size() == 1) break;
            connections->limit = fewer(page->connections.size(), bytes, node_bytes_max_);
        }
    } else if (can_be_ordered(what)) {
        said = co_await order_here(what);
    }
    co_return said;
}

// --- what all are asked

asio::awaitable<nodes::exchange::tally> server_api::ask_nodes(api::command what, std::string uid) {
    const bool all_of_them = uid.empty();
    nodes::exchange::tally all = co_await nodes_->ask(std::move(what), std::move(uid));
    if (all.too_many) spdlog::warn("too many orders to gateways are under way");
    if (all_of_them && !all.too_many && !all.all())
        spdlog::warn("{} of {} nodes answered in time", all.said.size(), all.asked);
    co_return all;
}

asio::awaitable<api::reply> server_api::order_everywhere(const api::command& what) {
    if (nodes_ == nullptr) {
        api::reply said = co_await order_here(what);
        co_return said;
    }
    api::command copy = what;
    const nodes::exchange::tally all = co_await ask_nodes(std::move(copy), to_all);
    if (all.asked == 0 && !all.too_many) {
        // The bus is away: this one does it, and whoever asks must ask again for the others.
        api::reply said = co_await order_here(what);
        co_return api::error::internal;
    }
    if (!all.all()) co_return api::error::internal;
    for (const nodes::answer& each : all.said) {
        // One of another version that does not know it has not done it.
        if (std::holds_alternative<api::error>(each.said)) co_return each.said;
    }
    co_return api::done{};
}

asio::awaitable<api::reply> server_api::describe_everybody() {
    if (nodes_ == nullptr) {
        api::reply said = co_await describe_node();
        co_return said;
    }
    api::command what{api::info_request{}};
    nodes::exchange::tally all = co_await ask_nodes(std::move(what), to_all);
    api::info_result found;
    for (nodes::answer& each : all.said) {
        if (auto* const its = std::get_if<api::info_result>(&each.said))
            std::ranges::move(its->nodes, std::back_inserter(found.nodes));
    }
    std::ranges::sort(found.nodes, {}, &api::node_info::name);
    if (!all.all() || found.nodes.size() < all.asked) co_return api::error::internal;
    co_return found;
}

asio::awaitable<api::reply> server_api::list_channels_everywhere(api::channels_request asked) {
    const std::size_t most = asked.limit == 0 ? channels_max_ : std::min<std::size_t>(asked.limit, channels_max_);
    if (nodes_ == nullptr || asked.pattern.size() > channel_bytes_max_ || asked.after.size() > channel_bytes_max_) {
        api::reply said = co_await list_channels(asked);
        co_return said;
    }
    api::command what{std::move(asked)};
    nodes::exchange::tally all = co_await ask_nodes(std::move(what), to_all);
    if (!all.all()) co_return api::error::internal;
    std::vector<shards::channel_counts> lists;
    std::optional<std::string> known_up_to; // of all
    for (nodes::answer& each : all.said) {
        auto* const page = std::get_if<api::channels_result>(&each.said);
        if (page == nullptr) co_return api::error::internal; // a list with holes is none
        if (page->more && (!known_up_to || page->channels.back().first < *known_up_to))
            known_up_to = page->channels.back().first;
        lists.push_back(std::move(page->channels));
    }
    api::channels_result page;
    page.channels = shards::merge_channels(lists, most, page.more);
    if (!known_up_to) co_return page;
    page.more = true;
    std::erase_if(page.channels, [&](const auto& each) { return each.first > *known_up_to; });
    co_return page;
}

// One gateway after the other, in the order of their names: each page is of one of them, and says of which.
asio::awaitable<api::reply> server_api::list_connections_everywhere(api::connections_request asked) {
    if (nodes_ == nullptr) {
        api::reply said = co_await list_connections(asked);
        co_return said;
    }
    const std::size_t mark = asked.cursor.find(cursor_mark);
    if (!asked.cursor.empty() && mark == std::string::npos) co_return api::error::bad_request;
    std::optional<std::string> uid = asked.cursor.substr(0, asked.cursor.empty() ? 0 : mark);
    asked.cursor.erase(0, asked.cursor.empty() ? 0 : mark + 1);
    if (uid->empty()) {
        std::optional<std::string> first = co_await node_after(to_all);
        uid = std::move(first);
        if (uid && uid->empty()) uid.reset();
    }
    for (;;) {
        if (!uid) co_return api::error::internal;
        if (uid->empty()) co_return api::connections_result{}; // the rest has gone
        const std::string here = *uid;
        api::reply said = co_await list_connections_of(here, asked);
        auto* const page = std::get_if<api::connections_result>(&said);
        if (page == nullptr) co_return said;
        asked.cursor.clear();
        if (!page->next.empty()) {
            page->next = *uid + cursor_mark + page->next;
            co_return said;
        }
        std::optional<std::string> next = co_await node_after(here);
        uid = std::move(next);
        if (!uid) co_return api::error::internal;
        if (!uid->empty()) page->next = *uid + cursor_mark;
        if (uid->empty() || !page->connections.empty()) co_return said;
    }
}

// Of one that has gone: nobody.
asio::awaitable<api::reply> server_api::list_connections_of(std::string uid, api::connections_request asked) {
    if (uid == uid_) {
        api::reply said = co_await list_connections(asked);
        co_return said;
    }
    api::command what{std::move(asked)};
    nodes::exchange::tally its = co_await ask_nodes(std::move(what), std::move(uid));
    if (its.too_many || (its.asked > 0 && its.said.empty())) co_return api::error::internal;
    if (its.asked == 0) co_return api::connections_result{};
    co_return std::move(its.said.front().said);
}

// The name of the next gateway; empty: there is none; nothing: it is not known.
asio::awaitable<std::optional<std::string>> server_api::node_after(std::string uid) {
    api::command what{api::connections_request{.limit = 1}};
    const nodes::exchange::tally all = co_await ask_nodes(std::move(what), to_all);
    if (!all.all()) co_return std::nullopt;
    std::string next;
    for (const nodes::answer& each : all.said) {
        if (each.from > uid && (next.empty() || each.from < next)) next = each.from;
    }
    co_return next;
}

} // namespace carillon::orders
