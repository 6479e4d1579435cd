#pragma once

#include "base/result.hpp"
#include "takeover/records.hpp"

#include <cstdint>
#include <string_view>

namespace carillon::takeover {

/// Why bytes are no message.
enum class error : std::uint8_t {
    torn = 1,  ///< It ends too early.
    too_long,  ///< It does not end where it should.
    unknown,   ///< Nobody knows this kind of message.
    bad_value, ///< A value in it cannot be.
};

const boost::system::error_category& takeover_category() noexcept;
inline error_code make_error_code(error why) noexcept { return {static_cast<int>(why), takeover_category()}; }

/// The message that is all of `bytes`. Allocates no more than a small multiple of them.
result<message> read(std::string_view bytes);

} // namespace carillon::takeover

template <>
struct boost::system::is_error_code_enum<carillon::takeover::error> : std::true_type {};
