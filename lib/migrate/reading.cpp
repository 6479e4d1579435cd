#include "migrate/reading.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <toml++/toml.h>

#include <charconv>
#include <exception>
#include <optional>
#include <sstream>
#include <yaml-cpp/yaml.h>

namespace carillon::migrate {

namespace json = boost::json;

namespace {

constexpr int depth_max = 32;
// An anchor may be named again and again, and each time stands for all that it holds.
constexpr std::size_t nodes_max = 100'000;

template <class Number>
std::optional<json::value> number_in(std::string_view text) {
    Number read{};
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), read);
    if (why != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return json::value(read);
}

// Unquoted, as YAML 1.2's core schema reads it.
json::value scalar_in(const std::string& text) {
    if (text.empty() || text == "~" || text == "null") return nullptr;
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    if (auto whole = number_in<std::int64_t>(text)) return *whole;
    if (auto broken = number_in<double>(text)) return *broken;
    return json::value(text);
}

class yaml_reader {
public:
    json::value read(const YAML::Node& from, int depth = 0) {
        if (depth > depth_max || ++nodes_ > nodes_max) throw std::runtime_error{"it is nested too deep, or too large"};
        if (from.IsSequence()) {
            json::array all;
            for (const auto& each : from) all.push_back(read(each, depth + 1));
            return all;
        }
        if (from.IsMap()) {
            json::object all;
            for (const auto& each : from) all[each.first.as<std::string>()] = read(each.second, depth + 1);
            return all;
        }
        if (!from.IsScalar()) return nullptr;
        const bool is_quoted = from.Tag() == "!" || from.Tag() == "tag:yaml.org,2002:str";
        return is_quoted ? json::value(from.Scalar()) : scalar_in(from.Scalar());
    }

private:
    std::size_t nodes_ = 0;
};

json::value parse(std::string_view text, language written_in) {
    switch (written_in) {
    case language::json: return json::parse(json::string_view{text.data(), text.size()});
    case language::yaml: return yaml_reader{}.read(YAML::Load(std::string{text}));
    case language::toml: {
        const toml::table table = toml::parse(text);
        std::ostringstream written;
        written << toml::json_formatter{table};
        return json::parse(written.str());
    }
    }
    return nullptr;
}

} // namespace

language language_of(std::string_view path) noexcept {
    if (path.ends_with(".yaml") || path.ends_with(".yml")) return language::yaml;
    return path.ends_with(".toml") ? language::toml : language::json;
}

std::variant<json::object, std::string> read_configuration(std::string_view text, language written_in) {
    constexpr std::string_view names[] = {"JSON", "YAML", "TOML"};
    try {
        json::value read = parse(text, written_in);
        if (read.is_object()) return std::move(read.as_object());
        return "it is no table of options";
    } catch (const toml::parse_error& why) {
        return fmt::format("line {} is not TOML: {}", why.source().begin.line, why.description());
    } catch (const std::exception& why) {
        return fmt::format("it is not {}: {}", names[static_cast<std::size_t>(written_in)], why.what());
    }
}

} // namespace carillon::migrate
