#pragma once

namespace carillon {

/// Opens /dev/null in the place of standard input, output and error where they are closed. Otherwise the next file or
/// socket would get their number, and with it what is meant for a terminal or a log. To be called first in main().
void keep_standard_streams() noexcept;

} // namespace carillon
