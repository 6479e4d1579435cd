#pragma once

#include "filters/filter.hpp"
#include "fossil/delta.hpp"
#include "protocol/encoder.hpp"
#include "streams/store.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace carillon::carriers {

/// What clients have missed, in a reply's form. When many come back at once they have missed the same, which is encoded
/// once for each form. Not to be shared between threads.
class missed_lists {
public:
    /// All of it, the first whole and with `deltas` each of the others as a delta to the one before, where that is
    /// smaller. Valid until `kept_max` others have been asked for.
    std::string_view whole(const streams::shared_batch& what, const protocol::encoder& with, bool deltas);
    /// Those that the filter holds. Valid until the next call of this.
    std::string_view filtered(const streams::batch& what, const protocol::encoder& with, const filters::filter& filter);

    static void append(std::string& out, const streams::batch& what, const protocol::encoder& with);

    static constexpr std::size_t kept_max = 8;

private:
    struct list {
        streams::shared_batch of;
        const protocol::encoder* with = nullptr;
        bool deltas = false;
        std::string text;
    };

    void append_shortened(std::string& out, const streams::batch& what, const protocol::encoder& with);

    std::array<list, kept_max> kept_;
    std::size_t next_ = 0;
    std::string filtered_;
    fossil::encoder deltas_;
};

} // namespace carillon::carriers
