#include "protobuf/decoder.hpp"
#include "protobuf/encoder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <unistd.h>

namespace carillon::protobuf {
namespace {

using namespace protocol;

// What protoc makes of a message in text form: the schema's own opinion of the bytes.
std::string by_protoc(const std::string& type, const std::string& text) {
    const auto file = std::filesystem::temp_directory_path() / ("carillon-protoc-" + std::to_string(::getpid()));
    std::ofstream{file} << text;
    const std::string command = "protoc --encode=centrifugal.centrifuge.protocol." + type +
                                " -I " PROTO_FOLDER " client.proto <" + file.string();
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    std::string bytes;
    std::array<char, 4096> some;
    for (std::size_t size = 0; (size = std::fread(some.data(), 1, some.size(), pipe)) > 0;)
        bytes.append(some.data(), size);
    EXPECT_EQ(::pclose(pipe), 0) << command;
    std::filesystem::remove(file);
    return bytes;
}

// The one message that `made` is, without its length.
std::string undelimited(std::string_view made) {
    const auto one = next_delimited(made);
    EXPECT_TRUE(one && made.empty());
    return std::string{one.value_or(std::string_view{})};
}

struct row {
    const char* name;
    std::function<void(std::string&, const protocol::encoder&)> write;
    const char* reply; // in protoc's text form
};

const std::string info = R"({"user":"a\"b","client":"c","conn_info":{"x": [1]},"chan_info":"y"})";

std::string two_publications() {
    std::string list;
    protobuf::encoder().listed_publication(list, {.data = "1", .offset = 8});
    protobuf::encoder().listed_publication(list, {.data = "2", .info = info, .offset = 9});
    return list;
}

const row rows[] = {
    {"ping", [](std::string& out, const protocol::encoder& with) { with.ping(out); }, ""},
    {"connect",
     [](std::string& out, const protocol::encoder& with) {
         with.connect_reply(out, 1, {.client = "id", .version = "v", .ping = std::chrono::seconds{25}, .pong = true});
     },
     R"(id: 1 connect { client: "id" version: "v" ping: 25 pong: true })"},
    {"connect with everything",
     [](std::string& out, const protocol::encoder& with) {
         const server_subscription subs[] = {
             {"plain", {}}, {"stream", {.was_recovering = true, .stream = stream_place{.epoch = "e", .offset = 3}}}};
         with.connect_reply(out, 7,
                            {.client = "id",
                             .version = "v",
                             .left = std::chrono::seconds{60},
                             .subscriptions = subs,
                             .data = "{}",
                             .session = "s",
                             .node = "n"});
     },
     R"(id: 7 connect { client: "id" version: "v" expires: true ttl: 60 data: "{}" subs { key: "plain" value {} }
        subs { key: "stream" value { recoverable: true epoch: "e" offset: 3 positioned: true was_recovering: true } }
        session: "s" node: "n" })"},
    {"subscribe", [](std::string& out, const protocol::encoder& with) { with.subscribe_reply(out, 300, {}); },
     "id: 300 subscribe {}"},
    {"subscribe that has recovered",
     [](std::string& out, const protocol::encoder& with) {
         const std::string list = two_publications();
         with.subscribe_reply(
             out, 2,
             {.was_recovering = true,
              .left = std::chrono::seconds{1},
              .data = "[]",
              .stream = stream_place{.epoch = "ep", .offset = 7, .recovered = true, .publications = list}});
     },
     R"(id: 2 subscribe { expires: true ttl: 1 recoverable: true epoch: "ep" publications { data: "1" offset: 8 }
        publications { data: "2" info { user: "a\"b" client: "c" conn_info: "{\"x\": [1]}" chan_info: "\"y\"" } offset: 9 }
        recovered: true offset: 7 positioned: true data: "[]" was_recovering: true })"},
    {"unsubscribe",
     [](std::string& out, const protocol::encoder& with) {
         with.empty_reply(out, 3, protocol::encoder::empty_result::unsubscribe);
     },
     "id: 3 unsubscribe {}"},
    {"publish",
     [](std::string& out, const protocol::encoder& with) {
         with.empty_reply(out, 3, protocol::encoder::empty_result::publish);
     },
     "id: 3 publish {}"},
    {"error",
     [](std::string& out, const protocol::encoder& with) {
         with.error_reply(out, 4, command_error::too_many_requests);
     },
     R"(id: 4 error { code: 111 message: "too many requests" temporary: true })"},
    {"rpc", [](std::string& out, const protocol::encoder& with) { with.rpc_reply(out, 5, "null"); },
     R"(id: 5 rpc { data: "null" })"},
    {"rpc of nothing", [](std::string& out, const protocol::encoder& with) { with.rpc_reply(out, 5, {}); },
     "id: 5 rpc {}"},
    {"refresh",
     [](std::string& out, const protocol::encoder& with) {
         with.refresh_reply(out, 6, "c", "v", std::chrono::seconds{9});
     },
     R"(id: 6 refresh { client: "c" version: "v" expires: true ttl: 9 })"},
    {"sub_refresh",
     [](std::string& out, const protocol::encoder& with) { with.sub_refresh_reply(out, 6, std::nullopt); },
     "id: 6 sub_refresh {}"},
    {"history",
     [](std::string& out, const protocol::encoder& with) {
         const std::string list = two_publications();
         with.history_reply(out, 8, {.offset = 9, .epoch = "e"}, list);
     },
     R"(id: 8 history { publications { data: "1" offset: 8 }
        publications { data: "2" info { user: "a\"b" client: "c" conn_info: "{\"x\": [1]}" chan_info: "\"y\"" } offset: 9 }
        epoch: "e" offset: 9 })"},
    {"presence",
     [](std::string& out, const protocol::encoder& with) {
         std::string list;
         with.presence_entry(list, "c", R"({"user":"","client":"c"})");
         with.presence_reply(out, 9, list);
     },
     R"(id: 9 presence { presence { key: "c" value { client: "c" } } })"},
    {"presence_stats", [](std::string& out, const protocol::encoder& with) { with.presence_stats_reply(out, 9, 5, 4); },
     "id: 9 presence_stats { num_clients: 5 num_users: 4 }"},
    {"a publication",
     [](std::string& out, const protocol::encoder& with) {
         with.publication_push(out, "news",
                               {.data = R"({"a":1})", .tags = R"({"k":"\u00e9"})", .offset = 2, .epoch = "e"});
     },
     R"(push { channel: "news" pub { data: "{\"a\":1}" offset: 2 tags { key: "k" value: "é" } } })"},
    {"the first publication of a stream",
     [](std::string& out, const protocol::encoder& with) {
         with.publication_push(out, "news", {.data = "t", .is_json = false, .info = info, .offset = 1, .epoch = "e"});
     },
     R"(push { channel: "news" pub { data: "t" info { user: "a\"b" client: "c" conn_info: "{\"x\": [1]}"
        chan_info: "\"y\"" } offset: 1 epoch: "e" } })"},
    {"join",
     [](std::string& out, const protocol::encoder& with) { with.join_push(out, "c", R"({"user":"u","client":"i"})"); },
     R"(push { channel: "c" join { info { user: "u" client: "i" } } })"},
    {"leave",
     [](std::string& out, const protocol::encoder& with) { with.leave_push(out, "c", R"({"user":"u","client":"i"})"); },
     R"(push { channel: "c" leave { info { user: "u" client: "i" } } })"},
    {"unsubscribed by the server",
     [](std::string& out, const protocol::encoder& with) {
         with.unsubscribe_push(out, "c", unsubscription::insufficient_state, "r");
     },
     R"(push { channel: "c" unsubscribe { code: 2500 reason: "r" } })"},
    {"subscribed by the server",
     [](std::string& out, const protocol::encoder& with) {
         with.subscribe_push(out, "c", {.data = "1", .stream = stream_place{.epoch = "e", .offset = 4}});
     },
     R"(push { channel: "c" subscribe { recoverable: true epoch: "e" offset: 4 positioned: true data: "1" } })"},
    {"another end",
     [](std::string& out, const protocol::encoder& with) { with.refresh_push(out, std::chrono::seconds{3}); },
     "push { refresh { expires: true ttl: 3 } }"},
    {"the end", [](std::string& out, const protocol::encoder& with) { with.disconnect_push(out, 3001, "shutdown"); },
     R"(push { disconnect { code: 3001 reason: "shutdown" } })"},
};

TEST(protobuf, replies_are_byte_for_byte_what_the_schema_says) {
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        std::string made;
        each.write(made, protobuf::encoder());
        EXPECT_EQ(undelimited(made), by_protoc("Reply", each.reply));
    }
}

struct asked {
    const char* name;
    const char* text; // in protoc's text form
    void (*look)(const command& read);
};

const asked commands[] = {
    {"connect",
     R"(id: 1 connect { token: "t" data: "\xff" name: "go" version: "1" headers { key: "a" value: "b" } flag: 1
        subs { key: "c" value { recover: true epoch: "e" offset: 300 } } })",
     [](const command& read) {
         const auto& what = std::get<connect_request>(read.what);
         EXPECT_EQ(what.token, "t");
         EXPECT_EQ(what.data, "\xff");
         EXPECT_EQ(what.name, "go");
         EXPECT_EQ(what.version, "1");
         ASSERT_EQ(what.subscriptions.size(), 1u);
         EXPECT_EQ(what.subscriptions[0].channel, "c");
         EXPECT_TRUE(what.subscriptions[0].recover);
         EXPECT_EQ(what.subscriptions[0].since.epoch, "e");
         EXPECT_EQ(what.subscriptions[0].since.offset, 300u);
     }},
    {"subscribe",
     R"(id: 2 subscribe { channel: "c" token: "t" recover: true epoch: "e" offset: 18446744073709551615 data: "d"
        positioned: true recoverable: true join_leave: true delta: "fossil" tf { key: "k" } flag: 2 type: -1 })",
     [](const command& read) {
         const auto& what = std::get<subscribe_request>(read.what);
         EXPECT_EQ(what.channel, "c");
         EXPECT_EQ(what.since.offset, 0xffff'ffff'ffff'ffff);
         EXPECT_TRUE(what.join_leave && what.filter != nullptr && what.recover);
         EXPECT_EQ(what.delta, "fossil");
         EXPECT_EQ(what.flag, 2);
         EXPECT_EQ(what.type, -1);
         EXPECT_EQ(what.data, "d");
     }},
    {"unsubscribe", R"(id: 3 unsubscribe { channel: "c" })",
     [](const command& read) { EXPECT_EQ(std::get<unsubscribe_request>(read.what).channel, "c"); }},
    {"publish", R"(id: 4 publish { channel: "c" data: "{}" type: 1 })",
     [](const command& read) {
         const auto& what = std::get<publish_request>(read.what);
         EXPECT_EQ(what.channel, "c");
         EXPECT_EQ(what.data, "{}");
         EXPECT_EQ(what.type, 1);
     }},
    {"presence", R"(id: 5 presence { channel: "c" })",
     [](const command& read) { EXPECT_EQ(std::get<presence_request>(read.what).channel, "c"); }},
    {"presence_stats", R"(id: 6 presence_stats { channel: "c" })",
     [](const command& read) { EXPECT_EQ(std::get<presence_stats_request>(read.what).channel, "c"); }},
    {"history", R"(id: 7 history { channel: "c" limit: -1 since { offset: 5 epoch: "e" } reverse: true })",
     [](const command& read) {
         const auto& what = std::get<history_request>(read.what);
         EXPECT_EQ(what.limit, -1);
         ASSERT_TRUE(what.since);
         EXPECT_EQ(what.since->offset, 5u);
         EXPECT_TRUE(what.reverse);
     }},
    {"ping", "id: 8 ping {}", [](const command& read) { EXPECT_TRUE(std::get_if<ping_request>(&read.what)); }},
    {"send", R"(send { data: "x" })",
     [](const command& read) {
         EXPECT_EQ(read.id, 0u);
         EXPECT_EQ(std::get<send_request>(read.what).data, "x");
     }},
    {"rpc", R"(id: 9 rpc { method: "m" data: "x" })",
     [](const command& read) {
         EXPECT_EQ(std::get<rpc_request>(read.what).method, "m");
         EXPECT_EQ(std::get<rpc_request>(read.what).data, "x");
     }},
    {"refresh", R"(id: 10 refresh { token: "t" })",
     [](const command& read) { EXPECT_EQ(std::get<refresh_request>(read.what).token, "t"); }},
    {"sub_refresh", R"(id: 11 sub_refresh { channel: "c" token: "t" })",
     [](const command& read) { EXPECT_EQ(std::get<sub_refresh_request>(read.what).token, "t"); }},
    {"of several, the first of the schema counts", R"(id: 12 publish { channel: "p" } subscribe { channel: "s" })",
     [](const command& read) { EXPECT_EQ(std::get<subscribe_request>(read.what).channel, "s"); }},
    {"a pong", "", [](const command& read) { EXPECT_TRUE(std::get_if<pong>(&read.what)); }},
    {"what has no id is a pong", R"(subscribe { channel: "s" })",
     [](const command& read) { EXPECT_TRUE(std::get_if<pong>(&read.what)); }},
};

TEST(protobuf, commands_are_what_the_schema_says) {
    protobuf::decoder decoder;
    for (const asked& each : commands) {
        SCOPED_TRACE(each.name);
        const std::string bytes = by_protoc("Command", each.text);
        const auto read = decoder.decode(bytes);
        ASSERT_TRUE(read);
        each.look(*read);
        // Cut anywhere it is something else, or nothing; it must not be read beyond its end.
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            const std::string cut = bytes.substr(0, size);
            (void)decoder.decode(cut);
        }
    }
}

TEST(protobuf, what_is_no_command_is_refused) {
    protobuf::decoder decoder;
    const struct {
        const char* name;
        std::string bytes;
        decode_error why;
    } refused[] = {
        {"a length beyond the end", "\x08\x01\x2a\x05\x0a", decode_error::torn},
        {"a number that never ends", std::string{"\x08"} + std::string(11, '\xff'), decode_error::torn},
        {"field 0", std::string{"\x00\x01", 2}, decode_error::torn},
        {"a wire type that there is not", "\x0f", decode_error::torn},
        {"an id that asks for nothing", "\x08\x01", decode_error::no_method},
        {"a channel that is no text", "\x08\x01\x2a\x03\x0a\x01\xff", decode_error::wrong_type},
    };
    for (const auto& each : refused) {
        SCOPED_TRACE(each.name);
        const auto read = decoder.decode(each.bytes);
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error(), each.why);
    }
}

TEST(protobuf, messages_are_split_at_their_lengths) {
    std::string message{"\x00\x02"
                        "ab\x01"
                        "c",
                        6};
    std::string_view left{message};
    EXPECT_EQ(next_delimited(left), "");
    EXPECT_EQ(next_delimited(left), "ab");
    EXPECT_EQ(next_delimited(left), "c");
    EXPECT_EQ(next_delimited(left), std::nullopt);
    EXPECT_TRUE(left.empty());
    left = std::string_view{"\x05"
                            "ab"};
    EXPECT_EQ(next_delimited(left), std::nullopt);
    EXPECT_FALSE(left.empty());
}

TEST(push_encoder, pushes_stand_alone) {
    const protocol::encoder& with = push_encoder();
    const auto made = [](auto&& write) {
        std::string out = "x\n";
        write(out);
        return out.substr(2);
    };
    EXPECT_EQ(made([&](std::string& out) { with.publication_push(out, "c", {.data = "1"}); }),
              R"({"channel":"c","pub":{"data":1}})");
    EXPECT_EQ(made([&](std::string& out) { with.disconnect_push(out, 3001, "shutdown"); }),
              R"({"disconnect":{"code":3001,"reason":"shutdown"}})");
    EXPECT_EQ(made([&](std::string& out) { with.connect_reply(out, 1, {.client = "i", .version = "v"}); }),
              R"({"connect":{"client":"i","version":"v"}})");
    EXPECT_EQ(made([&](std::string& out) { with.ping(out); }), "{}");
}

} // namespace
} // namespace carillon::protobuf
