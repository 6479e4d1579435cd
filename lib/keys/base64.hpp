#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace carillon::keys {

/// base64url without padding (RFC 7515 §2), in its one canonical form: another alphabet, '=', white space and bits that
/// would be lost at the end are refused, so that no two texts mean the same bytes.
std::optional<std::string> from_base64url(std::string_view text);

/// base64 with padding (RFC 4648 §4), as strict, but that line breaks are left out, as in mail (RFC 2045 §6.8).
std::optional<std::string> from_base64(std::string_view text);

std::string to_base64url(std::string_view bytes);
std::string to_base64(std::string_view bytes);

} // namespace carillon::keys
