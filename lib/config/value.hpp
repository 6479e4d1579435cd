#pragma once

#include "config/option.hpp"

#include <boost/describe/enumerators.hpp>
#include <boost/mp11/algorithm.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace carillon::config {

/// One line that says what is wrong and what would be right; none: all is well.
using complaint = std::optional<std::string>;

/// Reads the texts into the option's member and checks the range. Lists take any number of texts, all other options
/// exactly one. The complaint does not name the source. It shows the text, but never a secret's.
complaint assign(settings& into, const option& option, std::span<const std::string> texts);

/// The member as a text that `assign` reads back; a list is joined by commas, a bus is without its password.
std::string text_of(const settings& from, const option& option);

/// `text` for a message: in quotes, cut if it is long, with ? for what is not printable ASCII.
std::string in_quotes(std::string_view text);

/// The names of an enumeration that is defined with BOOST_DEFINE_ENUM_CLASS.
template <class Enum>
std::vector<std::string_view> enumerator_names() {
    std::vector<std::string_view> names;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<Enum>>(
        [&](auto enumerator) { names.emplace_back(enumerator.name); });
    return names;
}

} // namespace carillon::config
