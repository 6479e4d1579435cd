// The least that a WebSocket notification server can do on one thread: what the kernel costs, and next to nothing
// besides. README.md says what is left out.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace {

struct options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8000;
    std::uint16_t bus_port = 6379;
    bool by_path = false;
};

// Unfinished input beyond these ends the connection.
constexpr std::size_t head_bytes_max = 16 * 1024;
constexpr std::size_t frame_bytes_max = 1024 * 1024;
constexpr std::size_t command_bytes_max = 1024 * 1024;

volatile std::sig_atomic_t stopping = 0;

[[noreturn]] void fail(std::string_view what) {
    fmt::print(stderr, "carillon-floor: {}: {}\n", what, std::strerror(errno));
    std::exit(1);
}

// ---- The WebSocket's bytes (RFC 6455) ----

enum opcode : std::uint8_t { text = 1, binary = 2, close_frame = 8, ping = 9, pong = 10 };

void append_header(std::string& out, std::uint8_t op, std::size_t payload_bytes) {
    out += static_cast<char>(0x80 | op);
    const int size_bytes = payload_bytes < 126 ? 0 : payload_bytes < 65536 ? 2 : 8;
    out += static_cast<char>(size_bytes == 0 ? payload_bytes : size_bytes == 2 ? 126 : 127);
    for (int i = size_bytes - 1; i >= 0; --i) out += static_cast<char>(payload_bytes >> (8 * i) & 0xff);
}

struct frame {
    std::uint8_t op;
    std::string_view payload; // still masked
    std::array<char, 4> mask;
    std::size_t bytes; // of the whole frame
};

// The masked, unfragmented frame at the front; empty while it is not whole.
std::optional<frame> read_frame(std::string_view input) {
    if (input.size() < 2) return std::nullopt;
    const auto byte_at = [&](std::size_t i) { return static_cast<std::uint8_t>(input[i]); };
    std::uint64_t payload_bytes = byte_at(1) & 0x7f;
    const std::size_t size_bytes = payload_bytes < 126 ? 0 : payload_bytes == 126 ? 2 : 8;
    const std::size_t header_bytes = 2 + size_bytes + 4;
    if (input.size() < header_bytes) return std::nullopt;
    if (size_bytes != 0) payload_bytes = 0;
    for (std::size_t i = 0; i < size_bytes; ++i) payload_bytes = payload_bytes << 8 | byte_at(2 + i);
    if (payload_bytes > input.size() - header_bytes) return std::nullopt;
    frame read{static_cast<std::uint8_t>(byte_at(0) & 0x0f),
               input.substr(header_bytes, payload_bytes),
               {},
               header_bytes + payload_bytes};
    std::memcpy(read.mask.data(), input.data() + 2 + size_bytes, 4);
    return read;
}

void append_unmasked(std::string& out, const frame& from) {
    const std::size_t start = out.size();
    out += from.payload;
    for (std::size_t i = 0; i < from.payload.size(); ++i)
        out[start + i] = static_cast<char>(out[start + i] ^ from.mask[i & 3]);
}

// The value of a request's header, by its exact name or in lower case.
std::string_view header_of(std::string_view head, std::string_view name, std::string_view lower_name) {
    std::size_t at = head.find(name);
    if (at == std::string_view::npos) at = head.find(lower_name);
    if (at == std::string_view::npos) return {};
    std::string_view value = head.substr(at + name.size());
    value = value.substr(0, value.find('\r'));
    return value.substr(std::min(value.find_first_not_of(' '), value.size()));
}

std::string switching_protocols(std::string_view key) {
    const std::string text = std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned digest_bytes = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &digest_bytes, EVP_sha1(), nullptr);
    std::array<unsigned char, 32> accept;
    EVP_EncodeBlock(accept.data(), digest.data(), static_cast<int>(digest_bytes));
    return fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: {}\r\n\r\n",
                       reinterpret_cast<const char*>(accept.data()));
}

// "NAME" of "GET /NAME HTTP/1.1", or of "GET /any?channel=NAME HTTP/1.1"; nothing in it is decoded.
std::string_view channel_of(std::string_view head) {
    std::string_view target = head.substr(0, head.find("\r\n"));
    target = target.substr(std::min(target.find('/') + 1, target.size()));
    target = target.substr(0, target.find(' '));
    constexpr std::string_view name = "channel=";
    if (const std::size_t at = target.find(name); at != std::string_view::npos) {
        const std::string_view value = target.substr(at + name.size());
        return value.substr(0, value.find('&'));
    }
    return target.substr(0, target.find('?'));
}

// ---- The publisher's bytes (RESP) ----

// "*3" or "$7" at the front, taken away; empty while the line is not whole, negative when it is something else.
std::optional<std::int64_t> take_count(std::string_view& input, char kind) {
    const std::size_t end = input.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    std::int64_t count = -1;
    const auto [stopped, failed] = std::from_chars(input.data() + 1, input.data() + end, count);
    const bool whole = failed == std::errc{} && stopped == input.data() + end && input.front() == kind;
    input.remove_prefix(end + 2);
    return whole ? count : -1;
}

struct command {
    std::array<std::string_view, 3> words; // more are not kept
    std::size_t bytes = 0;                 // 0: not RESP
};

// The command at the front; empty while it is not whole.
std::optional<command> read_command(std::string_view input) {
    std::string_view rest = input;
    const auto count = take_count(rest, '*');
    if (!count) return std::nullopt;
    if (*count < 1) return command{};
    command read;
    for (std::int64_t i = 0; i < *count; ++i) {
        const auto bytes = take_count(rest, '$');
        if (!bytes) return std::nullopt;
        if (*bytes < 0) return command{};
        const auto size = static_cast<std::size_t>(*bytes);
        if (rest.size() < 2 || rest.size() - 2 < size) return std::nullopt;
        if (i < 3) read.words[static_cast<std::size_t>(i)] = rest.substr(0, size);
        rest.remove_prefix(size + 2);
    }
    read.bytes = input.size() - rest.size();
    return read;
}

// ---- The server ----

class server {
public:
    explicit server(const options& given) : options_{given} {
        if (epoll_ < 0) fail("epoll_create1");
        everybody_ = &channels_[""];
        listen_at(options_.port, kind::websocket_listener);
        listen_at(options_.bus_port, kind::bus_listener);
    }

    void run() {
        std::array<epoll_event, 512> events;
        while (stopping == 0) {
            const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            if (count < 0 && errno != EINTR) fail("epoll_wait");
            for (int i = 0; i < count; ++i) on_ready(events[static_cast<std::size_t>(i)].data.fd);
        }
        fmt::print("accepted {} published {} delivered {} echoed {} dropped {}\n", accepted_, published_, delivered_,
                   echoed_, dropped_);
    }

private:
    using subscribers = std::vector<int>;
    enum class kind : std::uint8_t { none, websocket_listener, bus_listener, upgrading, websocket, bus };

    // All that is kept of a connection, in a plain array indexed by descriptor.
    struct connection {
        subscribers* heard = nullptr; // the channel's; channels are never removed
        std::uint32_t place = 0;      // in it
        kind what = kind::none;
    };

    connection& at(int descriptor) {
        const auto place = static_cast<std::size_t>(descriptor);
        if (place >= connections_.size()) connections_.resize(std::max(place + 1, 2 * connections_.size()));
        return connections_[place];
    }

    void watch(int descriptor, kind what) {
        at(descriptor).what = what;
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = descriptor;
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
    }

    void listen_at(std::uint16_t port, kind what) {
        const int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int on = 1;
        const int seconds = 5;
        // Both are inherited by what is accepted. The second: no accept() before the request is there to be read.
        setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (what == kind::websocket_listener)
            setsockopt(listening, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr);
        if (bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
        if (listen(listening, 65535) != 0) fail("listen");
        watch(listening, what);
    }

    void on_ready(int descriptor) {
        switch (at(descriptor).what) {
        case kind::none: return; // closed by what came before it in the same batch
        case kind::websocket_listener: return accept_all(descriptor, kind::upgrading);
        case kind::bus_listener: return accept_all(descriptor, kind::bus);
        case kind::upgrading:
        case kind::websocket:
        case kind::bus: return receive(descriptor);
        }
    }

    void accept_all(int listening, kind what) {
        for (;;) {
            const int descriptor = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (descriptor < 0) {
                if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) fail("accept4");
                if (errno == EAGAIN) return;
                continue;
            }
            ++accepted_;
            at(descriptor).what = what;
            if (what == kind::upgrading) receive(descriptor); // the request is there already
            if (at(descriptor).what != kind::none) watch(descriptor, at(descriptor).what);
        }
    }

    // One recv(). What is not whole yet waits beside, which does not happen to small messages.
    void receive(int descriptor) {
        const ssize_t count = recv(descriptor, input_.data(), input_.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0) return end(descriptor);
        std::string_view bytes{input_.data(), static_cast<std::size_t>(count)};
        const auto kept = unfinished_.empty() ? unfinished_.end() : unfinished_.find(descriptor);
        std::string joined;
        if (kept != unfinished_.end()) {
            joined = std::move(kept->second);
            unfinished_.erase(kept);
            joined += bytes;
            bytes = joined;
        }
        std::string_view rest = bytes;
        std::size_t unfinished_bytes_max = 0;
        switch (at(descriptor).what) {
        case kind::upgrading:
            rest = upgrade(descriptor, bytes);
            unfinished_bytes_max = head_bytes_max;
            break;
        case kind::websocket:
            rest = answer_frames(descriptor, bytes);
            unfinished_bytes_max = frame_bytes_max;
            break;
        case kind::bus:
            rest = run_commands(descriptor, bytes);
            unfinished_bytes_max = command_bytes_max;
            break;
        case kind::none:
        case kind::websocket_listener:
        case kind::bus_listener: return;
        }
        if (at(descriptor).what == kind::none || rest.empty()) return;
        if (rest.size() > unfinished_bytes_max) return end(descriptor);
        unfinished_[descriptor] = rest;
    }

    // Each of these three returns what is not whole yet.

    std::string_view upgrade(int descriptor, std::string_view bytes) {
        const std::size_t end_of_head = bytes.find("\r\n\r\n");
        if (end_of_head == std::string_view::npos) return bytes;
        const std::string_view head = bytes.substr(0, end_of_head + 2);
        const std::string_view key = header_of(head, "\r\nSec-WebSocket-Key:", "\r\nsec-websocket-key:");
        if (key != last_key_ || key.empty()) {
            last_key_ = key;
            last_reply_ = switching_protocols(key);
        }
        if (!send_whole(descriptor, last_reply_)) return {};
        connection& c = at(descriptor);
        c.what = kind::websocket;
        c.heard = options_.by_path ? &channels_[std::string{channel_of(head)}] : everybody_;
        c.place = static_cast<std::uint32_t>(c.heard->size());
        c.heard->push_back(descriptor);
        return bytes.substr(end_of_head + 4);
    }

    std::string_view answer_frames(int descriptor, std::string_view bytes) {
        output_.clear();
        bool closing = false;
        while (const auto read = read_frame(bytes)) {
            bytes.remove_prefix(read->bytes);
            if (read->op == pong) continue;
            const std::uint8_t op = read->op == ping ? std::uint8_t{pong} : read->op;
            append_header(output_, op, read->payload.size());
            append_unmasked(output_, *read);
            closing = read->op == close_frame;
            if (closing) break;
            ++echoed_;
        }
        if (!output_.empty() && !send_whole(descriptor, output_)) return {};
        if (closing) end(descriptor);
        return bytes;
    }

    std::string_view run_commands(int descriptor, std::string_view bytes) {
        replies_.clear();
        while (const auto read = read_command(bytes)) {
            if (read->bytes == 0) {
                end(descriptor);
                return {};
            }
            bytes.remove_prefix(read->bytes);
            const auto& [name, channel, payload] = read->words;
            if (name == "PUBLISH" || name == "publish") {
                fmt::format_to(std::back_inserter(replies_), ":{}\r\n", publish(channel, payload));
            } else {
                replies_ += name == "PING" || name == "ping" ? "+PONG\r\n" : "-ERR only PUBLISH and PING\r\n";
            }
        }
        if (!replies_.empty()) send_whole(descriptor, replies_);
        return bytes;
    }

    // One send() for each subscriber, never for two messages together. Returns to how many.
    std::size_t publish(std::string_view channel, std::string_view payload) {
        ++published_;
        const subscribers* to = everybody_;
        if (options_.by_path) {
            const auto found = channels_.find(std::string{channel});
            if (found == channels_.end()) return 0;
            to = &found->second;
        }
        output_.clear();
        append_header(output_, text, payload.size());
        output_ += payload;
        lost_.clear();
        for (const int descriptor : *to) {
            const ssize_t sent = send(descriptor, output_.data(), output_.size(), MSG_NOSIGNAL);
            if (sent != static_cast<ssize_t>(output_.size())) lost_.push_back(descriptor);
        }
        const std::size_t delivered = to->size() - lost_.size();
        delivered_ += delivered;
        // Nothing is queued: who cannot take a message now has lost it, and a part of one would break the stream.
        dropped_ += lost_.size();
        for (const int descriptor : lost_) end(descriptor);
        return delivered;
    }

    bool send_whole(int descriptor, std::string_view bytes) {
        if (send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()))
            return true;
        ++dropped_;
        end(descriptor);
        return false;
    }

    void end(int descriptor) {
        connection& c = at(descriptor);
        if (c.heard != nullptr) {
            const int last = c.heard->back();
            (*c.heard)[c.place] = last;
            at(last).place = c.place;
            c.heard->pop_back();
        }
        unfinished_.erase(descriptor);
        c = {};
        close(descriptor); // which takes it out of the epoll set
    }

    const options options_;
    const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
    std::vector<connection> connections_{64};
    std::unordered_map<std::string, subscribers> channels_;
    subscribers* everybody_ = nullptr;
    std::unordered_map<int, std::string> unfinished_;

    std::array<char, 64 * 1024> input_;
    std::string output_;
    std::string replies_;
    subscribers lost_;
    std::string last_key_;
    std::string last_reply_;

    std::uint64_t accepted_ = 0;
    std::uint64_t published_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t echoed_ = 0;
    std::uint64_t dropped_ = 0;
};

void allow_all_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit");
}

} // namespace

int main(int argc, char** argv) {
    options given;
    CLI::App app{"The least that a WebSocket notification server can do on one thread", "carillon-floor"};
    app.add_option("--host", given.host, "IPv4 address to listen at")->check(CLI::ValidIPV4)->capture_default_str();
    app.add_option("--port", given.port, "port of the WebSockets")->capture_default_str();
    app.add_option("--bus-port", given.bus_port, "port where PUBLISH is understood")->capture_default_str();
    app.add_flag("--by-path", given.by_path, "the path /NAME, or ?channel=NAME, is the connection's channel");
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked_for_help) {
        return app.exit(asked_for_help);
    } catch (const CLI::ParseError& wrong) {
        fmt::print(stderr, "carillon-floor: {}\n", wrong.what());
        return 2;
    }
    allow_all_descriptors();
    struct sigaction on_signal{};
    on_signal.sa_handler = [](int) { stopping = 1; };
    sigaction(SIGTERM, &on_signal, nullptr);
    sigaction(SIGINT, &on_signal, nullptr);
    server{given}.run();
    return 0;
}
