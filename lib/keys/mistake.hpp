#pragma once

#include "base/result.hpp"

#include <string>

namespace carillon::keys {

/// Why a key is of no use: a sentence for the operator that names the key and what is wrong with it, and has none of
/// its bytes.
struct mistake {
    std::string sentence;
};

/// What was asked for, or the sentence.
template <class T>
using or_mistake = boost::system::result<T, mistake>;

} // namespace carillon::keys
