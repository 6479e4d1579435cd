#include "lifecycle/supervisor.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace carillon::lifecycle {

namespace {

std::string_view variable(const char* name) {
    const char* const text = std::getenv(name);
    return text == nullptr ? std::string_view{} : text;
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

} // namespace

supervisor::supervisor() : path_{variable("NOTIFY_SOCKET")} {
    const bool is_name = !path_.empty() && (path_.front() == '/' || path_.front() == '@');
    if (!is_name || path_.size() >= sizeof(sockaddr_un::sun_path)) return;
    if (path_.front() == '@') path_.front() = '\0';
    descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const auto whose = number(variable("WATCHDOG_PID"));
    const auto length = number(variable("WATCHDOG_USEC"));
    if (length && *length > 0 && (!whose || *whose == static_cast<std::uint64_t>(::getpid())))
        watchdog_ = std::chrono::microseconds{*length};
}

supervisor::~supervisor() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void supervisor::reloading() const {
    if (descriptor_ < 0) return;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto since = std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
    const auto count = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
    say("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(count));
}

void supervisor::ready_as_main() const { say("READY=1\nMAINPID=" + std::to_string(::getpid())); }

// Who does not listen has missed it.
void supervisor::say(std::string_view what) const {
    if (descriptor_ < 0) return;
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::copy(path_.begin(), path_.end(), to.sun_path);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
    (void)::sendto(descriptor_, what.data(), what.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), size);
}

} // namespace carillon::lifecycle
