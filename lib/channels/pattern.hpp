#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace carillon::channels {

/// A regular expression in RE2's syntax that a text is like as a whole, with or without ^ and $. What matching costs
/// grows with the length of the text and with nothing else, whoever wrote it, and so does memory, up to a bound.
///
/// What a text has taught it is kept behind a lock of the library's own: give each thread its own pattern, and nobody
/// ever waits there.
class pattern {
public:
    /// `text` is one that `check_pattern` has no complaint about.
    explicit pattern(const std::string& text);
    ~pattern();
    pattern(pattern&&) noexcept;
    pattern& operator=(pattern&&) noexcept;

    /// A text that is not UTF-8 is like nothing. Allocates only when a text is of a kind that was not seen before.
    bool matches(std::string_view text) const noexcept;

private:
    std::unique_ptr<re2::RE2> compiled_;
};

/// Why the text cannot be a pattern: a piece of a sentence in one line, like "missing ]: [a-z"; empty: it can.
std::optional<std::string> check_pattern(const std::string& text);

} // namespace carillon::channels
