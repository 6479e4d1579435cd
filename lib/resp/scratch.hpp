#pragma once

#include <cstddef>

namespace carillon::resp {

/// Empties a vector or string for the next message. Its memory is kept for reuse, unless one big message has made it
/// larger than `kept_max` elements: then it is given back.
template <class Container>
void clear_scratch(Container& container, std::size_t kept_max) noexcept {
    if (container.capacity() > kept_max)
        Container{}.swap(container); // assigning an empty one keeps the memory in libstdc++
    else
        container.clear();
}

} // namespace carillon::resp
