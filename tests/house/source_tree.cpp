#include "house/source_tree.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>

namespace carillon::house {

namespace fs = std::filesystem;

namespace {

const fs::path& root() {
    static const fs::path path{CARILLON_SOURCE_DIR};
    return path;
}

} // namespace

source_file read_file(std::string_view path) {
    std::ifstream file{root() / path, std::ios::binary};
    if (!file) throw std::runtime_error{"cannot read " + std::string{path}};
    return {std::string{path}, {std::istreambuf_iterator<char>{file}, {}}};
}

bool exists(std::string_view path) { return fs::exists(root() / path); }

std::vector<source_file> read_tree(std::string_view folder) {
    std::vector<source_file> files;
    for (auto at = fs::recursive_directory_iterator{root() / folder}; at != fs::end(at); ++at) {
        const std::string name = at->path().filename().string();
        if (at->is_directory() && (name == "node_modules" || name == "build")) at.disable_recursion_pending();
        if (at->is_regular_file()) files.push_back(read_file(fs::relative(at->path(), root()).generic_string()));
    }
    std::ranges::sort(files, {}, &source_file::path);
    return files;
}

std::vector<std::string> folders_in(std::string_view folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator{root() / folder}) {
        if (entry.is_directory()) names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

std::vector<std::string> includes_of(std::string_view text) {
    static const std::regex pattern{R"(^\s*#\s*include\s*(?:"([^"]+)\"|(<[^>]+>)).*)"};
    std::vector<std::string> found;
    for (const std::string_view line : lines_of(text)) {
        std::cmatch match;
        if (!std::regex_match(line.data(), line.data() + line.size(), match, pattern)) continue;
        found.push_back(match[1].matched ? match[1].str() : match[2].str());
    }
    return found;
}

std::string joined(const complaints& all) {
    std::string text;
    for (const std::string& each : all) text += "  " + each + "\n";
    return text;
}

} // namespace carillon::house
