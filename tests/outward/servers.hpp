#pragma once

#include <arpa/inet.h>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace carillon::outward {

/// A server on a free port of loopback: a thread for each connection, which does what the test says. It ends with the
/// test: then all sockets are shut.
class test_server {
public:
    /// What a connection does, its number from 0 on; it is closed afterwards.
    using script = std::function<void(test_server& of, int descriptor, int number)>;

    explicit test_server(script what) : what_{std::move(what)} {
        listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address);
        ::listen(listening_, 64);
        socklen_t size = sizeof address;
        ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size);
        port = ntohs(address.sin_port);
        accepting_ = std::thread{[this] { accept(); }};
    }
    test_server(const test_server&) = delete;
    test_server& operator=(const test_server&) = delete;
    ~test_server() {
        {
            const std::lock_guard lock{mutex_};
            ended_ = true;
            for (const int each : open_) ::shutdown(each, SHUT_RDWR);
            changed_.notify_all();
        }
        ::shutdown(listening_, SHUT_RDWR);
        accepting_.join();
        for (std::thread& each : threads_) each.join();
        ::close(listening_);
    }

    std::uint16_t port = 0;

    /// How many connections there have been.
    int connections() {
        const std::lock_guard lock{mutex_};
        return static_cast<int>(threads_.size());
    }
    /// Until the test lets it go on, or ends.
    void wait_for_go() {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return go_ || ended_; });
    }
    void go() {
        const std::lock_guard lock{mutex_};
        go_ = true;
        changed_.notify_all();
    }

    /// One request with its body; empty: the peer has ended.
    static std::string read_request(int descriptor) {
        std::string text;
        for (;;) {
            const std::size_t end = text.find("\r\n\r\n");
            if (end != text.npos && text.size() >= end + 4 + length_in(text)) return text;
            char bytes[4096];
            const auto count = ::recv(descriptor, bytes, sizeof bytes, 0);
            if (count <= 0) return {};
            text.append(bytes, static_cast<std::size_t>(count));
        }
    }
    static bool write(int descriptor, std::string_view bytes) {
        while (!bytes.empty()) {
            const auto count = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }
    static std::string ok(std::string_view body, std::string_view fields = {}) {
        return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string{fields} +
               "\r\n" + std::string{body};
    }

private:
    static std::size_t length_in(const std::string& text) {
        const std::size_t at = text.find("Content-Length: ");
        return at == text.npos ? 0 : std::stoul(text.substr(at + 16));
    }

    void accept() {
        for (int number = 0;; ++number) {
            const int descriptor = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
            if (descriptor < 0) return;
            const std::lock_guard lock{mutex_};
            open_.push_back(descriptor);
            if (ended_) ::shutdown(descriptor, SHUT_RDWR);
            threads_.emplace_back([this, descriptor, number] {
                what_(*this, descriptor, number);
                const std::lock_guard closing{mutex_};
                open_.remove(descriptor);
                ::close(descriptor);
            });
        }
    }

    script what_;
    int listening_ = -1;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::list<int> open_;
    std::list<std::thread> threads_;
    bool go_ = false;
    bool ended_ = false;
    std::thread accepting_;
};

} // namespace carillon::outward
