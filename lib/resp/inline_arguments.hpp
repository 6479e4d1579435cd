#pragma once

#include "resp/line.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace carillon::resp {

/// Splits an inline command into arguments by the rules of redis-cli and Redis (sdssplitargs): blanks separate; inside
/// double quotes \xHH, \n, \r, \t, \b and \a are escapes and any other \c is c; inside single quotes only \' is one; a
/// closing quote must be followed by a blank or by nothing. Quotes may begin in the middle of a word.
///
/// Appends the plain bytes of all arguments to `bytes` and their places in it to `places`. False: quotes are
/// unbalanced.
bool split_inline(std::string_view line, std::string& bytes, std::vector<place>& places);

} // namespace carillon::resp
