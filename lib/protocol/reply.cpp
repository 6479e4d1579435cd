#include "protocol/reply.hpp"

#include "protocol/payload.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace carillon::protocol {

namespace {

void append_number(std::string& out, std::uint64_t number) {
    const fmt::format_int digits{number};
    out.append(digits.data(), digits.size());
}

// Piece by piece: reading a format string costs more than all the rest of a reply.
void append_reply_head(std::string& out, std::uint32_t id, std::string_view method) {
    out += R"({"id":)";
    append_number(out, id);
    out += R"(,")";
    out += method;
    out += R"(":{)";
}

void append_push_head(std::string& out, std::string_view channel, std::string_view what) {
    out += R"({"push":{"channel":)";
    append_json_string(out, channel);
    out += R"(,")";
    out += what;
    out += R"(":)";
}

void append_flag(std::string& out, std::string_view name) {
    if (out.back() != '{') out += ',';
    out += '"';
    out += name;
    out += R"(":true)";
}

// A member after others; an empty one is left out.
void append_text(std::string& out, std::string_view name, std::string_view text) {
    if (text.empty()) return;
    out += R"(,")";
    out += name;
    out += R"(":)";
    append_json_string(out, text);
}

// Members after others, or the first.
void append_time_left(std::string& out, time_left left) {
    if (!left) return;
    if (out.back() != '{') out += ',';
    out += R"("expires":true,"ttl":)";
    append_number(out, static_cast<std::uint64_t>(left->count()));
}

void append_data(std::string& out, std::string_view data) {
    if (data.empty()) return;
    if (out.back() != '{') out += ',';
    out += R"("data":)";
    append_one_line(out, data);
}

// §3.3
void append_stream_place(std::string& out, const stream_place& what) {
    append_flag(out, "recoverable");
    out += R"(,"epoch":)";
    append_json_string(out, what.epoch);
    if (!what.publications.empty()) {
        out += R"(,"publications":[)";
        out += what.publications;
        out += ']';
    }
    if (what.recovered) append_flag(out, "recovered");
    if (what.offset != 0) {
        out += R"(,"offset":)";
        append_number(out, what.offset);
    }
    append_flag(out, "positioned");
}

void append_subscription(std::string& out, const subscribe_result& what) {
    if (what.was_recovering) append_flag(out, "was_recovering");
    append_time_left(out, what.left);
    append_data(out, what.data);
    if (what.stream) append_stream_place(out, *what.stream);
    if (what.delta) append_flag(out, "delta");
}

// What a delta can be of: the JSON itself, whatever it is in.
void append_data_as_text(std::string& out, const publication& what) {
    if (!what.patch.empty()) return append_json_string(out, what.patch);
    if (what.is_json) return append_json_string(out, what.data);
    std::string quoted;
    append_json_string(quoted, what.data);
    append_json_string(out, quoted);
}

void append_subscriptions(std::string& out, std::span<const server_subscription> all) {
    out += R"(,"subs":{)";
    for (const server_subscription& each : all) {
        if (out.back() != '{') out += ',';
        append_json_string(out, each.channel);
        out += ":{";
        append_subscription(out, each.what);
        out += '}';
    }
    out += '}';
}

} // namespace

void append_connect_reply(std::string& out, std::uint32_t id, const connect_result& what) {
    append_reply_head(out, id, "connect");
    out += R"("client":")";
    out += what.client;
    out += R"(","version":")";
    out += what.version;
    out += '"';
    if (what.ping.count() > 0) {
        out += R"(,"ping":)";
        append_number(out, static_cast<std::uint64_t>(what.ping.count()));
    }
    if (what.pong) out += R"(,"pong":true)";
    append_time_left(out, what.left);
    append_data(out, what.data);
    if (!what.subscriptions.empty()) append_subscriptions(out, what.subscriptions);
    append_text(out, "session", what.session);
    append_text(out, "node", what.node);
    out += "}}";
}

void append_empty_reply(std::string& out, std::uint32_t id, std::string_view method) {
    append_reply_head(out, id, method);
    out += "}}";
}

void append_subscribe_reply(std::string& out, std::uint32_t id, const subscribe_result& what) {
    append_reply_head(out, id, "subscribe");
    append_subscription(out, what);
    out += "}}";
}

void append_refresh_reply(std::string& out, std::uint32_t id, std::string_view client, std::string_view version,
                          time_left left) {
    append_reply_head(out, id, "refresh");
    out += R"("client":")";
    out += client;
    out += R"(","version":")";
    out += version;
    out += '"';
    append_time_left(out, left);
    out += "}}";
}

void append_sub_refresh_reply(std::string& out, std::uint32_t id, time_left left) {
    append_reply_head(out, id, "sub_refresh");
    append_time_left(out, left);
    out += "}}";
}

void append_error_reply(std::string& out, std::uint32_t id, command_error code) {
    append_error_reply(out, id, static_cast<std::uint32_t>(code), message_of(code), is_temporary(code));
}

void append_error_reply(std::string& out, std::uint32_t id, std::uint32_t code, std::string_view message,
                        bool temporary) {
    append_reply_head(out, id, "error");
    out += R"("code":)";
    append_number(out, code);
    out += R"(,"message":)";
    append_json_string(out, message);
    if (temporary) out += R"(,"temporary":true)";
    out += "}}";
}

void append_rpc_reply(std::string& out, std::uint32_t id, std::string_view data) {
    append_reply_head(out, id, "rpc");
    append_data(out, data);
    out += "}}";
}

void append_history_reply(std::string& out, std::uint32_t id, const stream_position& top,
                          std::string_view publications) {
    append_reply_head(out, id, "history");
    out += R"("publications":[)";
    out += publications;
    out += R"(],"epoch":)";
    append_json_string(out, top.epoch);
    out += R"(,"offset":)";
    append_number(out, top.offset);
    out += "}}";
}

void append_listed_publication(std::string& out, const publication& what) {
    out += R"({"data":)";
    if (what.as_text) {
        append_data_as_text(out, what);
    } else if (what.is_json) {
        append_one_line(out, what.data);
    } else {
        append_json_string(out, what.data);
    }
    if (!what.info.empty()) {
        out += R"(,"info":)";
        out += what.info;
    }
    if (what.offset != 0) {
        out += R"(,"offset":)";
        append_number(out, what.offset);
    }
    if (!what.tags.empty()) {
        out += R"(,"tags":)";
        out += what.tags;
    }
    if (!what.patch.empty()) out += R"(,"delta":true)";
    if (what.offset == 1 && !what.epoch.empty()) {
        out += R"(,"epoch":)";
        append_json_string(out, what.epoch);
    }
    if (!what.to.empty()) {
        out += R"(,"channel":)";
        append_json_string(out, what.to);
    }
    out += '}';
}

void append_publication(std::string& out, std::string_view channel, const publication& what) {
    append_push_head(out, channel, "pub");
    append_listed_publication(out, what);
    out += "}}";
}

void append_join_push(std::string& out, std::string_view channel, std::string_view info) {
    append_push_head(out, channel, "join");
    out += R"({"info":)";
    out += info;
    out += "}}}";
}

void append_leave_push(std::string& out, std::string_view channel, std::string_view info) {
    append_push_head(out, channel, "leave");
    out += R"({"info":)";
    out += info;
    out += "}}}";
}

void append_presence_entry(std::string& list, std::string_view client, std::string_view info) {
    if (!list.empty()) list += ',';
    list += '"';
    list += client;
    list += R"(":)";
    list += info;
}

void append_presence_reply(std::string& out, std::uint32_t id, std::string_view clients) {
    append_reply_head(out, id, "presence");
    out += R"("presence":{)";
    out += clients;
    out += "}}}";
}

void append_presence_stats_reply(std::string& out, std::uint32_t id, std::size_t clients, std::size_t users) {
    append_reply_head(out, id, "presence_stats");
    out += R"("num_clients":)";
    append_number(out, clients);
    out += R"(,"num_users":)";
    append_number(out, users);
    out += "}}";
}

void append_unsubscribe_push(std::string& out, std::string_view channel, unsubscription code, std::string_view reason) {
    append_push_head(out, channel, "unsubscribe");
    out += R"({"code":)";
    append_number(out, static_cast<std::uint32_t>(code));
    out += R"(,"reason":)";
    append_json_string(out, reason);
    out += "}}}";
}

void append_subscribe_push(std::string& out, std::string_view channel, const subscribe_result& what) {
    append_push_head(out, channel, "subscribe");
    out += '{';
    append_subscription(out, what);
    out += "}}}";
}

void append_refresh_push(std::string& out, time_left left) {
    out += R"({"push":{"refresh":{)";
    append_time_left(out, left);
    out += "}}}";
}

void append_disconnect_push(std::string& out, std::uint32_t code, std::string_view reason) {
    out += R"({"push":{"disconnect":{"code":)";
    append_number(out, code);
    out += R"(,"reason":)";
    append_json_string(out, reason);
    out += "}}}";
}

void append_client_info(std::string& out, const client_info& who) {
    out += R"({"user":)";
    append_json_string(out, who.user);
    out += R"(,"client":)";
    append_json_string(out, who.client);
    if (!who.conn_info.empty()) {
        out += R"(,"conn_info":)";
        append_one_line(out, who.conn_info);
    }
    if (!who.chan_info.empty()) {
        out += R"(,"chan_info":)";
        append_one_line(out, who.chan_info);
    }
    out += '}';
}

} // namespace carillon::protocol
