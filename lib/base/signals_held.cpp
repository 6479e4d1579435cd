#include "base/signals_held.hpp"

#include <csignal>
#include <initializer_list>
#include <pthread.h>

namespace carillon {

signals_held::signals_held() noexcept {
    sigset_t these;
    sigemptyset(&these);
    for (const int each : {SIGHUP, SIGINT, SIGTERM}) sigaddset(&these, each);
    ::pthread_sigmask(SIG_BLOCK, &these, &before_);
}

signals_held::~signals_held() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

} // namespace carillon
