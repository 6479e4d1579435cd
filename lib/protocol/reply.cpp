#include "protocol/reply.hpp"

#include "protocol/payload.hpp"

#include <fmt/format.h>

#include <iterator>

namespace carillon::protocol {

namespace {

void append_push_head(std::string& out, std::string_view channel) {
    out += R"({"push":{"channel":)";
    append_json_string(out, channel);
    out += R"(,"pub":{"data":)";
}

void append_push_tail(std::string& out, std::string_view info) {
    if (!info.empty()) {
        out += R"(,"info":)";
        out += info;
    }
    out += "}}}";
}

} // namespace

void append_connect_reply(std::string& out, std::uint32_t id, const connect_result& what) {
    fmt::format_to(std::back_inserter(out), R"({{"id":{},"connect":{{"client":"{}","version":"{}")", id, what.client,
                   what.version);
    if (what.ping.count() > 0) fmt::format_to(std::back_inserter(out), R"(,"ping":{})", what.ping.count());
    if (what.pong) out += R"(,"pong":true)";
    out += "}}";
}

void append_empty_reply(std::string& out, std::uint32_t id, std::string_view method) {
    fmt::format_to(std::back_inserter(out), R"({{"id":{},"{}":{{}}}})", id, method);
}

void append_error_reply(std::string& out, std::uint32_t id, command_error code) {
    fmt::format_to(std::back_inserter(out), R"({{"id":{},"error":{{"code":{},"message":"{}")", id,
                   static_cast<std::uint32_t>(code), message_of(code));
    if (is_temporary(code)) out += R"(,"temporary":true)";
    out += "}}";
}

void append_publication(std::string& out, std::string_view channel, std::string_view data, std::string_view info) {
    append_push_head(out, channel);
    append_one_line(out, data);
    append_push_tail(out, info);
}

void append_text_publication(std::string& out, std::string_view channel, std::string_view text, std::string_view info) {
    append_push_head(out, channel);
    append_json_string(out, text);
    append_push_tail(out, info);
}

void append_unsubscribe_push(std::string& out, std::string_view channel, unsubscription code, std::string_view reason) {
    out += R"({"push":{"channel":)";
    append_json_string(out, channel);
    fmt::format_to(std::back_inserter(out), R"(,"unsubscribe":{{"code":{},"reason":)",
                   static_cast<std::uint32_t>(code));
    append_json_string(out, reason);
    out += "}}}";
}

void append_client_info(std::string& out, std::string_view user, std::string_view client) {
    out += R"({"user":)";
    append_json_string(out, user);
    out += R"(,"client":)";
    append_json_string(out, client);
    out += '}';
}

} // namespace carillon::protocol
