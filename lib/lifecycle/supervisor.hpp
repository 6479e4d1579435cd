#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::lifecycle {

/// Whoever started the program and wants to hear how it is: systemd, with Type=notify (sd_notify(3)). Without one,
/// nothing is said. Never blocks.
class supervisor {
public:
    /// Of the environment: NOTIFY_SOCKET, and WATCHDOG_USEC with WATCHDOG_PID.
    supervisor();
    supervisor(const supervisor&) = delete;
    supervisor& operator=(const supervisor&) = delete;
    ~supervisor();

    /// How often it must hear that all is well; none: it does not look.
    std::optional<std::chrono::microseconds> watchdog() const noexcept { return watchdog_; }

    void ready() const { say("READY=1"); }
    /// The same, of a process that takes the place of the one that was started.
    void ready_as_main() const;
    /// To be followed by ready().
    void reloading() const;
    void stopping() const { say("STOPPING=1"); }
    void alive() const {
        if (watchdog_) say("WATCHDOG=1");
    }

private:
    void say(std::string_view what) const;

    int descriptor_ = -1;
    std::string path_; // of its socket; a name that is no file's begins with a zero
    std::optional<std::chrono::microseconds> watchdog_;
};

} // namespace carillon::lifecycle
