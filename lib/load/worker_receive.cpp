#include "base/check.hpp"
#include "load/dialect.hpp"
#include "load/upgrade_reply.hpp"
#include "load/worker.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace carillon::load {
namespace {

constexpr std::size_t unsent_bytes_max = 2 * 1024 * 1024; // the largest payload, and pongs

// What a server says when it ends a connection: code and reason (RFC 6455 §5.5.1).
std::string close_text(std::string_view payload) {
    if (payload.size() < 2) return "the server closed the connection";
    const int code = static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
    return fmt::format("the server closed the connection: {} {}", code, payload.substr(2));
}

} // namespace

void worker::read(slot which, bool until_end) {
    client& whose = clients_[which];
    for (;;) {
        const ssize_t count = ::recv(whose.socket, buffer_.data(), buffer_.size(), 0);
        if (count > 0) {
            const auto size = static_cast<std::size_t>(count);
            if (!take(which, {buffer_.data(), size}, clock::now())) return;
            // A short read has emptied the socket; what comes later is a new event.
            if (size < buffer_.size() && !until_end) return;
            continue;
        }
        if (count == 0) return ended(which, "the server closed the connection");
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return;
        return ended(which, "recv: " + last_error().message());
    }
}

// False when the connection has ended.
bool worker::take(slot which, std::string_view bytes, clock::time_point now) {
    client& whose = clients_[which];
    if (whose.state == client_state::upgrading && !take_head(which, bytes, now)) return whose.socket >= 0;
    bool open = true;
    const error_code wrong = whose.input.feed(bytes, [&](ws::opcode op, std::string_view payload) {
        open = take_message(which, op, payload, now);
        return open;
    });
    if (!wrong) return open;
    ended(which, "what the server sends is no WebSocket: " + wrong.message());
    return false;
}

// True when the head is whole and `bytes` are what follows it.
bool worker::take_head(slot which, std::string_view& bytes, clock::time_point now) {
    const auto before = heads_.find(which);
    const std::size_t before_bytes = before == heads_.end() ? 0 : before->second.size();
    std::string_view head = bytes;
    if (before != heads_.end()) head = before->second.append(bytes);
    const upgrade_reply reply = read_upgrade_reply(head, accept_);
    switch (reply.what) {
    case upgrade_reply::outcome::need_more:
        if (before == heads_.end()) heads_.emplace(which, bytes);
        return false;
    case upgrade_reply::outcome::refused: {
        const bool busy = reply.status == 429 || reply.status >= 500;
        fail_attempt(which, "upgrade: " + reply.why, busy ? verdict::another_try : verdict::final);
        return false;
    }
    case upgrade_reply::outcome::upgraded:
        bytes.remove_prefix(reply.consumed - before_bytes);
        if (before != heads_.end()) heads_.erase(before);
        upgraded(which, now);
        return clients_[which].socket >= 0;
    }
    CHECK(false);
}

bool worker::take_message(slot which, ws::opcode op, std::string_view payload, clock::time_point now) {
    switch (op) {
    case ws::opcode::text:
    case ws::opcode::binary:
        return task_.what.protocol == protocol::plain ? take_plain(which, payload, now)
                                                      : take_lines(which, payload, now);
    case ws::opcode::ping: ++counts_.pings; return transmit(which, client_frame(ws::opcode::pong, payload));
    case ws::opcode::pong: return true;
    case ws::opcode::close: ended(which, close_text(payload)); return false;
    case ws::opcode::continuation: break; // the splitter has put them together
    }
    CHECK(false);
}

bool worker::take_lines(slot which, std::string_view text, clock::time_point now) {
    const client& whose = clients_[which];
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const bool deliveries_only = whose.state == client_state::live && task_.what.has_publications();
        if (deliveries_only && line != "{}") {
            take_markers(which, line, now);
        } else if (!take_line(which, line, now)) {
            return false;
        }
    }
    return true;
}

bool worker::take_line(slot which, std::string_view line, clock::time_point now) {
    client& whose = clients_[which];
    const server_line read = read_server_line(line);
    switch (read.what) {
    case server_line::kind::ping: ++counts_.pings; return !whose.answers_pings || transmit(which, pong_);
    case server_line::kind::refusal:
        if (is_under_way(whose)) {
            fail_attempt(which, fmt::format("refused: {}", line), verdict::final);
        } else {
            ended(which, fmt::format("refused: {}", line));
        }
        return false;
    case server_line::kind::reply:
        if (whose.state == client_state::live) return read.command != whose.command || take_reply(which, now);
        if (read.command == connect_command) whose.answers_pings = read.wants_pongs;
        if (read.command == (task_.what.scene == scene::echo ? connect_command : subscribe_command))
            become_live(which, now);
        return true;
    case server_line::kind::other: take_markers(which, line, now); return true;
    }
    CHECK(false);
}

bool worker::take_plain(slot which, std::string_view text, clock::time_point now) {
    const client& whose = clients_[which];
    if (whose.state == client_state::greeting) {
        if (text.find(task_.what.hello_reply) != text.npos) become_live(which, now);
        return true;
    }
    if (task_.what.scene == scene::echo) return take_reply(which, now);
    take_markers(which, text, now);
    return true;
}

void worker::take_markers(slot which, std::string_view text, clock::time_point now) {
    if (!task_.what.has_publications()) return;
    const std::uint32_t channel = task_.what.channel_number(task_.first + which);
    while (const auto found = take_marker(text)) {
        if (found->run == warm_up_of(task_.run)) ++counts_.warm_ups;
        if (found->run != task_.run) continue;
        if (found->channel != channel) {
            task_.figures.write_trouble(task_.number, "a message of another channel was delivered");
            ++counts_.duplicated;
            continue;
        }
        switch (clients_[which].received.received(found->sequence)) {
        case sequence_account::arrival::duplicated: ++counts_.duplicated; continue;
        case sequence_account::arrival::disordered: ++counts_.disordered; break;
        case sequence_account::arrival::in_order: break;
        }
        ++counts_.deliveries;
        counts_.deliveries_end = now.time_since_epoch().count();
        if (counts_.deliveries_begin == 0) counts_.deliveries_begin = counts_.deliveries_end;
        deliveries_.record(now - found->due);
    }
}

bool worker::transmit(slot which, std::string_view bytes) {
    if (const auto waiting = unsent_.find(which); waiting != unsent_.end()) {
        if (waiting->second.size() + bytes.size() > unsent_bytes_max) {
            ended(which, "the server asks for answers and does not read them");
            return false;
        }
        waiting->second += bytes; // one command and the pongs of a moment
        return true;
    }
    const int socket = clients_[which].socket;
    ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) sent = 0;
    if (sent < 0) {
        ended(which, "send: " + last_error().message());
        return false;
    }
    if (static_cast<std::size_t>(sent) < bytes.size()) unsent_[which] = bytes.substr(static_cast<std::size_t>(sent));
    return true;
}

bool worker::transmit_rest(slot which) {
    const auto waiting = unsent_.find(which);
    if (waiting == unsent_.end()) return true;
    const std::string rest = std::move(waiting->second);
    unsent_.erase(waiting);
    return transmit(which, rest);
}

} // namespace carillon::load
