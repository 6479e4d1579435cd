#pragma once

#include <csignal>

namespace carillon {

/// While this lives, the calling thread takes no SIGHUP, SIGINT and SIGTERM, and a thread that it starts never does:
/// only the one that answers them is interrupted by them.
class signals_held {
public:
    signals_held() noexcept;
    signals_held(const signals_held&) = delete;
    signals_held& operator=(const signals_held&) = delete;
    ~signals_held();

private:
    sigset_t before_{};
};

} // namespace carillon
