#pragma once

#include "base/check.hpp"

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::keys {

inline constexpr std::size_t json_depth_max = 64; ///< what is nested deeper in a token or a JWK is no JSON for us

/// One JSON object, checked whole before anything of it is looked at: syntax, UTF-8, nesting, and that nothing follows.
/// Numbers of more than 64 bits are refused with it. Keeps its buffers. Not thread-safe.
class json_object {
public:
    explicit json_object(std::size_t bytes_max) : padded_(bytes_max + simdjson::SIMDJSON_PADDING, ' ') {
        CHECK(checker_.allocate(bytes_max, json_depth_max) == simdjson::SUCCESS);
    }

    /// False: not one object. Texts longer than `bytes_max` are bugs. The object is valid until the next call.
    bool open(std::string_view text, simdjson::dom::object& into) {
        CHECK(text.size() + simdjson::SIMDJSON_PADDING <= padded_.size());
        std::fill(std::copy(text.begin(), text.end(), padded_.begin()), padded_.end(), ' ');
        size_ = text.size();
        if (text.starts_with('\xEF')) return false; // a byte order mark, which some versions of simdjson pass over
        return checker_.parse(padded_.data(), size_, false).get_object().get(into) == simdjson::SUCCESS;
    }

    /// The text that was opened.
    std::string_view text() const noexcept { return {padded_.data(), size_}; }

    /// ... with the bytes behind it that may be read.
    simdjson::padded_string_view padded_text() const noexcept {
        return simdjson::padded_string_view{padded_.data(), size_, padded_.size()};
    }

private:
    std::string padded_;
    std::size_t size_ = 0;
    simdjson::dom::parser checker_;
};

/// Whether no two members have the same name.
inline bool names_are_distinct(const simdjson::dom::object& object) {
    std::vector<std::string_view> names;
    for (const auto member : object) names.push_back(member.key);
    std::ranges::sort(names);
    return std::ranges::adjacent_find(names) == names.end();
}

} // namespace carillon::keys
