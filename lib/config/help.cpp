#include "config/sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

namespace carillon::config {
namespace {

constexpr std::size_t width = 100;

/// Appends the words of `text` in lines that begin with `indent` spaces.
void append_wrapped(std::string& to, std::string_view text, std::size_t indent) {
    std::size_t column = width;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        const bool fits = column + 1 + word.size() <= width;
        if (!fits) to += '\n';
        to.append(fits ? 1 : indent, ' ').append(word);
        column = (fits ? column + 1 : indent) + word.size();
    }
}

void append_option(std::string& to, const option& row) {
    to += fmt::format("\n  {}", flag_of(row));
    append_wrapped(to, row.help, 6);
    append_wrapped(to, fmt::format("Give {}; default {}.", values_of(row), default_of(row)), 6);
}

std::size_t distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < left.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < right.size(); ++j) {
            const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

} // namespace

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
    constexpr std::size_t mistakes_max = 3, name_bytes_max = 100;
    if (name.size() > name_bytes_max) return {};
    std::size_t fewest = std::min(mistakes_max, name.size() / 3) + 1;
    std::string_view nearest;
    for (const auto& candidate : candidates) {
        const auto mistakes = distance(name, candidate);
        if (mistakes >= fewest) continue;
        fewest = mistakes;
        nearest = candidate;
    }
    return nearest.empty() ? std::string{} : fmt::format("; did you mean {}?", nearest);
}

std::string help_text() {
    std::string text =
        "carillon " CARILLON_VERSION ": a notification gateway\n\n"
        "Usage: carillon [flags]\n\n"
        "Every option has one name in three forms: the flag --client-listen is the environment variable\n"
        "CARILLON_CLIENT_LISTEN and the key client_listen of the TOML file. A flag wins over the\n"
        "environment, the environment over the file.\n\n"
        "  -h, --help        Print this text.\n"
        "  --version         Print the version.\n"
        "  --check-config    Check the configuration without starting; exit code 0 if it is valid, else 2.";
    std::string_view group;
    for (const auto& row : options()) {
        if (row.group != group) text += fmt::format("\n\n{}:", row.group);
        group = row.group;
        append_option(text, row);
    }
    return text;
}

} // namespace carillon::config
