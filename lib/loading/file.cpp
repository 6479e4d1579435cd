#include "loading/api_keys.hpp"
#include "loading/name_spaces.hpp"
#include "loading/proxies.hpp"
#include "loading/sources.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

namespace carillon::loading {
namespace {

/// TOML has types, so a number in quotes is a mistake worth a word.
complaint read_scalar(const toml::node& node, const option& row, std::vector<std::string>& into) {
    if (is_boolean(row) && node.is_boolean()) {
        into.emplace_back(**node.as_boolean() ? "true" : "false");
    } else if (is_number(row) && node.is_integer()) {
        into.push_back(fmt::to_string(**node.as_integer()));
    } else if (!is_boolean(row) && !is_number(row) && node.is_string()) {
        into.push_back(**node.as_string());
    } else if (is_number(row)) {
        return fmt::format("give {}, without quotes", values_of(row));
    } else {
        return fmt::format("give {}{}", values_of(row), is_boolean(row) ? ", without quotes" : ", in quotes");
    }
    return {};
}

complaint read_list(const toml::node& node, std::vector<std::string>& into) {
    const auto* array = node.as_array();
    if (array == nullptr) return "give an array of texts like [\"https://*.example.com\"]";
    for (const auto& item : *array) {
        if (!item.is_string()) return "every item of the array must be a text in quotes";
        into.push_back(**item.as_string());
    }
    return {};
}

complaint read_entry(program which, const std::string& path, std::string_view key, const toml::node& node,
                     std::vector<given>& into) {
    const auto line = node.source().begin.line;
    const auto* row = find_written(which, key_of, key);
    if (node.is_table() || node.is_array_of_tables())
        return fmt::format("{}:{}: {} is a table; write every option at the top of the file as key = value{}", path,
                           line, in_quotes(key),
                           which == program::gateway ? did_you_mean(key, {"namespace", "proxy"}) : "");
    if (row == nullptr)
        return fmt::format("{}:{}: {} is not an option{}", path, line, in_quotes(key), hint(which, key_of, key));
    if (key == "config") return fmt::format("{}:{}: a configuration file cannot name another one", path, line);

    given entry{row, {}, fmt::format("{}:{}: {}", path, line, key)};
    auto why = is_list(*row) ? read_list(node, entry.texts) : read_scalar(node, *row, entry.texts);
    if (why) return fmt::format("{}: {}", entry.source, *why);
    into.push_back(std::move(entry));
    return {};
}

} // namespace

complaint read_file(program which, const std::string& path, file_content& into) {
    constexpr std::size_t file_bytes_max = 1'048'576;
    std::string content;
    if (auto why = read_content(path, file_bytes_max, content))
        return fmt::format("configuration file {} {}", path, *why);
    toml::table table;
    try {
        table = toml::parse(content, path);
    } catch (const toml::parse_error& problem) {
        return fmt::format("{}:{}: not TOML: {}", path, problem.source().begin.line, problem.description());
    }
    for (const auto& [key, node] : table) {
        complaint why;
        if (key.str() == "namespace" && which == program::gateway) {
            why = read_name_spaces(path, node, into.namespaces);
        } else if (key.str() == "proxy" && which == program::gateway) {
            why = read_proxies(path, node, into.proxies);
        } else if (key.str() == "api_key" && which == program::gateway &&
                   (node.is_table() || node.is_array_of_tables())) {
            why = read_api_key_tables(path, node, into.api_keys);
        } else {
            why = read_entry(which, path, key, node, into.values);
        }
        if (why) return why;
    }
    return {};
}

} // namespace carillon::loading
