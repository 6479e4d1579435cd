#include "auth/token.hpp"

#include "keys/base64.hpp"

#include <algorithm>
#include <optional>

namespace carillon::auth {
namespace {

namespace dom = simdjson::dom;

bool is_without_case(std::string_view text, std::string_view lower) {
    return std::ranges::equal(text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

} // namespace

token_reader::token_reader(std::size_t token_bytes_max) : token_bytes_max_{token_bytes_max}, header_{token_bytes_max} {}

result<token_parts> token_reader::read(std::string_view token) {
    if (token.size() > token_bytes_max_) return error::oversize;
    const auto dots = std::ranges::count(token, '.');
    if (dots == 4) return error::encrypted; // RFC 7516 §7.1
    if (dots != 2) return error::malformed;
    const std::size_t first = token.find('.');
    const std::size_t second = token.rfind('.');

    const auto header = keys::from_base64url(token.substr(0, first));
    auto claims = keys::from_base64url(token.substr(first + 1, second - first - 1));
    auto signature = keys::from_base64url(token.substr(second + 1));
    if (!header || !claims || !signature) return error::base64url;

    token_parts parts{};
    if (const result<void> done = read_header(*header, parts); !done) return done.error();
    parts.signed_text = token.substr(0, second);
    parts.claims = std::move(*claims);
    parts.signature = std::move(*signature);
    return parts;
}

result<void> token_reader::read_header(std::string_view text, token_parts& into) {
    dom::object object;
    if (!header_.open(text, object)) return error::header_json;
    if (!keys::names_are_distinct(object)) return error::header_duplicate;
    std::optional<std::string_view> name;
    for (const auto [member, value] : object) {
        if (member == "crit" || member == "b64") return error::header_critical; // RFC 7515 §4.1.11, RFC 7797
        if (member == "zip") return error::header_compressed;
        if (member == "enc") return error::encrypted;
        std::string_view said;
        const bool is_text = value.get_string().get(said) == simdjson::SUCCESS;
        if (member == "alg" || member == "kid" || member == "typ" || member == "cty") {
            if (!is_text) return error::header_type;
        }
        if (member == "alg") name = said;
        if (member == "kid") into.kid = said;
        if (member == "cty" && is_without_case(said, "jwt")) return error::header_nested; // RFC 7519 §5.2
    }
    if (!name) return error::header_type;
    if (is_without_case(*name, "none")) return error::algorithm_none;
    const auto which = keys::algorithm_named(*name);
    if (!which) return error::algorithm_unknown;
    into.signed_with = *which;
    return {};
}

} // namespace carillon::auth
