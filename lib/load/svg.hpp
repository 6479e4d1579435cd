#pragma once

#include "load/outcome.hpp"

#include <string>
#include <string_view>

namespace carillon::load {

/// A picture of how long the scene's main events took: a histogram over a logarithmic axis, with lines at p50, p99,
/// p99.9 and the maximum. A whole SVG document, in light or dark as the reader prefers. Without latencies it says
/// that there are none. Pure.
std::string as_svg(const outcome& of);

/// `text` for the inside of an XML element: the five characters with a meaning are written as entities, and those that
/// XML does not allow as "?". Pure.
std::string xml_escaped(std::string_view text);

} // namespace carillon::load
