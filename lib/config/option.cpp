#include "config/option.hpp"

#include "config/value.hpp"

#include <fmt/format.h>

#include <algorithm>

// What is said of an option beside its row.
namespace carillon::config {

namespace {

std::string with_dashes(std::string_view key) {
    std::string text{key};
    std::replace(text.begin(), text.end(), '_', '-');
    return text;
}

struct describe_values {
    const option& of;

    std::string number() const { return fmt::format("a whole number from {} to {} ({})", of.least, of.most, of.unit); }
    std::string operator()(bool settings::*) const { return "true or false"; }
    std::string operator()(std::size_t settings::*) const { return number(); }
    std::string operator()(std::chrono::milliseconds settings::*) const { return number(); }
    std::string operator()(std::string settings::*) const { return fmt::format("a text of at most {} bytes", of.most); }
    std::string operator()(address settings::*) const { return "HOST:PORT or unix:PATH"; }
    std::string operator()(std::optional<address> settings::*) const { return "HOST:PORT, unix:PATH or off"; }
    std::string operator()(std::optional<redis_address> settings::*) const {
        return "embedded, redis://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]...][/DATABASE] (with TLS: rediss://), "
               "unix:[USER[:PASSWORD]@]PATH, redis-sentinel://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]...]/MASTER "
               "(with TLS: rediss-sentinel://) or redis-cluster://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]...] "
               "(with TLS: rediss-cluster://)";
    }
    std::string operator()(std::vector<std::string> settings::*) const {
        return fmt::format("a list of at most {} {}", of.most, of.unit);
    }
    template <class Enum>
    std::string operator()(Enum settings::*) const {
        return fmt::format("one of {}", fmt::join(enumerator_names<Enum>(), ", "));
    }
};

} // namespace

std::string flag_of(const option& option) { return "--" + with_dashes(option.key); }

std::string variable_of(const option& option) {
    std::string name = "CARILLON_";
    for (const char letter : option.key)
        name += letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter;
    return name;
}

std::string default_of(const option& option) {
    const std::string text = text_of(settings{}, option);
    return text.empty() ? "none" : text;
}

std::string values_of(const option& option) { return std::visit(describe_values{option}, option.target); }

bool is_secret(const option& option) {
    return option.key == "bus_password" || option.key == "bus_sentinel_password" || option.key == "bus" ||
           option.key == "api_key" || option.key == "admin_password" || option.key.ends_with("_hmac_secret");
}
bool is_boolean(const option& option) { return std::holds_alternative<bool settings::*>(option.target); }
bool is_list(const option& option) {
    return std::holds_alternative<std::vector<std::string> settings::*>(option.target);
}
bool is_number(const option& option) {
    return std::holds_alternative<std::size_t settings::*>(option.target) ||
           std::holds_alternative<std::chrono::milliseconds settings::*>(option.target);
}

} // namespace carillon::config
