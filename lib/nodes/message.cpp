#include "nodes/message.hpp"

#include "keys/base64.hpp"
#include "nodes/read_answer.hpp"
#include "protocol/payload.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <iterator>
#include <utility>

namespace carillon::nodes {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::uint64_t form = 1;

// Members of an object, each but the first behind a comma.
class members {
public:
    explicit members(std::string& out) : out_{out} { out_ += '{'; }
    members& text(std::string_view name, std::string_view what) {
        key(name);
        protocol::append_json_string(out_, what);
        return *this;
    }
    members& number(std::string_view name, std::int64_t what) { return json(name, std::to_string(what)); }
    members& json(std::string_view name, std::string_view what) {
        if (what.empty()) return *this;
        key(name);
        out_ += what;
        return *this;
    }
    void end() { out_ += '}'; }

private:
    void key(std::string_view name) {
        if (std::exchange(any_, true)) out_ += ',';
        fmt::format_to(std::back_inserter(out_), "\"{}\":", name);
    }
    std::string& out_;
    bool any_ = false;
};

members& whose(members& into, const api::whom& who) {
    return into.text("user", who.user).text("client", who.client).text("session", who.session);
}

// As the server API has them; one of these for each order that there is.
void append_members(members& all, const api::subscribe_request& it) {
    whose(all, it.who).text("channel", it.channel).json("info", it.info).json("data", it.data);
    if (it.recover_since) {
        std::string since;
        members position{since};
        position.json("offset", std::to_string(it.recover_since->first)).text("epoch", it.recover_since->second).end();
        all.json("recover_since", since);
    }
    all.number("expire_at", it.expire_at);
}

void append_members(members& all, const api::unsubscribe_request& it) {
    whose(all, it.who).text("channel", it.channel);
}

void append_members(members& all, const api::disconnect_request& it) {
    std::string list = "[";
    for (const std::string& each : it.whitelist) {
        if (list.size() > 1) list += ',';
        protocol::append_json_string(list, each);
    }
    std::string how;
    members closing{how};
    closing.number("code", it.code).text("reason", it.reason).end();
    whose(all, it.who).json("whitelist", list + "]").json("disconnect", how);
}

void append_members(members& all, const api::refresh_request& it) {
    whose(all, it.who).json("expired", it.expired ? "true" : "false").json("info", it.info);
    all.number("expire_at", it.expire_at);
}

void append_members(members& all, const api::channels_request& it) {
    all.text("pattern", it.pattern).text("after", it.after).number("limit", it.limit);
}

void append_members(members& all, const api::connections_request& it) {
    all.text("user", it.user).text("cursor", it.cursor).number("limit", it.limit);
}

void append_members(members&, const api::info_request&) {}

template <class Request>
concept ordered = requires(members& all, const Request& it) {
    append_members(all, it);
};

bool append_params(std::string& out, const api::command& what) {
    return std::visit(
        [&out]<class Request>(const Request& it) {
            if constexpr (ordered<Request>) {
                members all{out};
                append_members(all, it);
                all.end();
            }
            return ordered<Request>;
        },
        what);
}

template <class Into>
void read(ondemand::object& from, std::string_view name, Into& into) {
    if constexpr (std::is_same_v<Into, std::string>) {
        std::string_view text;
        if (from[name].get_string().get(text) == simdjson::SUCCESS) into = text;
    } else {
        std::uint64_t number = 0;
        if (from[name].get_uint64().get(number) == simdjson::SUCCESS) into = number;
    }
}

message read_saying(ondemand::object& from, std::string session) {
    saying what{.session = std::move(session), .data = {}};
    std::string coded;
    read(from, "data", what.data);
    if (!what.data.empty()) return what;
    read(from, "b64data", coded);
    auto bytes = keys::from_base64(coded);
    if (!bytes || bytes->empty()) return {};
    what.data = std::move(*bytes);
    return what;
}

message read_order(ondemand::object& from, order to, const std::string& method, api::decoder& with) {
    unknown_order unknown{std::move(to.from), to.number};
    ondemand::object params;
    std::string_view raw;
    if (!api::is_method(method) || method == "batch") return unknown;
    if (from["params"].get_object().get(params) != simdjson::SUCCESS) return unknown;
    if (params.raw_json().get(raw) != simdjson::SUCCESS) return unknown;
    auto made = with.decode(method, raw);
    auto* const asked = std::get_if<api::request>(&made);
    auto* const what = asked == nullptr ? nullptr : std::get_if<api::command>(asked);
    std::string unused;
    if (what == nullptr || !append_params(unused, *what)) return unknown;
    return order{std::move(unknown.from), unknown.number, std::move(*what)};
}

} // namespace

std::string text_of(const order& what) {
    std::string params;
    if (!append_params(params, what.what)) return {};
    std::string out;
    members all{out};
    all.json("v", std::to_string(form)).json("id", std::to_string(what.number)).text("node", what.from);
    all.text("method", api::method_of(what.what)).json("params", params).end();
    return out;
}

std::string text_of(const answer& what) {
    std::string said;
    api::append_reply(said, what.said);
    std::string out;
    members all{out};
    all.json("v", std::to_string(form)).json("id", std::to_string(what.number)).text("node", what.from);
    all.json("reply", said).end();
    return out;
}

std::string text_of(const saying& what) {
    std::string out;
    members all{out};
    all.json("v", std::to_string(form)).text("session", what.session);
    // A bus may take nothing but text.
    const bool is_text = protocol::is_utf8(what.data);
    all.text(is_text ? "data" : "b64data", is_text ? what.data : keys::to_base64(what.data)).end();
    return out;
}

message read_message(std::string_view text, api::decoder& with) {
    if (!protocol::is_json(text)) return {}; // simdjson looks at what it is asked for only
    ondemand::parser parser;
    const simdjson::padded_string padded{text};
    ondemand::document document;
    ondemand::object all;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS) return {};
    if (document.get_object().get(all) != simdjson::SUCCESS) return {};
    std::uint64_t version = 0;
    read(all, "v", version);
    if (version != form) return {};
    std::string session;
    std::string method;
    order to{};
    read(all, "session", session);
    if (!session.empty()) return read_saying(all, std::move(session));
    read(all, "id", to.number);
    read(all, "node", to.from);
    read(all, "method", method);
    if (to.number == 0 || to.from.empty()) return {};
    if (!method.empty()) return read_order(all, std::move(to), method, with);
    ondemand::object reply;
    if (all["reply"].get_object().get(reply) != simdjson::SUCCESS) return {};
    return answer{std::move(to.from), to.number, read_reply(reply)};
}

} // namespace carillon::nodes
