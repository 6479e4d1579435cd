#include "loading/sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace carillon::loading {
namespace {

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

const option* find_written(program which, form written, std::string_view name) {
    for (const auto& row : options_of(which))
        if (written(row) == name) return &row;
    return nullptr;
}

std::string hint(program which, form written, std::string_view name, std::vector<std::string> more) {
    if (find_written(program::gateway, written, name) != nullptr)
        return fmt::format("; {} has it, {} has not", name_of(program::gateway), name_of(which));
    for (const auto& row : options_of(which)) more.push_back(written(row));
    return did_you_mean(name, more);
}

std::string key_of(const option& option) { return std::string{option.key}; }

} // namespace carillon::loading
