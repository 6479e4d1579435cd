#pragma once

namespace carillon::load {

/// From now on the first SIGINT or SIGTERM is only remembered; the second ends the process as usual.
void catch_interrupts() noexcept;

/// Whether there has been one.
bool interrupted() noexcept;

} // namespace carillon::load
