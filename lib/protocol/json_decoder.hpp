#pragma once

#include "base/result.hpp"
#include "protocol/command.hpp"
#include "protocol/decode_error.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace carillon::protocol {

/// Takes the JSON form of the protocol apart (§1.3): lines of one message, each a command. Keeps buffers of its own for
/// messages of up to `message_bytes_max` and allocates nothing after it was made, but for half surrogates and for the
/// subscriptions of a connect. One for each shard. Not thread-safe.
class json_decoder {
public:
    explicit json_decoder(std::size_t message_bytes_max);
    ~json_decoder();
    json_decoder(const json_decoder&) = delete;
    json_decoder& operator=(const json_decoder&) = delete;

    /// `line` is at most `message_bytes_max` long, and 64 bytes after it may be read (what is in them does not matter).
    /// The views of the command are valid until the next call, or until the bytes of `line` change.
    result<command> decode(std::string_view line);

private:
    struct implementation;
    std::unique_ptr<implementation> inner_;
};

/// The next line of a message: takes it and its line break from the front of `message`. One line break at the end is
/// tolerated (§1.3), so "a\n" is one line. Empty when nothing is left.
std::optional<std::string_view> next_line(std::string_view& message) noexcept;

} // namespace carillon::protocol
