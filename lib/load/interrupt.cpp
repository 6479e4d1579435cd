#include "load/interrupt.hpp"

#include <csignal>

namespace carillon::load {
namespace {

volatile std::sig_atomic_t caught = 0;

void remember(int) { caught = 1; }

} // namespace

void catch_interrupts() noexcept {
    struct sigaction action{};
    action.sa_handler = remember;
    action.sa_flags = static_cast<int>(SA_RESETHAND); // no SA_RESTART: waits end
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() noexcept { return caught != 0; }

} // namespace carillon::load
