#pragma once

#include "config/value.hpp"

#include <string>

namespace carillon::config {

/// Whether some Origin of a browser can be like the pattern: scheme "://" host [":" port], in the form in which
/// browsers write it (RFC 6454 §6.2): no path, no user, no port that is the scheme's own, addresses in their shortest
/// form. `*` and `null` are whole patterns; `*.example.com` may leave its scheme out. What `*` stands for is written in
/// http/origin.hpp and docs/configuration.md. The complaint is one line, with what would be right where that is known.
complaint check_origin_pattern(const std::string& pattern);

} // namespace carillon::config
