#include "migrate/options.hpp"

#include "migrate/flat_names.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <charconv>
#include <limits>

namespace carillon::migrate {

namespace json = boost::json;

namespace {

constexpr int depth_max = 8;

std::string_view view_of(const json::string& text) { return {text.data(), text.size()}; }

bool ends_here(std::string_view path, const json::value& value) {
    return !value.is_object() || path.ends_with("static_headers") || path.ends_with("static_http_headers");
}

} // namespace

old_options::old_options(const json::object& configuration) {
    for (const auto& [key, value] : configuration) {
        const std::string name{key.data(), key.size()};
        add(ends_here(name, value) ? path_of_flat(name) : name, name, value, 0);
    }
}

void old_options::add(const std::string& path, const std::string& written, const json::value& value, int depth) {
    if (ends_here(path, value) || depth == depth_max) {
        all_.push_back({path, written, &value});
        return;
    }
    for (const auto& [key, inner] : value.as_object()) {
        const std::string name{key.data(), key.size()};
        add(path + '.' + name, written + '.' + name, inner, depth + 1);
    }
}

const old_options::option* old_options::take(std::string_view path) {
    const auto found = std::ranges::find(all_, path, &option::path);
    if (found == all_.end()) return nullptr;
    found->looked_at = true;
    return &*found;
}

std::vector<const old_options::option*> old_options::take_below(std::string_view path) {
    std::vector<const option*> found;
    for (option& each : all_) {
        if (!each.path.starts_with(path) || each.path.substr(path.size()).find('.') != 0) continue;
        each.looked_at = true;
        found.push_back(&each);
    }
    return found;
}

std::vector<const old_options::option*> old_options::rest() const {
    std::vector<const option*> found;
    for (const option& each : all_)
        if (!each.looked_at) found.push_back(&each);
    return found;
}

std::optional<std::string> text_in(const json::value& from) {
    if (from.is_string()) return std::string{view_of(from.as_string())};
    return std::nullopt;
}

std::optional<std::int64_t> number_in(const json::value& from) {
    if (from.is_int64()) return from.as_int64();
    if (from.is_double()) {
        const double given = from.as_double();
        if (given >= -1e15 && given <= 1e15 && static_cast<double>(static_cast<std::int64_t>(given)) == given)
            return static_cast<std::int64_t>(given);
        return std::nullopt;
    }
    if (!from.is_string()) return std::nullopt;
    const std::string_view text = view_of(from.as_string());
    std::int64_t read = 0;
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), read);
    if (why != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return read;
}

std::optional<bool> truth_in(const json::value& from) {
    if (from.is_bool()) return from.as_bool();
    if (!from.is_string()) return std::nullopt;
    const std::string_view text = view_of(from.as_string());
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0" || text.empty()) return false;
    return std::nullopt;
}

std::optional<std::vector<std::string>> texts_in(const json::value& from) {
    std::vector<std::string> all;
    if (from.is_array()) {
        for (const json::value& each : from.as_array()) {
            if (!each.is_string()) return std::nullopt;
            all.emplace_back(view_of(each.as_string()));
        }
        return all;
    }
    if (!from.is_string()) return std::nullopt;
    // "a b" is two, as in the environment
    std::string_view text = view_of(from.as_string());
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (end > 0) all.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return all;
}

std::optional<std::chrono::milliseconds> time_in(const json::value& from) {
    if (!from.is_string()) {
        if (number_in(from) == 0) return std::chrono::milliseconds{0};
        return std::nullopt;
    }
    std::string_view text = view_of(from.as_string());
    if (text == "0") return std::chrono::milliseconds{0};
    constexpr std::pair<std::string_view, double> units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"ms", 1},
                                                             {"s", 1e3},   {"m", 6e4},   {"h", 36e5}};
    double sum = 0;
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        double part = 0;
        const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), part);
        if (why != std::errc{} || part < 0) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        const std::size_t letters = std::min(text.find_first_of("0123456789."), text.size());
        const auto* unit =
            std::ranges::find(units, text.substr(0, letters), &std::pair<std::string_view, double>::first);
        if (unit == std::end(units)) return std::nullopt;
        sum += part * unit->second;
        text.remove_prefix(letters);
    }
    if (!(sum < 1e15)) return std::nullopt;
    return std::chrono::milliseconds{static_cast<std::int64_t>(sum)};
}

bool says_nothing(const json::value& value) {
    switch (value.kind()) {
    case json::kind::null: return true;
    case json::kind::bool_: return !value.as_bool();
    case json::kind::int64: return value.as_int64() == 0;
    case json::kind::uint64: return value.as_uint64() == 0;
    case json::kind::double_: return value.as_double() == 0;
    case json::kind::string: return value.as_string().empty();
    case json::kind::array: return value.as_array().empty();
    case json::kind::object: return value.as_object().empty();
    }
    return false;
}

const json::value* member_of(const json::object& of, std::string_view name) {
    return of.if_contains(json::string_view{name.data(), name.size()});
}

bool is_true(const json::object& of, std::string_view name) {
    const auto* value = member_of(of, name);
    return value != nullptr && truth_in(*value).value_or(false);
}

} // namespace carillon::migrate
