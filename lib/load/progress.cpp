#include "load/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace carillon::load {
namespace {

constexpr std::chrono::milliseconds redraw_after{100};
constexpr std::size_t what_columns_max = 48; // with the bar and the percents less than the 80 of a small terminal
constexpr int bar_columns = 20;
// Back to the beginning of the line, and away with what stands there (ECMA-48 EL).
constexpr std::string_view clean_line = "\r\x1b[K";

} // namespace

progress::progress(std::FILE* to, bool shown) : to_{to}, shown_{shown} {}

void progress::show(std::string_view what, double share, clock::time_point now) {
    if (!shown_ || now < next_draw_) return;
    share = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0.0;
    const auto full = static_cast<int>(std::lround(share * bar_columns));
    const std::string line =
        fmt::format("{}{} [{:#<{}}{: <{}}] {:3.0f} %", clean_line, what.substr(0, what_columns_max), "", full, "",
                    bar_columns - full, std::floor(share * 100));
    std::fwrite(line.data(), 1, line.size(), to_);
    std::fflush(to_);
    drawn_ = true;
    next_draw_ = now + redraw_after;
}

void progress::clear() {
    if (!drawn_) return;
    std::fwrite(clean_line.data(), 1, clean_line.size(), to_);
    std::fflush(to_);
    drawn_ = false;
}

} // namespace carillon::load
