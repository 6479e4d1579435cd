#include "commands/text.hpp"
#include "door/state.hpp"

#include <fmt/format.h>

#include <optional>

namespace carillon::door {

namespace {

using metrics::resp_error;

// The one script that is known: Laravel's Redis broadcaster sends an event to several channels with it
// (Illuminate\Broadcasting\Broadcasters\RedisBroadcaster). It says nothing.
constexpr std::string_view broadcast_script = "for i = 2, #ARGV do\n  redis.call('publish', ARGV[i], ARGV[1])\nend";
constexpr std::string_view broadcast_sha1 = "6f799f6e3f4ab9f8b891f6405d5fc1348a6a0595";

constexpr std::string_view unknown_script =
    "ERR there are no scripts here but that of Laravel's Redis broadcaster; use PUBLISH, and MULTI for several";
constexpr std::string_view no_script = "NOSCRIPT No matching script. Please use EVAL.";

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// The same words: how the lines are indented depends on the file that the script stands in.
bool is_broadcast(std::string_view script) noexcept {
    std::size_t at = 0;
    const auto skip = [](std::string_view text, std::size_t from) {
        while (from < text.size() && is_blank(text[from])) ++from;
        return from;
    };
    std::size_t known = 0;
    at = skip(script, at);
    while (known < broadcast_script.size()) {
        if (is_blank(broadcast_script[known])) {
            if (at == script.size() || !is_blank(script[at])) return false;
            known = skip(broadcast_script, known);
            at = skip(script, at);
        } else if (at == script.size() || script[at++] != broadcast_script[known++]) {
            return false;
        }
    }
    return skip(script, at) == script.size();
}

} // namespace

void resp_door::run_eval(door_client& c, resp::arguments args) {
    const auto keys = commands::integer_of(args[2]);
    if (!keys) return error(resp_error::wrong_arguments, "ERR value is not an integer or out of range");
    if (*keys > static_cast<long long>(args.size()) - 3) {
        return error(resp_error::wrong_arguments, "ERR Number of keys can't be greater than number of args");
    }
    if (*keys < 0) return error(resp_error::wrong_arguments, "ERR Number of keys can't be negative");
    const bool by_sha1 = resp::equals_ignoring_case(args[0], "EVALSHA");
    if (by_sha1 && !resp::equals_ignoring_case(args[1], broadcast_sha1)) {
        return error(resp_error::unknown_command, no_script); // clients then send the script itself
    }
    if (!by_sha1 && !is_broadcast(args[1])) return error(resp_error::unknown_command, unknown_script);
    broadcast(c, args.subspan(3 + static_cast<std::size_t>(*keys)));
}

// `arguments`: the payload and the channels. To all of them or, when one is refused, to none.
void resp_door::broadcast(door_client& c, resp::arguments arguments) {
    std::optional<hub::publication> message;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        message = publishable(arguments[i], arguments[0]);
        if (!message) return;
    }
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const auto done = publish_to(c, arguments[i], *message, bus::name_space::channels);
        if (!done) {
            static_cast<unfinished&>(*c.busy->kept).waiting.back().mute = true; // the script does not say how many
        } else if (!*done) {
            return answer_publish(*done);
        }
    }
    resp::append_null(out(), dialect(c));
}

void resp_door::run_script_load(door_client&, resp::arguments args) {
    if (!is_broadcast(args[2])) return error(resp_error::unknown_command, unknown_script);
    resp::append_bulk(out(), broadcast_sha1);
}

void resp_door::run_script_exists(door_client&, resp::arguments args) {
    resp::append_array_header(out(), args.size() - 2);
    for (const std::string_view each : args.subspan(2)) {
        resp::append_integer(out(), resp::equals_ignoring_case(each, broadcast_sha1) ? 1 : 0);
    }
}

// What is known stays known.
void resp_door::run_script_flush(door_client&, resp::arguments args) {
    if (args.size() > 3 || (args.size() == 3 && !resp::equals_ignoring_case(args[2], "SYNC") &&
                            !resp::equals_ignoring_case(args[2], "ASYNC"))) {
        return error(resp_error::wrong_arguments, "ERR SCRIPT FLUSH only support SYNC|ASYNC option");
    }
    resp::append_simple(out(), "OK");
}

} // namespace carillon::door
