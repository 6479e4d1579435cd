#pragma once

#include <chrono>
#include <cstdio>
#include <string_view>

namespace carillon::load {

/// One line of a terminal that says how far something is, drawn over itself. Thread: one at a time.
class progress {
public:
    using clock = std::chrono::steady_clock;

    /// Draws to `to`, which must outlive it; or nothing at all unless `shown`, as where `to` is no terminal.
    progress(std::FILE* to, bool shown);
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress() { clear(); }

    /// "what [####      ]  40 %". `share` is 0 to 1; a long `what` is cut. Draws at most ten times a second; what comes
    /// between is forgotten.
    void show(std::string_view what, double share, clock::time_point now = clock::now());

    /// Takes the line away, if there is one, so that something else can be written.
    void clear();

private:
    std::FILE* const to_;
    const bool shown_;
    bool drawn_ = false;
    clock::time_point next_draw_{};
};

} // namespace carillon::load
