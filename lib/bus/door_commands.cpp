#include "bus/resp_door.hpp"
#include "protocol/payload.hpp"
#include "resp/names.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>

namespace carillon::bus {

namespace {

using metrics::resp_command;
using metrics::resp_error;

// How much of an unknown command Redis repeats in its error.
constexpr std::size_t repeated_max = 128;

std::optional<long long> integer_of(std::string_view text) noexcept {
    long long value = 0;
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (why != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// Takes the same time wherever they differ.
bool same_secret(std::string_view given, std::string_view secret) noexcept {
    return given.size() == secret.size() && CRYPTO_memcmp(given.data(), secret.data(), secret.size()) == 0;
}

std::string lower(std::string_view text) {
    std::string result{text};
    std::transform(result.begin(), result.end(), result.begin(), resp::ascii_lower);
    return result;
}

std::string unknown_command(resp::arguments args) {
    std::string text =
        fmt::format("ERR unknown command '{}', with args beginning with: ", args[0].substr(0, repeated_max));
    std::string repeated;
    for (std::size_t i = 1; i < args.size() && repeated.size() < repeated_max; ++i) {
        fmt::format_to(std::back_inserter(repeated), "'{}' ", args[i].substr(0, repeated_max - repeated.size()));
    }
    return text + repeated;
}

} // namespace

struct resp_door::command_entry {
    std::string_view name;
    resp_command counted_as;
    int arity; ///< as Redis writes it: the name included; negative: at least so many
    bool before_login;
    bool while_subscribed; ///< RESP2 connections with subscriptions may use only these
    void (resp_door::*run)(door_client&, resp::arguments);
};

const resp_door::command_entry* resp_door::find_command(std::string_view name) {
    static constexpr std::array commands{
        command_entry{"PUBLISH", resp_command::publish, 3, false, false, &resp_door::run_publish},
        command_entry{"SUBSCRIBE", resp_command::subscribe, -2, false, true, &resp_door::run_subscribe},
        command_entry{"UNSUBSCRIBE", resp_command::unsubscribe, -1, false, true, &resp_door::run_unsubscribe},
        command_entry{"PING", resp_command::ping, -1, false, true, &resp_door::run_ping},
        command_entry{"ECHO", resp_command::echo, 2, false, false, &resp_door::run_echo},
        command_entry{"AUTH", resp_command::auth, -2, true, false, &resp_door::run_auth},
        command_entry{"HELLO", resp_command::hello, -1, true, false, &resp_door::run_hello},
        command_entry{"SELECT", resp_command::select, 2, false, false, &resp_door::run_select},
        command_entry{"CLIENT", resp_command::client, -2, false, false, &resp_door::run_client},
        command_entry{"COMMAND", resp_command::command, -1, false, false, &resp_door::run_command},
        command_entry{"INFO", resp_command::info, -1, false, false, &resp_door::run_info},
        command_entry{"RESET", resp_command::reset, 1, true, true, &resp_door::run_reset},
        command_entry{"QUIT", resp_command::quit, -1, true, true, &resp_door::run_quit},
    };
    const auto found = std::find_if(commands.begin(), commands.end(), [&](const command_entry& each) {
        return resp::equals_ignoring_case(each.name, name);
    });
    return found == commands.end() ? nullptr : &*found;
}

namespace {

// What a browser sends when a page makes it talk HTTP to this port: its body would be run as commands. Redis ends such
// connections, too.
bool is_http(std::string_view name) noexcept {
    return resp::equals_ignoring_case(name, "POST") || resp::equals_ignoring_case(name, "Host:");
}

} // namespace

// The order of the checks is Redis' own (server.c, processCommand): known, arguments, login, subscriber.
void resp_door::run(door_client& c, resp::arguments args) {
    if (is_http(args[0])) {
        ++counters().resp_errors(resp_error::protocol);
        c.leaving = true;
        return;
    }
    const command_entry* command = find_command(args[0]);
    ++counters().resp_commands(command == nullptr ? resp_command::other : command->counted_as);
    if (command == nullptr) return error(resp_error::unknown_command, unknown_command(args));
    const auto count = static_cast<int>(args.size());
    if (command->arity > 0 ? count != command->arity : count < -command->arity) {
        return error(resp_error::wrong_arguments,
                     fmt::format("ERR wrong number of arguments for '{}' command", lower(command->name)));
    }
    if (!c.authenticated && !command->before_login) {
        return error(resp_error::not_authenticated, "NOAUTH Authentication required.");
    }
    if (!c.resp3 && c.channels.count > 0 && !command->while_subscribed) {
        return error(resp_error::not_allowed,
                     fmt::format("ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
                                 "are allowed in this context",
                                 lower(command->name)));
    }
    (this->*command->run)(c, args);
}

void resp_door::error(resp_error kind, std::string_view text) {
    ++counters().resp_errors(kind);
    resp::append_error(out(), text);
}

// --- who is there

bool resp_door::log_in(door_client& c, std::string_view user, std::string_view password) {
    const bool right = options_.password.empty() || same_secret(password, options_.password);
    if (user != "default" || !right) {
        error(resp_error::wrong_password, "WRONGPASS invalid username-password pair or user is disabled.");
        return false;
    }
    c.authenticated = true;
    return true;
}

void resp_door::run_auth(door_client& c, resp::arguments args) {
    if (args.size() > 3) return error(resp_error::wrong_arguments, "ERR syntax error");
    if (args.size() == 2 && options_.password.empty()) {
        return error(resp_error::wrong_password,
                     "ERR AUTH <password> called without any password configured for the default user. Are you sure "
                     "your configuration is correct?");
    }
    const std::string_view user = args.size() == 3 ? args[1] : "default";
    if (log_in(c, user, args.back())) resp::append_simple(out(), "OK");
}

void resp_door::run_hello(door_client& c, resp::arguments args) {
    bool resp3 = c.resp3;
    if (args.size() > 1) {
        const auto version = integer_of(args[1]);
        if (!version) {
            return error(resp_error::wrong_arguments, "ERR Protocol version is not an integer or out of range");
        }
        if (*version != 2 && *version != 3) {
            return error(resp_error::wrong_arguments, "NOPROTO unsupported protocol version");
        }
        resp3 = *version == 3;
    }
    for (std::size_t i = 2; i < args.size();) {
        if (resp::equals_ignoring_case(args[i], "AUTH") && i + 2 < args.size()) {
            if (!log_in(c, args[i + 1], args[i + 2])) return;
            i += 3;
        } else if (resp::equals_ignoring_case(args[i], "SETNAME") && i + 1 < args.size()) {
            i += 2;
        } else {
            return error(resp_error::wrong_arguments, fmt::format("ERR Syntax error in HELLO option '{}'", args[i]));
        }
    }
    if (!c.authenticated) {
        return error(
            resp_error::not_authenticated,
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH "
            "<user> <pass> option can be used to authenticate the client and select the RESP protocol version at "
            "the same time");
    }
    if (resp3 != c.resp3 && c.channels.count > 0) {
        // The hub knows its subscriptions under the old dialect.
        return error(resp_error::not_allowed,
                     "ERR HELLO cannot change the protocol of a connection with subscriptions");
    }
    c.resp3 = resp3;
    const resp::version v = dialect(c);
    resp::append_map_header(out(), 7, v);
    resp::append_bulk(out(), "server");
    resp::append_bulk(out(), "carillon");
    resp::append_bulk(out(), "version");
    resp::append_bulk(out(), CARILLON_VERSION);
    resp::append_bulk(out(), "proto");
    resp::append_integer(out(), resp3 ? 3 : 2);
    resp::append_bulk(out(), "id");
    resp::append_integer(out(), static_cast<std::int64_t>(c.id));
    resp::append_bulk(out(), "mode");
    resp::append_bulk(out(), "standalone");
    resp::append_bulk(out(), "role");
    resp::append_bulk(out(), "master");
    resp::append_bulk(out(), "modules");
    resp::append_array_header(out(), 0);
}

void resp_door::run_reset(door_client& c, resp::arguments) {
    hub_->unsubscribe_all(c.channels, [this](std::string_view channel) { bus_->unsubscribe(channel); });
    c.resp3 = false;
    c.authenticated = options_.password.empty();
    resp::append_simple(out(), "RESET");
}

void resp_door::run_quit(door_client& c, resp::arguments) {
    resp::append_simple(out(), "OK");
    c.leaving = true;
}

// --- publish and subscribe

void resp_door::run_publish(door_client& c, resp::arguments args) {
    const std::string_view channel = args[1];
    const std::string_view payload = args[2];
    using refusal = metrics::publication_refusal;
    if (channel.size() > options_.channel_bytes_max) {
        ++counters().publications_refused(refusal::other);
        return error(resp_error::refused_payload,
                     fmt::format("ERR channel is longer than {} bytes", options_.channel_bytes_max));
    }
    if (payload.size() > options_.payload_bytes_max) {
        ++counters().publications_refused(refusal::too_big);
        return error(resp_error::refused_payload,
                     fmt::format("ERR payload is longer than {} bytes", options_.payload_bytes_max));
    }
    bool is_json = false;
    switch (protocol::classify(payload)) {
    case protocol::payload_kind::json: is_json = true; break;
    case protocol::payload_kind::text: break;
    case protocol::payload_kind::binary:
        ++counters().publications_refused(refusal::not_utf8);
        return error(resp_error::refused_payload, "ERR payload is neither JSON nor UTF-8 text");
    case protocol::payload_kind::too_deep:
        ++counters().publications_refused(refusal::too_deep);
        return error(resp_error::refused_payload,
                     fmt::format("ERR payload is JSON nested deeper than {}", protocol::json_depth_max));
    }
    ++counters().publications(metrics::publication_source::resp);
    const std::uint32_t next = next_ticket(c);
    const auto done = bus_->publish(channel, {payload, is_json, {}}, *this, {records().key_of(c).packed(), next});
    if (done) {
        answer_publish(*done);
    } else {
        CHECK(expect_answer(c) == next);
    }
}

// `subscribe`, `unsubscribe` and their like are confirmed one push for each channel, with the number that is left.
void resp_door::confirm(door_client& c, std::string_view what, std::string_view channel, bool has_channel) {
    resp::append_push_header(out(), 3, dialect(c));
    resp::append_bulk(out(), what);
    if (has_channel) {
        resp::append_bulk(out(), channel);
    } else {
        resp::append_null(out(), dialect(c));
    }
    resp::append_integer(out(), c.channels.count);
}

void resp_door::run_subscribe(door_client& c, resp::arguments args) {
    for (const std::string_view channel : args.subspan(1)) {
        if (channel.size() > options_.channel_bytes_max) {
            error(resp_error::limit, fmt::format("ERR channel is longer than {} bytes", options_.channel_bytes_max));
            continue;
        }
        if (c.channels.count >= options_.subscriptions_max) {
            error(resp_error::limit, fmt::format("ERR more than {} subscriptions", options_.subscriptions_max));
            continue;
        }
        const auto outcome = hub_->subscribe(subscriber_of(c), c.channels, channel);
        if (outcome == hub::subscribe_outcome::joined_first) {
            CHECK(bus_->subscribe(channel, true, *this, {}) == interest::confirmed);
        }
        confirm(c, "subscribe", channel, true);
    }
}

void resp_door::unsubscribe_one(door_client& c, std::string_view channel) {
    const auto outcome = hub_->unsubscribe(subscriber_of(c), c.channels, channel);
    if (outcome == hub::unsubscribe_outcome::left_last) bus_->unsubscribe(channel);
    confirm(c, "unsubscribe", channel, true);
}

void resp_door::run_unsubscribe(door_client& c, resp::arguments args) {
    for (const std::string_view channel : args.subspan(1)) unsubscribe_one(c, channel);
    if (args.size() > 1) return;
    if (c.channels.count == 0) return confirm(c, "unsubscribe", {}, false);
    while (c.channels.count > 0) {
        const std::string channel{hub_->first_channel_of(c.channels)};
        unsubscribe_one(c, channel);
    }
}

// --- small talk

void resp_door::run_ping(door_client& c, resp::arguments args) {
    if (args.size() > 2) {
        return error(resp_error::wrong_arguments, "ERR wrong number of arguments for 'ping' command");
    }
    if (!c.resp3 && c.channels.count > 0) {
        resp::append_array_header(out(), 2);
        resp::append_bulk(out(), "pong");
        return resp::append_bulk(out(), args.size() > 1 ? args[1] : std::string_view{});
    }
    if (args.size() > 1) return resp::append_bulk(out(), args[1]);
    resp::append_simple(out(), "PONG");
}

void resp_door::run_echo(door_client&, resp::arguments args) { resp::append_bulk(out(), args[1]); }

void resp_door::run_select(door_client&, resp::arguments args) {
    const auto index = integer_of(args[1]);
    if (!index) return error(resp_error::wrong_arguments, "ERR value is not an integer or out of range");
    if (*index != 0) return error(resp_error::wrong_arguments, "ERR DB index is out of range");
    resp::append_simple(out(), "OK");
}

// What clients send when they connect. Names and library versions are taken and not kept.
void resp_door::run_client(door_client& c, resp::arguments args) {
    const std::string what = lower(args[1]);
    if (what == "id" && args.size() == 2) return resp::append_integer(out(), static_cast<std::int64_t>(c.id));
    if (what == "setname" && args.size() == 3) return resp::append_simple(out(), "OK");
    if (what == "setinfo" && args.size() == 4) return resp::append_simple(out(), "OK");
    if (what == "getname" && args.size() == 2) return resp::append_null(out(), dialect(c));
    error(resp_error::unknown_command,
          fmt::format("ERR unknown subcommand '{}'. Try CLIENT HELP.", args[1].substr(0, repeated_max)));
}

// redis-cli asks COMMAND DOCS at its start, for its hints; an empty answer gives it none.
void resp_door::run_command(door_client& c, resp::arguments args) {
    const std::string what = args.size() > 1 ? lower(args[1]) : "";
    if (what == "docs") return resp::append_map_header(out(), 0, dialect(c));
    if (what == "count") return resp::append_integer(out(), 0);
    if (what.empty() || what == "info" || what == "list") return resp::append_array_header(out(), 0);
    error(resp_error::unknown_command,
          fmt::format("ERR unknown subcommand '{}'. Try COMMAND HELP.", args[1].substr(0, repeated_max)));
}

void resp_door::run_info(door_client& c, resp::arguments) {
    resp::append_verbatim(
        out(),
        fmt::format("# Server\r\nserver_name:carillon\r\ncarillon_version:{}\r\nredis_mode:standalone\r\n"
                    "# Clients\r\nconnected_clients:{}\r\n# Persistence\r\nloading:0\r\n"
                    "# Stats\r\npubsub_channels:{}\r\n# Replication\r\nrole:master\r\n",
                    CARILLON_VERSION, open(), hub_->channels()),
        dialect(c));
}

} // namespace carillon::bus
