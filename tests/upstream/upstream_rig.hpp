#pragma once

#include "resp/writer.hpp"
#include "upstream/upstream.hpp"

#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::upstream::test {

using namespace std::chrono_literals;
using clock = upstream::clock;

/// Writes down what it hears, one line for each call.
class listening final : public upstream_listener {
public:
    void on_subscribed(std::string_view channel) override { note("subscribed " + std::string{channel}); }
    void on_refused(std::string_view channel, error why) override {
        note("refused " + std::string{channel} + " " + (why == error::denied ? "denied" : "refused"));
    }
    void on_message(std::string_view channel, std::string_view payload) override {
        note("message " + std::string{channel} + " " + std::string{payload});
    }
    void on_matched(std::string_view pattern, std::string_view channel, std::string_view payload) override {
        note("matched " + std::string{pattern} + " " + std::string{channel} + " " + std::string{payload});
    }
    void on_oversized(std::string_view channel, std::uint64_t payload_bytes) override {
        note("oversized " + std::string{channel} + " " + std::to_string(payload_bytes));
    }
    void on_published(std::uint64_t publication, publish_result receivers) override {
        note("published " + std::to_string(publication) + " " +
             (receivers ? std::to_string(receivers->receivers) : receivers.error().message()));
    }
    void on_login_refused(const std::string& why) override { note("login refused " + why); }
    void on_away(std::string_view why) override { note("away " + std::string{why}); }
    void on_back() override { note("back"); }

    std::vector<std::string> lines;
    std::function<void(const std::string&)> meanwhile = [](const std::string&) {}; ///< runs inside of each call

private:
    void note(std::string line) {
        lines.push_back(line);
        meanwhile(line);
    }
};

/// One command of a client, its words.
using words = std::vector<std::string>;

/// Takes the first command off `bytes`, which hold nothing but whole commands.
inline words take_command(std::string& bytes) {
    std::size_t at = 0;
    const auto number = [&](char mark) {
        CHECK(at < bytes.size() && bytes[at] == mark);
        const std::size_t end = bytes.find("\r\n", at);
        CHECK(end != std::string::npos);
        const auto value = std::strtoul(bytes.c_str() + at + 1, nullptr, 10);
        at = end + 2;
        return value;
    };
    words command(number('*'));
    for (std::string& word : command) {
        const auto size = number('$');
        CHECK(at + size + 2 <= bytes.size());
        word = bytes.substr(at, size);
        at += size + 2;
    }
    bytes.erase(0, at);
    return command;
}

inline std::string joined(const words& command) {
    std::string line;
    for (const std::string& word : command) line += (line.empty() ? "" : " ") + word;
    return line;
}

inline std::string confirmation(std::string_view what, std::string_view channel, std::size_t count = 1,
                                resp::version version = resp::version::resp3) {
    std::string out;
    resp::append_push_header(out, 3, version);
    resp::append_bulk(out, what);
    resp::append_bulk(out, channel);
    resp::append_integer(out, static_cast<std::int64_t>(count));
    return out;
}

inline std::string message(std::string_view channel, std::string_view payload,
                           resp::version version = resp::version::resp3) {
    std::string out;
    resp::append_message(out, channel, payload, version);
    return out;
}

inline const std::string greeting = "%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n$7\r\nmodules\r\n*0\r\n";

inline const std::string greeting_of_carillon =
    "%3\r\n$6\r\nserver\r\n$8\r\ncarillon\r\n$5\r\nproto\r\n:3\r\n$7\r\nmodules\r\n*0\r\n";

/// How a server of that kind greets.
inline std::string greeting_as(std::string_view mode, std::string_view role) {
    std::string out;
    resp::append_map_header(out, 4, resp::version::resp3);
    for (const std::string_view each : {std::string_view{"server"}, std::string_view{"redis"}, std::string_view{"mode"},
                                        mode, std::string_view{"role"}, role, std::string_view{"modules"}})
        resp::append_bulk(out, each);
    resp::append_array_header(out, 0);
    return out;
}

/// What a well-behaved server answers; each publication is heard by `receivers`.
inline std::string answer(const words& command, int receivers = 1, resp::version version = resp::version::resp3) {
    const bool plain = version == resp::version::resp2;
    if (command[0] == "HELLO") return plain ? "-ERR unknown command 'HELLO'\r\n" : greeting;
    if (command[0] == "PING") return "+PONG\r\n";
    if (command[0] == "AUTH" || command[0] == "CLIENT") return "+OK\r\n";
    if (command[0] == "INFO") return "$21\r\nredis_mode:standalone\r\n";
    if (command[0] == "ROLE") return "*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n";
    std::string out;
    if (command[0] == "PUBLISH") {
        resp::append_integer(out, receivers);
        return out;
    }
    const bool of_patterns = command[0].starts_with('P');
    const std::string what = of_patterns ? command[0].substr(1) : command[0];
    CHECK(what == "SUBSCRIBE" || what == "UNSUBSCRIBE");
    const std::string said = (of_patterns ? "p" : "") + std::string{what == "SUBSCRIBE" ? "subscribe" : "unsubscribe"};
    for (std::size_t i = 1; i < command.size(); ++i) out += confirmation(said, command[i], 1, version);
    return out;
}

/// Short waits that are easy to add up.
inline upstream_options small_options() {
    upstream_options how;
    how.connect_timeout = 200ms;
    how.reply_timeout = 300ms;
    how.ping_interval = 100ms;
    how.backoff_min = 10ms;
    how.backoff_max = 80ms;
    how.linger = 50ms;
    how.in_flight_max = 3;
    how.output_bytes_max = 1'000;
    how.channels_per_command = 2;
    how.asked_max = 5;
    return how;
}

/// An upstream, its listener, and a clock that stands still.
struct rig {
    explicit rig(const upstream_options& how = small_options(), double jitter = 0.0)
        : link{how, heard, [jitter] { return jitter; }, now} {}

    clock::time_point now{1h};
    listening heard;
    upstream link;

    /// All that the upstream wants written.
    std::vector<words> take_commands(upstream::line which = upstream::line::first) {
        std::string bytes{link.output(which)};
        link.on_written(bytes.size(), which);
        std::vector<words> commands;
        while (!bytes.empty()) commands.push_back(take_command(bytes));
        return commands;
    }
    std::vector<std::string> take_lines() { return std::exchange(heard.lines, {}); }

    /// Bytes of the server, in pieces of `piece`.
    void receive(std::string_view bytes, std::size_t piece = std::string_view::npos,
                 upstream::line which = upstream::line::first) {
        while (!bytes.empty()) {
            link.on_received(bytes.substr(0, piece), now, which);
            link.check_invariants();
            bytes.remove_prefix(std::min(piece, bytes.size()));
        }
    }
    void pass(clock::duration time) {
        now += time;
        link.on_time(now);
    }
    /// Lets a well-behaved server answer until there is nothing left to say. Gives all commands.
    std::vector<words> converse() {
        std::vector<words> said;
        for (auto commands = take_commands(); !commands.empty(); commands = take_commands()) {
            for (const words& each : commands) {
                said.push_back(each);
                receive(answer(each));
            }
        }
        return said;
    }
    /// From wherever it is, as long as it is not connected, to live.
    std::vector<words> become_live() {
        for (int i = 0; i < 10 && link.where() != upstream::state::connecting; ++i) {
            now = std::max(now, link.wake_at());
            link.on_time(now);
            link.next_action();
        }
        CHECK(link.where() == upstream::state::connecting);
        link.next_action();
        link.on_connected(now);
        return converse();
    }
};

} // namespace carillon::upstream::test
