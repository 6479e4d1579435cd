#include "streams/publication.hpp"

#include "base/check.hpp"

#include <cstring>
#include <new>

namespace carillon::streams {

publication::publication(const draft& what) noexcept
    : payload_bytes_{static_cast<std::uint32_t>(what.payload.size())}, info_bytes_{static_cast<std::uint32_t>(
                                                                           what.info.size())},
      tags_bytes_{static_cast<std::uint32_t>(what.tags.size()) & 0x7fff'ffffu}, is_json_{what.is_json ? 1u : 0u} {
    char* to = reinterpret_cast<char*>(this + 1);
    for (const std::string_view part : {what.payload, what.info, what.tags}) {
        if (!part.empty()) std::memcpy(to, part.data(), part.size());
        to += part.size();
    }
}

publication_ptr publication::make(const draft& what) {
    for (const std::string_view part : {what.payload, what.info, what.tags}) CHECK(part.size() <= part_bytes_max);
    const std::size_t bytes = what.payload.size() + what.info.size() + what.tags.size();
    void* const block = ::operator new(sizeof(publication) + bytes);
    return publication_ptr{::new (block) publication{what}};
}

void intrusive_ptr_release(const publication* of) noexcept {
    if (of->references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    of->~publication();
    ::operator delete(const_cast<publication*>(of)); // NOLINT: nobody else has it
}

} // namespace carillon::streams
