#include "metrics/exposition_reader.hpp"

#include <algorithm>
#include <sstream>

namespace carillon::metrics::testing {
namespace {

/// "bucket", "count" and "sum" belong to the family without that ending, if it is a histogram.
family* family_of(exposition& all, const std::string& name) {
    for (const std::string ending : {"", "_bucket", "_count", "_sum"}) {
        if (!name.ends_with(ending)) continue;
        const auto found = all.families.find(name.substr(0, name.size() - ending.size()));
        if (found != all.families.end() && (ending.empty() || found->second.type == "histogram")) return &found->second;
    }
    return nullptr;
}

bool read_labels(std::istream& in, labels& into) {
    while (in.peek() != '}') {
        std::string name, value;
        std::getline(in, name, '=');
        if (in.get() != '"') return false;
        for (int c = in.get(); c != '"'; c = in.get()) {
            if (c == '\\') c = in.get() == 'n' ? '\n' : in.unget().get();
            if (!in) return false;
            value.push_back(static_cast<char>(c));
        }
        if (!into.emplace(name, value).second) return false;
        if (in.peek() == ',') in.get();
        if (!in) return false;
    }
    return in.get() == '}';
}

bool read_sample(const std::string& line, sample& into) {
    const auto name_end = line.find_first_of("{ ");
    if (name_end == std::string::npos) return false;
    into.name = line.substr(0, name_end);
    std::istringstream rest{line.substr(name_end)};
    if (rest.peek() == '{' && (rest.get(), !read_labels(rest, into.with))) return false;
    std::string number, extra;
    if (!(rest >> number) || rest >> extra) return false;
    std::size_t used = 0;
    into.value = std::stod(number, &used);
    return used == number.size();
}

bool read_comment(const std::string& line, exposition& all) {
    std::istringstream words{line};
    std::string hash, what, name, text;
    words >> hash >> what >> name;
    std::getline(words >> std::ws, text);
    if (what == "HELP" && !all.families.contains(name)) {
        all.families[name].help = text;
        return true;
    }
    if (what != "TYPE" || !all.families.contains(name) || !all.families[name].type.empty()) return false;
    all.families[name].type = text;
    return true;
}

bool contains(const labels& all, const labels& some) {
    return std::all_of(some.begin(), some.end(), [&](const auto& label) {
        const auto found = all.find(label.first);
        return found != all.end() && found->second == label.second;
    });
}

} // namespace

std::optional<double> exposition::value(const std::string& name, const labels& with) const {
    std::optional<double> found;
    for (const auto& [ignored, family] : families)
        for (const auto& sample : family.samples) {
            if (sample.name != name || sample.with != with) continue;
            if (found) return std::nullopt;
            found = sample.value;
        }
    return found;
}

double exposition::sum(const std::string& name, const labels& with) const {
    double total = 0;
    const auto found = families.find(name);
    if (found == families.end()) return -1;
    for (const auto& sample : found->second.samples)
        if (contains(sample.with, with)) total += sample.value;
    return total;
}

exposition read_exposition(const std::string& text) {
    exposition all;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('#')) {
            if (!read_comment(line, all)) all.problem = line;
            continue;
        }
        sample read;
        if (!read_sample(line, read)) {
            all.problem = line;
        } else if (auto* family = family_of(all, read.name); family && !family->type.empty()) {
            family->samples.push_back(std::move(read));
        } else {
            all.problem = "no TYPE before: " + line;
        }
    }
    return all;
}

} // namespace carillon::metrics::testing
