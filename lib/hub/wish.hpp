#pragma once

#include "filters/filter.hpp"

#include <memory>

namespace carillon::hub {

/// How somebody wants a channel's publications. Those who want them alike are a group of the channel, for which
/// everything is made once.
struct wish {
    bool deltas = false;                             ///< shortened, where that makes them smaller (docs/deltas.md)
    std::shared_ptr<const filters::filter> filter{}; ///< those that it lets through; null: all

    bool is_plain() const noexcept { return !deltas && filter == nullptr; }
    bool operator==(const wish& other) const noexcept {
        const bool same_filter = filter == other.filter || (filter != nullptr && other.filter != nullptr &&
                                                            filter->text() == other.filter->text());
        return deltas == other.deltas && same_filter;
    }
};

} // namespace carillon::hub
