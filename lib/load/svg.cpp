#include "load/svg.hpp"

#include "load/events.hpp"
#include "load/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace carillon::load {
namespace {

// The picture in its own units: the plot, with room for the title and four labels above and for the ticks below.
constexpr double width = 820;
constexpr double height = 420;
constexpr double plot_left = 64;
constexpr double plot_right = 796;
constexpr double plot_top = 132;
constexpr double plot_bottom = 370;
constexpr double label_top = 72;
constexpr double label_height = 16;

// The axis begins with 1 us, in powers of ten of nanoseconds, and ends with 1 s unless something took longer.
constexpr int first_decade = 3;
constexpr int last_decade = 9;
constexpr int longest_decade = 11;
// A bin of 1 % is thinner than a line, so bins are added up.
constexpr int bars_per_decade = 25;

constexpr std::string_view style = R"(<style>
  svg { color-scheme: light dark; --paper: #ffffff; --ink: #1f2430; --faint: #d5d9e0; --soft: #5d6675; --bar: #3f74c4;
        --mark: #b3471d; }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #14171d; --ink: #e6e9ef; --faint: #333a46; --soft: #9aa4b4; --bar: #6fa2ee; --mark: #f0936b; }
  }
  text { font: 12px system-ui, sans-serif; fill: var(--ink); }
  .title { font-size: 16px; font-weight: 600; }
  .soft { fill: var(--soft); }
  .paper { fill: var(--paper); }
  .grid { stroke: var(--faint); stroke-width: 1; }
  .axis { stroke: var(--soft); stroke-width: 1; }
  .bar { fill: var(--bar); }
  .mark { stroke: var(--mark); stroke-width: 1.5; }
  .label { fill: var(--mark); paint-order: stroke; stroke: var(--paper); stroke-width: 5; stroke-linejoin: round; }
</style>
)";

struct picture {
    std::string text;
    int end_decade = last_decade;

    template <class... Values>
    void draw(fmt::format_string<Values...> format, Values&&... values) {
        fmt::format_to(std::back_inserter(text), format, std::forward<Values>(values)...);
        text += '\n';
    }

    double across_at(double nanoseconds) const {
        const double decades = std::log10(std::max(nanoseconds, 1.0)) - first_decade;
        const double share = std::clamp(decades / (end_decade - first_decade), 0.0, 1.0);
        return plot_left + share * (plot_right - plot_left);
    }
};

// A picture may write what a terminal should not.
std::string with_micro_sign(std::string text) {
    if (text.ends_with(" us")) text.replace(text.size() - 2, 1, "µ");
    return text;
}

std::vector<std::uint64_t> bars_of(const latencies& of, int end_decade) {
    std::vector<std::uint64_t> bars(static_cast<std::size_t>((end_decade - first_decade) * bars_per_decade));
    for (const latencies::bin& bin : of.bins()) {
        const double middle = std::sqrt(static_cast<double>(bin.from.count()) * static_cast<double>(bin.to.count()));
        const auto place = static_cast<std::int64_t>((std::log10(middle) - first_decade) * bars_per_decade);
        const auto last = static_cast<std::int64_t>(bars.size()) - 1;
        bars[static_cast<std::size_t>(std::clamp<std::int64_t>(place, 0, last))] += bin.count;
    }
    return bars;
}

void draw_axes(picture& to, std::uint64_t highest, std::uint64_t count) {
    for (int decade = first_decade; decade <= to.end_decade; ++decade) {
        const double length = std::pow(10, decade);
        const double x = to.across_at(length);
        to.draw(R"(<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>)", x, plot_top, plot_bottom + 5);
        const char* const names[]{"1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s"};
        to.draw(R"(<text class="soft" x="{:.1f}" y="{}" text-anchor="middle">{}</text>)", x, plot_bottom + 22,
                names[decade - first_decade]);
    }
    const double share = 100.0 * static_cast<double>(highest) / static_cast<double>(count);
    to.draw(R"(<line class="grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>)", plot_left, plot_right, plot_top);
    to.draw(R"(<text class="soft" x="{}" y="{}" text-anchor="end">{:.2g} %</text>)", plot_left - 8, plot_top + 4,
            share);
    to.draw(R"(<text class="soft" x="{}" y="{}" text-anchor="end">0</text>)", plot_left - 8, plot_bottom + 4);
}

void draw_bars(picture& to, const std::vector<std::uint64_t>& bars, std::uint64_t highest) {
    const double bar_width = (plot_right - plot_left) / static_cast<double>(bars.size());
    for (std::size_t i = 0; i < bars.size(); ++i) {
        if (bars[i] == 0) continue;
        // What is there is seen, however little it is.
        const double part = static_cast<double>(bars[i]) / static_cast<double>(highest);
        const double tall = std::max(1.0, part * (plot_bottom - plot_top));
        to.draw(R"(<rect class="bar" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>)",
                plot_left + static_cast<double>(i) * bar_width, plot_bottom - tall, bar_width - 0.6, tall);
    }
    to.draw(R"(<line class="axis" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>)", plot_left, plot_right, plot_bottom);
}

// Each mark has a height of its own, so that labels never meet.
void draw_marks(picture& to, const latencies& of) {
    struct mark {
        std::string_view name;
        std::chrono::nanoseconds length;
    };
    const std::array marks{mark{"p50", of.percentile(0.5)}, mark{"p99", of.percentile(0.99)},
                           mark{"p99.9", of.percentile(0.999)}, mark{"max", of.max()}};
    double y = label_top;
    for (const auto& [name, length] : marks) {
        const double x = to.across_at(static_cast<double>(length.count()));
        const bool left = x > (plot_left + plot_right) / 2;
        to.draw(R"(<line class="mark" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>)", x, y - 10, plot_bottom);
        to.draw(R"(<text class="label" x="{:.1f}" y="{}" text-anchor="{}">{} {}</text>)", left ? x - 6 : x + 6, y,
                left ? "end" : "start", name, with_micro_sign(human_time(length)));
        y += label_height;
    }
}

} // namespace

std::string as_svg(const outcome& of) {
    picture to;
    to.draw(R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img">)", width, height);
    to.text += style;
    to.draw(R"(<rect class="paper" width="{}" height="{}"/>)", width, height);
    const auto main = main_events(of);
    const std::string what = main ? words_of(main->name) : "no latencies";
    to.draw(R"(<text class="title" x="{}" y="28">{}: {}</text>)", plot_left, xml_escaped(of.scene), what);
    to.draw(R"(<text class="soft" x="{}" y="46">{}</text>)", plot_left, xml_escaped(of.target));
    to.draw(R"(<text class="soft" x="{}" y="46" text-anchor="end">{}</text>)", plot_right, xml_escaped(of.began));
    if (main) {
        const latencies& latency = main->figures.latency;
        while (to.end_decade<longest_decade&& static_cast<double>(latency.max().count())> std::pow(10, to.end_decade))
            ++to.end_decade;
        const auto bars = bars_of(latency, to.end_decade);
        const std::uint64_t highest = *std::max_element(bars.begin(), bars.end());
        to.draw(R"(<text class="soft" x="{}" y="28" text-anchor="end">{} in all</text>)", plot_right,
                grouped(static_cast<std::int64_t>(latency.count())));
        draw_axes(to, highest, latency.count());
        draw_bars(to, bars, highest);
        draw_marks(to, latency);
    }
    to.draw("</svg>");
    return to.text;
}

std::string xml_escaped(std::string_view text) {
    std::string escaped;
    escaped.reserve(text.size());
    for (const char byte : text) {
        switch (byte) {
        case '&': escaped += "&amp;"; break;
        case '<': escaped += "&lt;"; break;
        case '>': escaped += "&gt;"; break;
        case '"': escaped += "&quot;"; break;
        case '\'': escaped += "&#39;"; break;
        default: escaped += static_cast<unsigned char>(byte) < ' ' && byte != '\t' && byte != '\n' ? '?' : byte;
        }
    }
    return escaped;
}

} // namespace carillon::load
