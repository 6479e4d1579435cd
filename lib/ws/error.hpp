#pragma once

#include "base/result.hpp"

#include <boost/system/error_category.hpp>

#include <type_traits>

namespace carillon::ws {

/// What a peer did wrong. `close_code_for` (ws/close.hpp) says with which code the connection must be closed.
enum class error {
    none = 0,                ///< nothing is wrong
    reserved_bits,           ///< a reserved bit is set though no extension gives it a meaning there
    reserved_opcode,         ///< the opcode is reserved
    control_fragmented,      ///< a control frame does not carry FIN
    control_too_long,        ///< a control frame announces more than 125 bytes
    length_not_minimal,      ///< the payload length is written in more bytes than it needs
    length_too_big,          ///< the top bit of the 64-bit payload length is set
    not_masked,              ///< a client sent a frame that is not masked
    masked,                  ///< a server sent a frame that is masked
    unexpected_continuation, ///< a continuation frame came while no message was open
    message_interrupted,     ///< a new message began before the open one was finished
    message_too_big,         ///< a message is longer than the limit
    invalid_utf8,            ///< a text message or the reason of a close frame is not UTF-8
    not_deflated,            ///< what is marked as compressed is no DEFLATE, or ends within a block
    close_too_short,         ///< a close frame carries one byte, half a close code
    close_code_invalid,      ///< a close frame carries a code that may not be sent
};

const boost::system::error_category& error_category() noexcept;

boost::system::error_code make_error_code(error why) noexcept;

} // namespace carillon::ws

template <>
struct boost::system::is_error_code_enum<carillon::ws::error> : std::true_type {};
