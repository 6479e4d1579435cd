#include "protocol/payload.hpp"
#include "protocol/reply.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>

// proto/vectors/messages.json holds every message that protocol/reply.hpp can write.

namespace carillon::protocol {
namespace {

namespace json = boost::json;

std::string text_of(const json::value& value) {
    const json::string& text = value.as_string();
    return {text.data(), text.size()};
}

std::string text(const json::object& from, std::string_view name) { return text_of(from.at(name)); }

std::uint32_t number(const json::object& from, std::string_view name) {
    return from.at(name).to_number<std::uint32_t>();
}

std::string client_info(const json::object& with) {
    std::string info;
    if (const json::value* const whose = with.if_contains("info")) {
        const std::string user = text(whose->as_object(), "user"), client = text(whose->as_object(), "client");
        append_client_info(info, {user, client});
    }
    return info;
}

using writer = std::function<void(std::string&, const json::object&)>;

const std::map<std::string, writer>& writers() {
    static const std::map<std::string, writer> all{
        {"connect",
         [](std::string& out, const json::object& with) {
             const std::string client = text(with, "client"), version = text(with, "version");
             append_connect_reply(out, number(with, "id"),
                                  {.client = client,
                                   .version = version,
                                   .ping = std::chrono::seconds{number(with, "ping")},
                                   .pong = with.at("pong").as_bool()});
         }},
        {"empty", [](std::string& out,
                     const json::object& with) { append_empty_reply(out, number(with, "id"), text(with, "method")); }},
        {"subscribe",
         [](std::string& out, const json::object& with) {
             append_subscribe_reply(out, number(with, "id"), {.was_recovering = with.at("was_recovering").as_bool()});
         }},
        {"error",
         [](std::string& out, const json::object& with) {
             append_error_reply(out, number(with, "id"), static_cast<command_error>(number(with, "code")));
         }},
        {"publication",
         [](std::string& out, const json::object& with) {
             append_publication(out, text(with, "channel"), {.data = text(with, "data"), .info = client_info(with)});
         }},
        {"text_publication",
         [](std::string& out, const json::object& with) {
             append_publication(out, text(with, "channel"),
                                {.data = text(with, "text"), .is_json = false, .info = client_info(with)});
         }},
        {"unsubscribe",
         [](std::string& out, const json::object& with) {
             append_unsubscribe_push(out, text(with, "channel"), static_cast<unsubscription>(number(with, "code")),
                                     text(with, "reason"));
         }},
        {"ping", [](std::string& out, const json::object&) { out += ping_line; }},
    };
    return all;
}

const json::array& vectors() {
    static const json::value all = [] {
        std::ifstream file{CARILLON_MESSAGES, std::ios::binary};
        return json::parse(std::string{std::istreambuf_iterator<char>{file}, {}});
    }();
    return all.as_array();
}

TEST(vectors, are_what_is_written) {
    for (const json::value& each : vectors()) {
        const json::object& vector = each.as_object();
        const auto write = writers().find(text(vector, "message"));
        ASSERT_NE(write, writers().end()) << text(vector, "message");
        // What is there already stays: lines are appended.
        std::string written = "before";
        write->second(written, vector.at("with").as_object());
        EXPECT_EQ(written, "before" + text(vector, "line")) << text(vector, "name");
    }
}

TEST(vectors, are_lines_of_json_with_names_of_their_own) {
    std::set<std::string> names;
    for (const json::value& each : vectors()) {
        const json::object& vector = each.as_object();
        EXPECT_TRUE(names.insert(text(vector, "name")).second) << text(vector, "name");
        const std::string line = text(vector, "line");
        EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos) << line;
        EXPECT_TRUE(line.starts_with('{') && is_json(line)) << line;
    }
}

TEST(vectors, cover_every_message_and_every_code) {
    std::set<std::string> messages;
    std::set<std::uint32_t> errors, endings;
    for (const json::value& each : vectors()) {
        const json::object& vector = each.as_object();
        const std::string message = text(vector, "message");
        messages.insert(message);
        if (message == "error") errors.insert(number(vector.at("with").as_object(), "code"));
        if (message == "unsubscribe") endings.insert(number(vector.at("with").as_object(), "code"));
    }
    for (const auto& [message, write] : writers()) EXPECT_TRUE(messages.contains(message)) << message;
    for (auto code = static_cast<std::uint32_t>(command_error::internal);
         code <= static_cast<std::uint32_t>(command_error::concurrent_pagination); ++code) {
        EXPECT_TRUE(errors.contains(code)) << code;
    }
    for (const auto code : {unsubscription::by_server, unsubscription::insufficient_state})
        EXPECT_TRUE(endings.contains(static_cast<std::uint32_t>(code))) << static_cast<std::uint32_t>(code);
}

} // namespace
} // namespace carillon::protocol
