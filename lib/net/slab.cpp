#include "net/slab.hpp"

#include <sys/mman.h>

namespace carillon::net {

slab::slab(std::uint32_t capacity) : capacity_{capacity} {
    CHECK(capacity > 0 && capacity < no_index);
    void* range = ::mmap(nullptr, std::size_t{capacity} * cell_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) throw std::bad_alloc{};
    cells_ = static_cast<cell*>(range);
}

slab::~slab() { ::munmap(cells_, std::size_t{capacity_} * cell_bytes); }

std::uint32_t slab::take() noexcept {
    std::uint32_t index = first_free_;
    if (index != no_index) {
        first_free_ = at(index).wheel_next;
    } else if (used_ < capacity_) {
        index = used_++;
        new (&cells_[index]) connection;
    } else {
        return no_index;
    }
    ++size_;
    return index;
}

void slab::release(connection& record) noexcept {
    CHECK(record.owned_by != owner::none && record.deadline_tick == 0);
    const std::uint32_t index = index_of(record);
    const std::uint32_t generation = record.generation;
    auto* freed = new (&cells_[index]) connection;
    freed->generation = generation;
    freed->wheel_next = first_free_;
    first_free_ = index;
    --size_;
}

} // namespace carillon::net
