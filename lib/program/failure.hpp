#pragma once

#include <exception>
#include <string>

namespace carillon::program {

/// What kept the program from running, and what to do about it where that is known: one line, without the places in
/// libraries' sources that boost::system::system_error::what() ends with.
std::string in_words(const std::exception& why);

} // namespace carillon::program
