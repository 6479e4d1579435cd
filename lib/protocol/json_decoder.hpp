#pragma once

#include "base/result.hpp"
#include "protocol/command.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace carillon::protocol {

/// Why a message is no sequence of commands. All of them end the connection with 3501 (§1.3).
enum class decode_error : std::uint8_t {
    empty = 1,   ///< A message or one of its lines is empty.
    not_json,    ///< A line is not one JSON object.
    wrong_type,  ///< A member has another type than the schema gives it.
    bad_payload, ///< An embedded payload, or a member that is not in the schema, is not valid JSON.
    no_method,   ///< A command with an id asks for nothing.
};

const boost::system::error_category& decode_category() noexcept;
inline error_code make_error_code(decode_error why) noexcept { return {static_cast<int>(why), decode_category()}; }

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

template <>
struct boost::system::is_error_code_enum<carillon::protocol::decode_error> : std::true_type {};
