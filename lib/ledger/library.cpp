#include "ledger/library.hpp"

#include "ledger/envelope.hpp"
#include "ledger/texts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace carillon::ledger {

namespace {

bool is_word(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

std::string word_of(std::string_view text) {
    std::string made{text};
    std::ranges::replace_if(
        made, [](char c) { return !is_word(c); }, '_');
    return made;
}

// Lua's escapes are decimal.
std::string quoted(std::string_view text) {
    std::string made{"'"};
    for (const char c : text) {
        if (is_word(c)) {
            made += c;
        } else {
            fmt::format_to(std::back_inserter(made), "\\{:03}", static_cast<unsigned char>(c));
        }
    }
    return made += '\'';
}

} // namespace

std::string function_name(std::string_view prefix) { return word_of(prefix) + "_publish"; }

std::string library_of(const library_rules& how) {
    std::string spaces;
    const auto add = [&](const channels::name_space& each) {
        fmt::format_to(std::back_inserter(spaces), "  [{}] = {{'{}', '{}', '{}', {}}},\n", quoted(each.name),
                       each.history_size, each.history_ttl.count(), each.history_meta_ttl.count(), each.wildcard);
    };
    // Channels without a namespace exist, whether or not it is written down what holds for them.
    if (std::ranges::none_of(how.namespaces, [](const auto& each) { return each.name.empty(); })) add({});
    for (const channels::name_space& each : how.namespaces) add(each);
    return fmt::format(
        "#!lua name={}\nlocal prefix, name = {}, '{}'\nlocal channel_max, data_max, remarks_max = {}, {}, "
        "{}\nlocal key_ttl = '{}'\nlocal spaces = {{\n{}}}\nlocal function publish(KEYS, ARGV){}end\n{}",
        word_of(how.prefix), quoted(how.prefix), function_name(how.prefix), how.channel_bytes_max,
        how.payload_bytes_max, remarks_bytes_max, how.key_ttl.count(), spaces, texts::publish, texts::function);
}

} // namespace carillon::ledger
