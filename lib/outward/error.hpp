#pragma once

#include "base/result.hpp"

#include <boost/system/error_category.hpp>

#include <cstdint>
#include <type_traits>

namespace carillon::outward {

/// Why there is no answer to a request.
enum class error : std::uint8_t {
    busy = 1,    ///< as many requests as allowed are on their way or wait
    broken,      ///< the target has failed too often just now, and is left alone for a while
    timed_out,   ///< no whole answer came in time
    unreachable, ///< its name is not known, or nobody listens there
    untrusted,   ///< TLS failed: as when its certificate is not good
    lost,        ///< the connection ended before the answer was whole
    malformed,   ///< the answer is no HTTP
    too_big,     ///< the answer is larger than the limit
    stopped,     ///< the process ends
};

const boost::system::error_category& error_category() noexcept;
error_code make_error_code(error why) noexcept;

} // namespace carillon::outward

template <>
struct boost::system::is_error_code_enum<carillon::outward::error> : std::true_type {};
