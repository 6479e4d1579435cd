#pragma once

#include "base/result.hpp"

#include <string_view>
#include <type_traits>

namespace carillon::resp {

/// Why bytes are no command or no reply. The sentences for commands are those of Redis 7, word for word where Redis has
/// one.
enum class error {
    // Commands, in the words of networking.c of Redis
    invalid_multibulk_length = 1,     ///< the count after '*' is no integer, or larger than arguments_max
    invalid_bulk_length,              ///< the length after '$' is no integer, negative, or larger than bulk_bytes_max
    expected_bulk,                    ///< an argument does not start with '$'
    too_big_multibulk_count,          ///< the line that starts with '*' does not end
    too_big_bulk_count,               ///< the line that should start with '$' does not end
    too_big_inline,                   ///< the inline command does not end, or has too many or too long arguments
    unbalanced_quotes,                ///< a quote of an inline command is not closed, or is followed by a letter
    unauthenticated_multibulk_length, ///< more than 10 arguments before the login
    unauthenticated_bulk_length,      ///< an argument of more than 16 KiB before the login
    // Commands, where Redis has no words
    missing_line_end, ///< a header or an argument is not followed by CR LF (Redis skips any two bytes)
    command_too_big,  ///< the command is longer than command_bytes_max
    // Replies
    unknown_type,       ///< the first byte of a value names no type
    invalid_length,     ///< the length or count of a value is no integer in its range
    invalid_integer,    ///< a number is not a signed 64-bit integer
    invalid_double,     ///< a double is neither a decimal number nor inf, -inf or nan
    invalid_boolean,    ///< a boolean is neither t nor f
    invalid_null,       ///< a null carries bytes
    invalid_big_number, ///< a big number has something other than digits after its sign
    invalid_verbatim,   ///< a verbatim string does not start with three bytes and a colon
    streamed_value,     ///< a value of unknown length ('?'), which no Redis or Valkey sends
    nested_push,        ///< a push inside another value
    too_many_nodes,     ///< the reply promises more than nodes_max values
    too_deep,           ///< the reply nests deeper than depth_max
    reply_too_big,      ///< the reply is longer than bytes_max
};

/// The sentence for `why`; static text. For expected_bulk the command parser adds the byte it got.
std::string_view text(error why) noexcept;

/// The category named "carillon.resp".
const boost::system::error_category& error_category() noexcept;

inline carillon::error_code make_error_code(error why) noexcept { return {static_cast<int>(why), error_category()}; }

} // namespace carillon::resp

template <>
struct boost::system::is_error_code_enum<carillon::resp::error> : std::true_type {};
