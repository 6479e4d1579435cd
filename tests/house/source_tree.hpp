#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What the house test looks with: files as text, and functions from text to complaints. The functions know no disk, so
/// that each of them is tested with made-up text as well.
namespace carillon::house {

/// Sentences with a place in front; empty when all is well.
using complaints = std::vector<std::string>;

struct source_file {
    std::string path; ///< from the top of the repository, with '/'
    std::string text;

    bool ends_in(std::string_view suffix) const { return std::string_view{path}.ends_with(suffix); }
};

/// One file of the repository; throws std::runtime_error when it cannot be read.
source_file read_file(std::string_view path);
bool exists(std::string_view path);

/// All files below a folder, by path. Installed and built things (node_modules, build) are left out.
std::vector<source_file> read_tree(std::string_view folder);
/// The names of the folders in a folder, sorted.
std::vector<std::string> folders_in(std::string_view folder);

std::vector<std::string_view> lines_of(std::string_view text);

/// What stands between the quotes of #include "..."; of #include <...> with its brackets: "<vector>".
std::vector<std::string> includes_of(std::string_view text);

/// For the message of a failed assertion.
std::string joined(const complaints& all);

} // namespace carillon::house
