#include "commands/text.hpp"
#include "door/state.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <iterator>

namespace carillon::door {

namespace {

using metrics::resp_error;

// Takes the same time wherever they differ.
bool same_secret(std::string_view given, std::string_view secret) noexcept {
    return given.size() == secret.size() && CRYPTO_memcmp(given.data(), secret.data(), secret.size()) == 0;
}

std::string unknown_command(resp::arguments args) {
    std::string text =
        fmt::format("ERR unknown command '{}', with args beginning with: ", args[0].substr(0, commands::repeated_max));
    std::string repeated;
    for (std::size_t i = 1; i < args.size() && repeated.size() < commands::repeated_max; ++i) {
        fmt::format_to(std::back_inserter(repeated), "'{}' ",
                       args[i].substr(0, commands::repeated_max - repeated.size()));
    }
    return text + repeated;
}

std::string unknown_subcommand(resp::arguments args) {
    std::string container{args[0]};
    std::transform(container.begin(), container.end(), container.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", args[1].substr(0, commands::repeated_max),
                       container);
}

// What a browser sends when a page makes it talk HTTP to this port: its body would be run as commands. Redis ends such
// connections, too.
bool is_http(std::string_view name) noexcept {
    return resp::equals_ignoring_case(name, "POST") || resp::equals_ignoring_case(name, "Host:");
}

} // namespace

void resp_door::run(door_client& c, resp::arguments args) {
    if (is_http(args[0])) {
        ++counters().resp_errors(resp_error::protocol);
        c.leaving = true;
        return;
    }
    const bool quiet = c.mute || c.mute_next;
    c.mute_next = false;
    if (quiet) out_ = &dropped_;
    const commands::entry* const command = commands::find(args);
    if (command != nullptr) {
        run_known(c, *command, args);
    } else {
        const commands::entry* const container = commands::find(args[0]);
        ++counters().resp_commands(container == nullptr ? metrics::resp_command::other : container->counted_as);
        refuse_command(c, resp_error::unknown_command,
                       container == nullptr ? unknown_command(args) : unknown_subcommand(args));
    }
    if (!quiet) return;
    dropped_.clear();
    begin_burst(c);
}

// The order of the checks is Redis' own (server.c, processCommand): known, arguments, login, subscriber.
void resp_door::run_known(door_client& c, const commands::entry& command, resp::arguments args) {
    ++counters().resp_commands(command.counted_as);
    const auto count = static_cast<int>(args.size());
    if (command.arity > 0 ? count != command.arity : count < -command.arity) {
        return refuse_command(c, resp_error::wrong_arguments,
                              fmt::format("ERR wrong number of arguments for '{}' command", command.name), &command);
    }
    if (!c.authenticated && !command.has(commands::no_auth)) {
        return refuse_command(c, resp_error::not_authenticated, "NOAUTH Authentication required.", &command);
    }
    if (!c.resp3 && !command.has(commands::while_subscribed) && subscribes(c)) {
        return refuse_command(
            c, resp_error::not_allowed,
            fmt::format("ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
                        "are allowed in this context",
                        command.name),
            &command);
    }
    note_command(c, command);
    if (transaction_of(c) != nullptr && !command.has(commands::at_once)) return queue_command(c, args);
    // Confirmations of subscriptions are pushes: CLIENT REPLY OFF does not mean them.
    if (command.is_confirmed_by_pushes()) begin_burst(c);
    perform(c, command.does, args);
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
    if (!c.authenticated) cancel_deadline(c);
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
        const auto version = commands::integer_of(args[1]);
        if (!version) {
            return error(resp_error::wrong_arguments, "ERR Protocol version is not an integer or out of range");
        }
        if (*version != 2 && *version != 3) {
            return error(resp_error::wrong_arguments, "NOPROTO unsupported protocol version");
        }
        resp3 = *version == 3;
    }
    resp::arguments login;
    for (std::size_t i = 2; i < args.size();) {
        if (resp::equals_ignoring_case(args[i], "AUTH") && i + 2 < args.size()) {
            login = args.subspan(i + 1, 2);
            i += 3;
        } else if (resp::equals_ignoring_case(args[i], "SETNAME") && i + 1 < args.size()) {
            // Kept even if what follows is wrong, as Redis does.
            if (!commands::is_word(args[i + 1])) return error(resp_error::wrong_arguments, commands::bad_name);
            extras_of(c).name = args[i + 1];
            i += 2;
        } else {
            return error(resp_error::wrong_arguments, fmt::format("ERR Syntax error in HELLO option '{}'", args[i]));
        }
    }
    if (!login.empty() && !log_in(c, login[0], login[1])) return;
    if (!c.authenticated) {
        return error(
            resp_error::not_authenticated,
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH "
            "<user> <pass> option can be used to authenticate the client and select the RESP protocol version at "
            "the same time");
    }
    speak(c, resp3);
    say_hello(c);
}

// Changes the dialect; the subscriptions stay, and their messages come in the new one.
void resp_door::speak(door_client& c, bool resp3) {
    if (c.resp3 == resp3) return;
    const hub::subscriber before = subscriber_of(c);
    c.resp3 = resp3;
    const hub::subscriber now = subscriber_of(c);
    hub_->change_format(now, c.channels);
    if (c.extras == nullptr) return;
    bus_->sharded().change_format(now, c.extras->sharded);
    bus_->patterns().change_format(before, now, c.extras->patterns);
}

void resp_door::say_hello(door_client& c) {
    resp::append_map_header(out(), 7, dialect(c));
    resp::append_bulk(out(), "server");
    resp::append_bulk(out(), "carillon");
    resp::append_bulk(out(), "version");
    resp::append_bulk(out(), CARILLON_VERSION);
    resp::append_bulk(out(), "proto");
    resp::append_integer(out(), c.resp3 ? 3 : 2);
    resp::append_bulk(out(), "id");
    resp::append_integer(out(), static_cast<std::int64_t>(id_of(c)));
    resp::append_bulk(out(), "mode");
    resp::append_bulk(out(), "standalone");
    resp::append_bulk(out(), "role");
    resp::append_bulk(out(), "master");
    resp::append_bulk(out(), "modules");
    resp::append_array_header(out(), 0);
}

void resp_door::run_reset(door_client& c, resp::arguments) {
    unsubscribe_everything(c);
    delete std::exchange(c.extras, nullptr);
    c.resp3 = false;
    c.mute = false;
    if (c.authenticated) await_login(c); // who has not logged in gets no more time by it
    begin_burst(c);                      // it may have been mute
    resp::append_simple(out(), "RESET");
}

void resp_door::run_quit(door_client& c, resp::arguments) {
    resp::append_simple(out(), "OK");
    c.leaving = true;
}

// --- small talk

void resp_door::run_ping(door_client& c, resp::arguments args) {
    if (args.size() > 2) {
        return error(resp_error::wrong_arguments, "ERR wrong number of arguments for 'ping' command");
    }
    if (!c.resp3 && subscribes(c)) {
        resp::append_array_header(out(), 2);
        resp::append_bulk(out(), "pong");
        return resp::append_bulk(out(), args.size() > 1 ? args[1] : std::string_view{});
    }
    if (args.size() > 1) return resp::append_bulk(out(), args[1]);
    resp::append_simple(out(), "PONG");
}

void resp_door::run_echo(door_client&, resp::arguments args) { resp::append_bulk(out(), args[1]); }

// Publish and subscribe know no commands::databases, at Redis neither, so whoever has one in its address is right here.
void resp_door::run_select(door_client&, resp::arguments args) {
    const auto index = commands::integer_of(args[1]);
    if (!index) return error(resp_error::wrong_arguments, "ERR value is not an integer or out of range");
    if (*index < 0 || *index >= commands::databases)
        return error(resp_error::wrong_arguments, "ERR DB index is out of range");
    resp::append_simple(out(), "OK");
}

// A master without replicas: who must not talk to a replica asks.
void resp_door::run_role(door_client&, resp::arguments) {
    resp::append_array_header(out(), 3);
    resp::append_bulk(out(), "master");
    resp::append_integer(out(), 0);
    resp::append_array_header(out(), 0);
}

} // namespace carillon::door
