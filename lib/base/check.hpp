#pragma once

namespace carillon {

/// Writes one line with the place and the expression to stderr and aborts.
[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

} // namespace carillon

/// States what only a bug of ours can break; never applied to input. Stays on in release builds: the checks are cheap
/// and a gateway with a broken invariant must not go on.
#define CHECK(expression)                                                                                              \
    (static_cast<bool>(expression) ? void(0) : ::carillon::check_failed(#expression, __FILE__, __LINE__))
