#include "nodes/read_answer.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace carillon::nodes {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr auto good = simdjson::SUCCESS;

std::string text_in(ondemand::object& from, std::string_view name) {
    std::string_view text;
    return from[name].get_string().get(text) == good ? std::string{text} : std::string{};
}

std::uint64_t number_in(ondemand::object& from, std::string_view name) {
    std::uint64_t number = 0;
    return from[name].get_uint64().get(number) == good ? number : 0;
}

// Of these, the one that is meant: transports are static texts.
std::string_view transport_named(std::string_view name) {
    constexpr std::array<std::string_view, 6> known{"websocket",     "sse",     "http_stream",
                                                    "uni_websocket", "uni_sse", "uni_http_stream"};
    for (const std::string_view each : known) {
        if (each == name) return each;
    }
    return "other";
}

template <class Take>
void each_object(ondemand::array list, Take&& take) {
    for (auto each : list) {
        ondemand::object its;
        if (each.get_object().get(its) != good) return;
        take(its);
    }
}

api::info_result info_in(ondemand::array list) {
    api::info_result all;
    each_object(list, [&](ondemand::object& its) {
        api::node_info& node = all.nodes.emplace_back();
        node.uid = text_in(its, "uid");
        node.name = text_in(its, "name");
        node.version = text_in(its, "version");
        node.clients = number_in(its, "num_clients");
        node.users = number_in(its, "num_users");
        node.channels = number_in(its, "num_channels");
        node.subscriptions = number_in(its, "num_subs");
        node.uptime_s = number_in(its, "uptime");
        ondemand::object process;
        if (its["process"].get_object().get(process) == good) node.resident_bytes = number_in(process, "rss");
    });
    return all;
}

api::channels_result channels_in(ondemand::object& result, ondemand::object list) {
    api::channels_result page;
    for (auto each : list) {
        std::string_view name;
        ondemand::object its;
        if (each.unescaped_key().get(name) != good) break;
        std::string copy{name};
        if (each.value().get_object().get(its) != good) break;
        page.channels.emplace_back(std::move(copy), number_in(its, "num_clients"));
    }
    page.more = !text_in(result, "next").empty();
    return page;
}

api::connections_result connections_in(ondemand::object& result, ondemand::array list) {
    api::connections_result page;
    each_object(list, [&](ondemand::object& its) {
        api::connection_info& one = page.connections.emplace_back();
        one.client = text_in(its, "client");
        one.user = text_in(its, "user");
        one.transport = transport_named(text_in(its, "transport"));
        ondemand::array names;
        if (its["channels"].get_array().get(names) != good) return;
        for (auto each : names) {
            std::string_view name;
            if (each.get_string().get(name) == good) one.channels.emplace_back(name);
        }
    });
    page.node = text_in(result, "node");
    page.boot = text_in(result, "boot");
    page.next = text_in(result, "next");
    std::uint64_t number = 0;
    if (result["number"].get_uint64().get(number) == good) page.number = number;
    return page;
}

} // namespace

api::reply read_reply(ondemand::object& from) {
    ondemand::object result;
    if (from["error"].get_object().get(result) == good) return api::error_of(number_in(result, "code"));
    if (from["result"].get_object().get(result) != good) return api::error::internal;
    ondemand::array list;
    ondemand::object names;
    if (result["nodes"].get_array().get(list) == good) return info_in(list);
    if (result["connections"].get_array().get(list) == good) return connections_in(result, list);
    if (result["channels"].get_object().get(names) == good) return channels_in(result, names);
    return api::done{};
}

} // namespace carillon::nodes
