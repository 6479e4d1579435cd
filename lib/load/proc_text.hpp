#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::load {

/// All of a file of /proc, which tells no size beforehand. Errors: open()'s and read()'s.
result<std::string> read_proc_file(const std::string& path);

/// The next line of `text` without its line break, taken from the front; empty when nothing is left. Pure.
std::optional<std::string_view> take_line(std::string_view& text);

/// The next word of `line`, between blanks, taken from the front; an empty one when nothing is left. Pure.
std::string_view take_word(std::string_view& line);

/// A whole number that is not negative; empty when `word` is something else or too big. Pure.
std::optional<std::int64_t> whole_number(std::string_view word);

/// The bytes of the line "NAME   123 kB" whose first word is `name`; empty when there is none. Pure.
std::optional<std::int64_t> kibibytes_after(std::string_view text, std::string_view name);

} // namespace carillon::load
