#include "shards/refusal_log.hpp"

#include "net/peer_name.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

namespace carillon::shards {

namespace {
constexpr std::size_t detail_bytes_max = 120;
constexpr unsigned first_close_code = 1000; // HTTP statuses are smaller
} // namespace

std::string refusal_line(const session::refusal& what, std::string_view peer) {
    const std::string_view did = what.code < first_close_code ? "refused with" : "closed with";
    std::string line = what.code == 0 ? "not let in" : fmt::format("{} {}", did, what.code);
    fmt::format_to(std::back_inserter(line), " for ");
    const std::string whose = what.whose.known() ? peer::to_text(what.whose) : std::string{};
    // Whose it is, and by whom it came.
    const bool came_itself = peer.starts_with(whose + ':') || peer.starts_with('[' + whose + ']');
    if (!whose.empty() && !came_itself) fmt::format_to(std::back_inserter(line), "{} by ", whose);
    line += peer;
    if (!what.reason.empty()) fmt::format_to(std::back_inserter(line), ": {}", what.reason);
    if (!what.detail.empty()) {
        std::string detail{what.detail.substr(0, detail_bytes_max)};
        std::ranges::replace_if(
            detail, [](char byte) { return byte < ' ' || byte == 0x7f; }, '?');
        fmt::format_to(std::back_inserter(line), " ('{}'{})", detail,
                       what.detail.size() > detail_bytes_max ? " and more" : "");
    }
    return line;
}

bool refusal_log::operator()(const session::refusal& what) {
    if (!spdlog::should_log(spdlog::level::info)) return true;
    if (!budget_.admit(logs::bounded_log::clock::now())) return false;
    if (const std::uint64_t more = budget_.take_suppressed(); more > 0)
        spdlog::info("{} more refusals were not logged", more);
    spdlog::info("{}", refusal_line(what, net::peer_name(what.descriptor)));
    return true;
}

} // namespace carillon::shards
