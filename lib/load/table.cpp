#include "load/table.hpp"

#include "load/events.hpp"
#include "load/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace carillon::load {
namespace {

using row = std::vector<std::string>;

// Columns that no row but the first has text in are left out; the first column is for names.
std::string aligned(const std::vector<row>& rows) {
    std::vector<std::size_t> widths(rows.front().size());
    for (std::size_t i = 0; i < widths.size(); ++i) {
        const bool used = std::any_of(rows.begin() + 1, rows.end(), [&](const row& one) { return !one[i].empty(); });
        for (const row& one : rows) widths[i] = used ? std::max(widths[i], one[i].size()) : 0;
    }
    std::string text;
    for (const row& one : rows) {
        std::string line = fmt::format("{:<{}}", one[0], std::max<std::size_t>(widths[0], 18));
        for (std::size_t i = 1; i < widths.size(); ++i) {
            if (widths[i] != 0) fmt::format_to(std::back_inserter(line), "  {:>{}}", one[i], widths[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    return text;
}

// As wide as "ms", so that the units stand below each other.
std::string time_cell(std::chrono::nanoseconds length) {
    std::string text = human_time(length);
    if (text.ends_with(" s")) text += ' ';
    return text;
}

// As wide as "KiB", for the same reason.
std::string bytes_cell(double bytes) {
    std::string text = human_bytes(bytes);
    if (text.ends_with(" B")) text += "  ";
    return text;
}

std::string count_cell(std::uint64_t count) { return grouped(static_cast<std::int64_t>(count)); }

std::string events_table(const std::vector<named_events>& events) {
    std::vector<row> rows{{"", "expected", "counted", "failed", "in   ", "per second", "server CPU each"}};
    for (const auto& [name, of] : events) {
        const auto rate = per_second(of);
        const auto each = server_cpu_each(of);
        rows.push_back({words_of(name), of.expected != 0 ? count_cell(of.expected) : "", count_cell(of.counted),
                        of.failed != 0 ? count_cell(of.failed) : "", rate ? time_cell(of.length) : "",
                        rate ? human_rate(*rate) : "", each ? time_cell(*each) : ""});
    }
    return aligned(rows);
}

std::string latency_table(const std::vector<named_events>& events) {
    std::vector<row> rows{{"latency", "count", "mean   ", "p50   ", "p90   ", "p99   ", "p99.9   ", "max   "}};
    for (const auto& [name, figures] : events) {
        const latencies& of = figures.latency;
        if (of.count() == 0) continue;
        rows.push_back({words_of(name), count_cell(of.count()), time_cell(of.mean()), time_cell(of.percentile(0.5)),
                        time_cell(of.percentile(0.9)), time_cell(of.percentile(0.99)), time_cell(of.percentile(0.999)),
                        time_cell(of.max())});
    }
    return rows.size() > 1 ? '\n' + aligned(rows) : "";
}

std::string memory_table(const memory_figures& of) {
    const double connections = static_cast<double>(of.to_connections) - static_cast<double>(of.from_connections);
    const auto memory_row = [&](std::string name, std::int64_t from, std::int64_t to) {
        const std::string each = bytes_cell(static_cast<double>(to - from) / connections);
        return row{std::move(name), bytes_cell(static_cast<double>(from)), bytes_cell(static_cast<double>(to)),
                   connections != 0 ? each : ""};
    };
    std::vector<row> rows{{"memory", "at " + count_cell(of.from_connections) + "   ",
                           "at " + count_cell(of.to_connections) + "   ", "each connection"}};
    rows.push_back(memory_row("server, resident", of.resident_bytes_from, of.resident_bytes_to));
    rows.push_back(memory_row("kernel, records", of.kernel_slab_bytes_from, of.kernel_slab_bytes_to));
    rows.push_back(memory_row("kernel, buffers", of.socket_bytes_from, of.socket_bytes_to));
    return '\n' + aligned(rows);
}

// What went wrong, in one line; zeros are shown where the scene counted deliveries.
std::string faults_line(const outcome& of) {
    std::string line = fmt::format("connections dropped: {}", count_cell(of.dropped));
    if (!of.dropped_why.empty()) line += fmt::format(" ({})", of.dropped_why);
    if (of.deliveries || of.lost + of.duplicated + of.disordered != 0) {
        line += fmt::format(", lost: {}, duplicated: {}, disordered: {}", count_cell(of.lost),
                            count_cell(of.duplicated), count_cell(of.disordered));
    }
    return line + '\n';
}

std::string head_lines(const outcome& of) {
    std::string text = fmt::format("{}  {}  {}\n", of.scene, of.target, of.began);
    std::string parameters;
    for (const parameter& each : of.parameters) parameters += fmt::format("  {}={}", each.name, each.value);
    return parameters.empty() ? text : text + parameters.substr(2) + '\n';
}

} // namespace

std::string as_table(const outcome& of) {
    const auto events = events_of(of);
    std::string text = head_lines(of) + '\n';
    if (!events.empty()) text += events_table(events);
    text += latency_table(events);
    if (of.memory) text += memory_table(*of.memory);
    text += '\n' + faults_line(of);
    text += fmt::format("load generator: {} of CPU in {}\n", human_time(of.load_generator_cpu), human_time(of.length));
    return text;
}

} // namespace carillon::load
