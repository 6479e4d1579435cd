#pragma once

#include "link/server.hpp"
#include "ws/assembler.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace carillon::session {

/// A request head that has come in part.
struct half_head final : link::partial {
    std::string bytes;
    std::size_t scanned = 0;
};

/// A message that has come in part, or one whose later commands wait for an earlier one to be answered.
struct half_message final : link::partial {
    explicit half_message(ws::assembler&& begun) noexcept : assembler{std::move(begun)} {}
    std::size_t size() const noexcept { return assembler.kept_bytes() + lines.size() + bytes.size(); }

    ws::assembler assembler;
    std::string lines;        // of the message, not handled yet; in protobuf its commands with their lengths
    std::size_t commands = 0; // of the message, handled already
    std::string bytes;        // that came after it, not read yet
};

} // namespace carillon::session
