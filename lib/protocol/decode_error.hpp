#pragma once

#include "base/result.hpp"

namespace carillon::protocol {

/// Why a message is no sequence of commands. All of them end the connection with 3501 (§1.3).
enum class decode_error : std::uint8_t {
    empty = 1,   ///< A message or one of its lines is empty.
    not_json,    ///< A line is not one JSON object.
    torn,        ///< A length does not fit the message, or what it measures is no protobuf.
    wrong_type,  ///< A member has another type than the schema gives it.
    bad_payload, ///< An embedded payload, or a member that is not in the schema, is not valid JSON.
    no_method,   ///< A command with an id asks for nothing.
};

const boost::system::error_category& decode_category() noexcept;
inline error_code make_error_code(decode_error why) noexcept { return {static_cast<int>(why), decode_category()}; }

} // namespace carillon::protocol

template <>
struct boost::system::is_error_code_enum<carillon::protocol::decode_error> : std::true_type {};
