#pragma once

#include "resp/reply.hpp"

#include <string>
#include <string_view>

namespace carillon::discovery {

/// A server's words, which may be long and of any bytes, as one short line.
std::string for_the_log(std::string_view why);

/// An answer to a command without the arguments that it may say over again, or their beginning: the password is one.
std::string without_arguments(std::string_view text, std::string_view password);

inline bool is_error(const resp::node& answer) noexcept {
    return answer.kind == resp::type::error || answer.kind == resp::type::blob_error;
}

} // namespace carillon::discovery
