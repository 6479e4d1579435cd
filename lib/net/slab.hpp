#pragma once

#include "base/check.hpp"
#include "net/connection.hpp"

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace carillon::net {

/// The records of a shard's connections: one cache line each, in one reserved range of addresses whose pages the kernel
/// provides when they are first used. Cells never move, are found by index in one multiplication, and are used again
/// last in, first out. Not thread-safe: belongs to a shard.
class slab {
public:
    static constexpr std::size_t cell_bytes = 64;

    /// Reserves addresses for `capacity` cells. Throws std::bad_alloc when even that is refused.
    explicit slab(std::uint32_t capacity);
    ~slab();
    slab(const slab&) = delete;
    slab& operator=(const slab&) = delete;

    /// A new record with a fresh generation, or null when all cells are taken.
    template <class Record, class... Arguments>
    Record* emplace(owner who, Arguments&&... arguments) {
        static_assert(std::is_base_of_v<connection, Record> && sizeof(Record) <= cell_bytes);
        static_assert(std::is_trivially_destructible_v<Record>);
        const std::uint32_t index = take();
        if (index == no_index) return nullptr;
        const std::uint32_t generation = at(index).generation + 1;
        auto* record = new (&cells_[index]) Record(std::forward<Arguments>(arguments)...);
        record->generation = generation;
        record->owned_by = who;
        return record;
    }

    /// Gives the cell back; every key of this record now finds nothing.
    void release(connection& record) noexcept;

    connection& at(std::uint32_t index) noexcept {
        CHECK(index < used_);
        return *std::launder(reinterpret_cast<connection*>(&cells_[index]));
    }

    /// The record that `key` was made from, or null when it has gone.
    connection* find(connection_key key) noexcept {
        if (key.index >= used_) return nullptr;
        connection& record = at(key.index);
        return record.generation == key.generation && record.owned_by != owner::none ? &record : nullptr;
    }

    std::uint32_t index_of(const connection& record) const noexcept {
        return static_cast<std::uint32_t>(reinterpret_cast<const cell*>(&record) - cells_);
    }
    connection_key key_of(const connection& record) const noexcept { return {index_of(record), record.generation}; }

    std::uint32_t size() const noexcept { return size_; }         ///< records in use
    std::uint32_t capacity() const noexcept { return capacity_; } ///< the most there can be
    std::uint32_t used() const noexcept { return used_; }         ///< cells ever touched: indices below this are valid

private:
    struct alignas(cell_bytes) cell {
        std::byte bytes[cell_bytes];
    };

    std::uint32_t take() noexcept;

    cell* cells_ = nullptr;
    std::uint32_t capacity_;
    std::uint32_t used_ = 0;
    std::uint32_t size_ = 0;
    std::uint32_t first_free_ = no_index; // free cells are linked through wheel_next
};

} // namespace carillon::net
