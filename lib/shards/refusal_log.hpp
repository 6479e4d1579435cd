#pragma once

#include "logs/bounded_log.hpp"
#include "session/refusal.hpp"

#include <string>

namespace carillon::shards {

/// "refused with 403 for 192.0.2.7:51034: This origin may not connect. ('https://example.com')". What the peer has sent
/// is shown without what could end the line.
std::string refusal_line(const session::refusal& what, std::string_view peer);

/// Writes refusals to the log, a bounded number in each second. Thread: its shard's.
class refusal_log {
public:
    explicit refusal_log(std::size_t lines_per_s_max) noexcept : budget_{lines_per_s_max} {}

    /// False: there have been too many.
    bool operator()(const session::refusal& what);

private:
    logs::bounded_log budget_;
};

} // namespace carillon::shards
