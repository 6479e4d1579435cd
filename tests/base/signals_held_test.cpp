#include "base/signals_held.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <pthread.h>
#include <thread>

namespace carillon {
namespace {

bool takes(int signal) {
    sigset_t now;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
    return sigismember(&now, signal) == 0;
}

TEST(signals_held, are_not_taken_by_threads_that_are_started_meanwhile) {
    std::thread started;
    bool taken = true;
    {
        const signals_held held;
        for (const int each : {SIGHUP, SIGINT, SIGTERM}) EXPECT_FALSE(takes(each)) << each;
        EXPECT_TRUE(takes(SIGUSR1));
        started = std::thread{[&] { taken = takes(SIGTERM); }};
    }
    started.join();
    EXPECT_FALSE(taken);
    for (const int each : {SIGHUP, SIGINT, SIGTERM}) EXPECT_TRUE(takes(each)) << each;
}

TEST(signals_held, that_were_held_before_still_are) {
    const signals_held outer;
    { const signals_held inner; }
    EXPECT_FALSE(takes(SIGTERM));
}

} // namespace
} // namespace carillon
