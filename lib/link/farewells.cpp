#include "link/farewells.hpp"

#include <array>
#include <cerrno>
#include <span>

namespace carillon::link {

namespace {
// Of what one peer has sent, read in one go.
constexpr int reads_max = 16;
} // namespace

void farewells::take(int descriptor) {
    calls_.shutdown_sending(descriptor);
    if (!drop_what_came(descriptor)) {
        calls_.close(descriptor);
        return;
    }
    if (parting_.size() >= descriptors_max_ && !parting_.empty()) {
        ++counters_.farewells_cut_short;
        close_oldest();
    }
    parting_.push_back({descriptor, std::chrono::steady_clock::now() + patience});
    ++counters_.farewells;
    if (parting_.size() == 1) await_next();
}

// False: the peer has ended, too, and nothing is lost by closing.
bool farewells::drop_what_came(int descriptor) {
    std::array<std::byte, 4096> dropped;
    for (int i = 0; i < reads_max; ++i) {
        const net::io_result result = calls_.receive(descriptor, dropped);
        if (result.would_block() || result.error == EINTR) return true;
        if (result.error != 0 || result.value == 0) return false;
    }
    return true;
}

void farewells::close_oldest() {
    const int descriptor = parting_.front().descriptor;
    parting_.pop_front();
    --counters_.farewells;
    drop_what_came(descriptor);
    calls_.close(descriptor);
}

void farewells::await_next() {
    timer_.expires_at(parting_.front().until);
    timer_.async_wait([this](boost::system::error_code stopped) {
        if (stopped) return;
        const auto now = std::chrono::steady_clock::now();
        while (!parting_.empty() && parting_.front().until <= now) close_oldest();
        if (!parting_.empty()) await_next();
    });
}

void farewells::close_all() {
    timer_.cancel();
    while (!parting_.empty()) close_oldest();
}

} // namespace carillon::link
