#pragma once

#include <string_view>

namespace carillon::http {

/// Whether an Origin (RFC 6454 §6.2) is one of those that `pattern` means, in any case of letters.
///
/// A pattern is `*`, which every Origin matches; `null`; or [scheme "://"] host [":" port], whose parts are compared
/// with the Origin's one by one, so that no `*` reaches from one into the next:
/// - scheme: `*` stands for any letters, digits, '+', '-' and '.'. Without a scheme it may be any.
/// - host: label by label, as many as the pattern has. Within a label, `*` stands for any letters, digits, '-' and '_',
///   also none. A first label that is `*` alone stands for one or more whole labels: `https://*.example.org` means
///   a.b.example.org, but not example.org; `https://*` every host, also an address in brackets. In a pattern whose
///   labels are numbers (an IPv4 address), `*` stands for digits only.
/// - port: digits, among which `*` stands for digits; `:*` means any port, also the one that is not written because it
///   is the scheme's own. Without a port the Origin must have none.
///
/// Takes time at most the product of both lengths; allocates nothing.
[[nodiscard]] bool matches_origin(std::string_view origin, std::string_view pattern) noexcept;

} // namespace carillon::http
