#include "http/cache_control.hpp"

#include "http/ascii.hpp"

#include <charconv>
#include <cstdint>
#include <limits>

namespace carillon::http {

namespace {

constexpr std::string_view max_age = "max-age";

// More than fits is as long as can be said; what is no number is stale (RFC 9111 §1.2.2, §4.2.1).
std::chrono::seconds seconds_in(std::string_view text) noexcept {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    std::uint32_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || end != text.data() + text.size()) return std::chrono::seconds::zero();
    if (failed == std::errc::result_out_of_range) number = std::numeric_limits<std::int32_t>::max();
    return std::chrono::seconds{failed == std::errc::invalid_argument ? 0 : number};
}

} // namespace

std::optional<std::chrono::seconds> max_age_of(std::string_view cache_control) noexcept {
    std::optional<std::chrono::seconds> found;
    any_element(cache_control, [&](std::string_view element) {
        if (same_ignoring_case(element, "no-store") || same_ignoring_case(element, "no-cache")) {
            found = std::chrono::seconds::zero();
            return true;
        }
        const std::size_t equals = element.find('=');
        if (equals != element.npos && same_ignoring_case(element.substr(0, equals), max_age))
            found = seconds_in(element.substr(equals + 1));
        return false;
    });
    return found;
}

} // namespace carillon::http
