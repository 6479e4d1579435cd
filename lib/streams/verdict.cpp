#include "streams/verdict.hpp"

namespace carillon::streams {

namespace {
bool is_of(const position& top, std::string_view epoch) noexcept { return epoch.empty() || epoch == top.epoch.view(); }
} // namespace

missed what_was_missed(const kept& stream, const last_seen& of_client, std::size_t publications_max) noexcept {
    if (!is_of(stream.top, of_client.epoch)) return {verdict::wrong_epoch};
    if (of_client.offset > stream.top.offset) return {verdict::ahead};
    const std::uint64_t count = stream.top.offset - of_client.offset;
    if (count > stream.publications) return {verdict::gone};
    if (count > publications_max) return {verdict::too_many};
    return {verdict::recovered, static_cast<std::size_t>(count)};
}

missed newest_if_missed(const kept& stream, const last_seen& of_client) noexcept {
    const bool has_it = is_of(stream.top, of_client.epoch) && of_client.offset == stream.top.offset;
    if (has_it) return {verdict::recovered, 0};
    if (stream.publications > 0) return {verdict::recovered, 1};
    // Nothing was ever published, or it is not kept any more.
    return {stream.top.offset == 0 ? verdict::recovered : verdict::gone, 0};
}

} // namespace carillon::streams
