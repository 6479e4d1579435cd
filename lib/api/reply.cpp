#include "api/reply.hpp"

#include "protocol/payload.hpp"
#include "protocol/reply.hpp"

#include <fmt/format.h>

#include <iterator>

namespace carillon::api {

namespace {

void append_result(std::string& out, const done&) { out += "{}"; }

void append_result(std::string& out, const published& what) {
    out += '{';
    if (what.at.offset != 0)
        fmt::format_to(std::back_inserter(out), R"("offset":{},"epoch":"{}")", what.at.offset, what.at.epoch.view());
    if (what.receivers)
        fmt::format_to(std::back_inserter(out), R"({}"receivers":{})", what.at.offset != 0 ? "," : "", *what.receivers);
    out += '}';
}

template <class Each, class Append>
void append_list(std::string& out, const std::vector<Each>& all, Append&& append) {
    bool first = true;
    for (const Each& each : all) {
        if (!std::exchange(first, false)) out += ',';
        append(each);
    }
}

void append_result(std::string& out, const broadcast_result& what) {
    out += R"({"responses":[)";
    append_list(out, what.responses,
                [&](const outcome& each) { std::visit([&](const auto& how) { append_reply(out, how); }, each); });
    out += "]}";
}

void append_result(std::string& out, const history_result& what) {
    out += R"({"publications":[)";
    if (what.publications != nullptr) {
        const streams::batch& all = *what.publications;
        for (std::size_t i = 0; i < all.publications.size(); ++i) {
            const streams::draft each = all.publications[i]->view();
            if (i > 0) out += ',';
            protocol::append_listed_publication(out,
                                                {each.payload, each.is_json, each.info, each.tags, all.offset_of(i)});
        }
    }
    fmt::format_to(std::back_inserter(out), R"(],"offset":{},"epoch":"{}"}})", what.top.offset, what.top.epoch.view());
}

void append_result(std::string& out, const presence_result& what) {
    out += R"({"presence":{)";
    append_list(out, what.clients, [&](const auto& each) {
        protocol::append_json_string(out, each.first);
        out += ':';
        out += each.second;
    });
    out += "}}";
}

void append_result(std::string& out, const presence_stats_result& what) {
    fmt::format_to(std::back_inserter(out), R"({{"num_clients":{},"num_users":{}}})", what.clients, what.users);
}

void append_result(std::string& out, const channels_result& what) {
    out += R"({"channels":{)";
    append_list(out, what.channels, [&](const auto& each) {
        protocol::append_json_string(out, each.first);
        fmt::format_to(std::back_inserter(out), R"(:{{"num_clients":{}}})", each.second);
    });
    out += '}';
    if (what.more && !what.channels.empty()) {
        out += R"(,"next":)";
        protocol::append_json_string(out, what.channels.back().first);
    }
    out += '}';
}

void append_node(std::string& out, const node_info& node) {
    out += R"({"uid":)";
    protocol::append_json_string(out, node.uid);
    out += R"(,"name":)";
    protocol::append_json_string(out, node.name);
    out += R"(,"version":)";
    protocol::append_json_string(out, node.version);
    fmt::format_to(std::back_inserter(out),
                   R"(,"num_clients":{},"num_users":{},"num_channels":{},"num_subs":{},"uptime":{},)"
                   R"("process":{{"rss":{}}}}})",
                   node.clients, node.users, node.channels, node.subscriptions, node.uptime_s, node.resident_bytes);
}

void append_result(std::string& out, const info_result& what) {
    out += R"({"nodes":[)";
    append_list(out, what.nodes, [&](const node_info& each) { append_node(out, each); });
    out += "]}";
}

void append_text(std::string& out, std::string_view name, std::string_view text) {
    out += name;
    protocol::append_json_string(out, text);
}

void append_result(std::string& out, const connections_result& what) {
    append_text(out, R"({"node":)", what.node);
    append_text(out, R"(,"boot":)", what.boot);
    if (what.number) fmt::format_to(std::back_inserter(out), R"(,"number":{})", *what.number);
    out += R"(,"connections":[)";
    append_list(out, what.connections, [&](const connection_info& each) {
        append_text(out, R"({"client":)", each.client);
        append_text(out, R"(,"user":)", each.user);
        out += R"(,"transport":")";
        out += each.transport;
        out += '"';
        if (!each.address.empty()) append_text(out, R"(,"address":)", each.address);
        out += R"(,"channels":[)";
        append_list(out, each.channels, [&](const std::string& name) { protocol::append_json_string(out, name); });
        out += "]}";
    });
    out += ']';
    if (!what.next.empty()) append_text(out, R"(,"next":)", what.next);
    out += '}';
}

} // namespace

void append_error(std::string& out, error what) {
    fmt::format_to(std::back_inserter(out), R"({{"code":{},"message":"{}"}})", static_cast<std::uint32_t>(what),
                   message_of(what));
}

void append_batch_reply(std::string& out, std::string_view method, const reply& what) {
    const bool failed = std::holds_alternative<error>(what);
    fmt::format_to(std::back_inserter(out), R"({{"{}":)", failed ? "error" : method);
    if (failed) {
        append_error(out, std::get<error>(what));
    } else {
        std::visit(
            [&]<class How>(const How& how) {
                if constexpr (!std::is_same_v<How, error>) append_result(out, how);
            },
            what);
    }
    out += '}';
}

void append_reply(std::string& out, const reply& what) { append_batch_reply(out, "result", what); }

} // namespace carillon::api
