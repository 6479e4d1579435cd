#include "loading/api_keys.hpp"

#include "api/request.hpp"
#include "config/rules.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace carillon::loading {

namespace {

constexpr std::size_t path_bytes_max = 4'096;
const std::vector<std::string> keys_of_a_table{"key", "key_file", "methods"};

complaint read_text(const toml::node& node, std::size_t bytes_max, std::string& into) {
    if (!node.is_string() || (**node.as_string()).empty() || (**node.as_string()).size() > bytes_max)
        return fmt::format("give a text of at most {} bytes, in quotes", bytes_max);
    into = **node.as_string();
    return {};
}

complaint read_methods(const toml::node& node, std::vector<std::string>& into) {
    const auto* array = node.as_array();
    if (array == nullptr || array->empty()) return R"(give an array of methods like ["publish", "broadcast"])";
    for (const auto& item : *array) {
        if (!item.is_string()) return "every item of the array must be a text in quotes";
        const std::string& name = **item.as_string();
        if (!api::is_method(name) || name == "batch") // whose commands are looked at one by one
            return fmt::format("{} is no method that a key can be for{}", in_quotes(name),
                               did_you_mean(name, api::method_names()));
        if (std::ranges::find(into, name) != into.end()) return fmt::format("{} is there twice", in_quotes(name));
        into.push_back(name);
    }
    return {};
}

complaint read_member(std::string_view key, const toml::node& node, placed_api_key& into) {
    if (key == "methods") return read_methods(node, into.value.methods);
    if (key == "key_file") return read_text(node, path_bytes_max, into.file);
    if (auto why = read_text(node, path_bytes_max, into.value.key)) return why;
    return is_api_key(into.value.key) ? complaint{} : complaint{std::string{what_an_api_key_is}};
}

complaint read_table(const std::string& path, const toml::table& written, placed_api_key& into) {
    into.source = fmt::format("{}:{}", path, written.source().begin.line);
    for (const auto& [key, node] : written) {
        const std::string name{key.str()};
        if (std::ranges::find(keys_of_a_table, name) == keys_of_a_table.end())
            return fmt::format("{}:{}: {} has no place in [[api_key]]{}", path, key.source().begin.line,
                               in_quotes(name), did_you_mean(name, keys_of_a_table));
        if (auto why = read_member(name, node, into))
            return fmt::format("{}:{}: {}: {}", path, node.source().begin.line, name, *why);
    }
    if (into.value.key.empty() == into.file.empty())
        return fmt::format("{}: give the key, or key_file, and not both", into.source);
    return {};
}

} // namespace

bool is_api_key(std::string_view text) {
    return !text.empty() && text.size() <= find_option("api_key")->most &&
           std::ranges::all_of(text, [](char letter) { return letter > ' ' && letter < 0x7f; });
}

complaint read_api_key_tables(const std::string& path, const toml::node& node, std::vector<placed_api_key>& into) {
    const auto* array = node.as_array();
    if (array == nullptr)
        return fmt::format("{}:{}: there can be several keys; write [[api_key]] above what belongs to each", path,
                           node.source().begin.line);
    for (const auto& item : *array) {
        placed_api_key added;
        if (auto why = read_table(path, *item.as_table(), added)) return why;
        if (into.size() == api_keys_max)
            return fmt::format("{}: there are more than {} keys", added.source, api_keys_max);
        into.push_back(std::move(added));
    }
    return {};
}

complaint take_api_keys(std::vector<placed_api_key>& all, settings& values) {
    std::vector<api_key> known = api_keys_of(values);
    for (placed_api_key& each : all) {
        if (!each.file.empty()) {
            std::string content;
            if (auto why = read_content(each.file, find_option("api_key")->most + 2, content))
                return fmt::format("{}: key_file: {} {}", each.source, in_quotes(each.file), *why);
            while (content.ends_with('\n') || content.ends_with('\r')) content.pop_back();
            if (!is_api_key(content))
                return fmt::format("{}: key_file: {}: {}", each.source, in_quotes(each.file), what_an_api_key_is);
            each.value.key = std::move(content);
        }
        if (std::ranges::find(known, each.value.key, &api_key::key) != known.end())
            return fmt::format("{}: the key is given already", each.source);
        known.push_back(each.value);
        values.api_keys.push_back(std::move(each.value));
    }
    return {};
}

} // namespace carillon::loading
