#pragma once

#include <cstdint>

namespace carillon::load {

/// Which messages of a channel one connection has received: told the sequence numbers in the order in which they come,
/// counts what is missing. Knows the 64 numbers before the highest one by heart; a message that is later than that
/// counts as received twice, and stays missing.
class sequence_account {
public:
    enum class arrival : std::uint8_t {
        in_order,   ///< later than all before, whether or not some were skipped
        disordered, ///< after a later one, for the first time
        duplicated, ///< came before
    };

    arrival received(std::uint64_t sequence) noexcept {
        if (sequence >= next_) {
            const std::uint64_t steps = sequence - next_ + 1;
            missing_ += steps - 1;
            next_ = sequence + 1;
            seen_ = steps < remembered ? seen_ << steps | 1 : 1;
            return arrival::in_order;
        }
        const std::uint64_t back = next_ - 1 - sequence;
        if (back >= remembered || (seen_ >> back & 1) != 0) return arrival::duplicated;
        seen_ |= std::uint64_t{1} << back;
        --missing_;
        return arrival::disordered;
    }

    /// How many of the first `published` have not come.
    std::uint64_t lost(std::uint64_t published) const noexcept {
        return missing_ + (published > next_ ? published - next_ : 0);
    }

private:
    static constexpr std::uint64_t remembered = 64;
    std::uint64_t next_ = 0;    // one above the highest
    std::uint64_t missing_ = 0; // below next_
    std::uint64_t seen_ = 0;    // bit i: next_ - 1 - i has come
};

} // namespace carillon::load
