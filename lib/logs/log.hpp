#pragma once

#include "config/settings.hpp"

#include <chrono>
#include <cstdint>

namespace carillon::logs {

/// Sets spdlog up as the configuration says: lines on stderr, as text or as one JSON object each, written by a thread
/// of their own (`log_queue`). Throws std::system_error when there is no thread to be had.
void set_up_log(const config::settings& how);

/// Lines that were dropped since the start because nobody read them. Any thread.
std::uint64_t log_lines_dropped() noexcept;

/// Before the process ends: waits until all lines are written, at most so long.
void finish_log(std::chrono::milliseconds patience);

} // namespace carillon::logs
