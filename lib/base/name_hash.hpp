#pragma once

#include <cstddef>
#include <string_view>

namespace carillon {

/// A hash of a name that others choose, channels above all: keyed with random bytes of this process (SipHash-2-4), so
/// that nobody can choose names that fall together. The same for all threads; another one in the next process. Any
/// thread.
std::size_t name_hash(std::string_view name) noexcept;

/// The same for containers.
struct hash_of_name {
    using is_transparent = void;
    using is_avalanching = void; ///< Boost.Unordered need not mix it any more

    std::size_t operator()(std::string_view name) const noexcept { return name_hash(name); }
};

} // namespace carillon
