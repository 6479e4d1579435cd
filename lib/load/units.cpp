#include "load/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace carillon::load {
namespace {

// Three digits, whichever side of the point they are on.
std::string three_digits(double value) {
    const double size = std::abs(value);
    if (size < 9.995) return fmt::format("{:.2f}", value);
    if (size < 99.95) return fmt::format("{:.1f}", value);
    return fmt::format("{:.0f}", value);
}

struct unit {
    double size;
    std::string_view name;
};

// `units` from small to big; the first is never divided further.
std::string in_units(double value, std::span<const unit> units, double step) {
    std::size_t chosen = 0;
    // What would be rounded to the next unit is told in it.
    while (chosen + 1 < units.size() && std::abs(value) >= (step - 0.5) * units[chosen].size) ++chosen;
    if (chosen == 0) return fmt::format("{:.0f} {}", value, units[0].name);
    return fmt::format("{} {}", three_digits(value / units[chosen].size), units[chosen].name);
}

} // namespace

std::string human_time(std::chrono::nanoseconds length) {
    constexpr unit units[]{{1, "ns"}, {1e3, "us"}, {1e6, "ms"}, {1e9, "s"}};
    return in_units(static_cast<double>(length.count()), units, 1000);
}

std::string human_bytes(double bytes) {
    constexpr unit units[]{{1, "B"}, {1024, "KiB"}, {1024.0 * 1024, "MiB"}, {1024.0 * 1024 * 1024, "GiB"}};
    return in_units(bytes, units, 1024);
}

std::string grouped(std::int64_t number) {
    std::string text = fmt::format("{}", number);
    const std::ptrdiff_t first = number < 0 ? 1 : 0;
    for (auto place = static_cast<std::ptrdiff_t>(text.size()) - 3; place > first; place -= 3)
        text.insert(text.begin() + place, ',');
    return text;
}

std::string human_rate(double per_second) {
    return std::abs(per_second) < 99.95 ? three_digits(per_second) : grouped(std::llround(per_second));
}

std::string words_of(std::string_view name) {
    std::string words{name};
    std::replace(words.begin(), words.end(), '_', ' ');
    return words;
}

} // namespace carillon::load
