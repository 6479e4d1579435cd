#pragma once

#include <boost/system/result.hpp>

namespace carillon {

/// A value, or the error_code that says why there is none. Expected failures (a peer's bad input, a refused system
/// call) are values; exceptions are for start-up only.
template <class T>
using result = boost::system::result<T>;

using boost::system::error_code;

} // namespace carillon
