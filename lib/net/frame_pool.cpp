#include "net/frame_pool.hpp"

#include <array>
#include <new>
#include <utility>

namespace carillon::net {

namespace {

constexpr std::size_t class_bytes = 64;

struct free_frame {
    free_frame* next;
};

struct free_list {
    free_frame* first = nullptr;
    std::size_t size = 0;

    ~free_list() {
        while (first != nullptr) ::operator delete(std::exchange(first, first->next));
    }
};

thread_local std::array<free_list, pooled_bytes_max / class_bytes> lists;

std::size_t class_of(std::size_t bytes) noexcept { return (bytes - 1) / class_bytes; }

} // namespace

void* take_frame(std::size_t bytes) {
    if (bytes > pooled_bytes_max) return ::operator new(bytes);
    const std::size_t size_class = class_of(bytes);
    free_list& list = lists[size_class];
    if (list.first == nullptr) return ::operator new((size_class + 1) * class_bytes);
    --list.size;
    return std::exchange(list.first, list.first->next);
}

void give_frame(void* frame, std::size_t bytes) noexcept {
    if (bytes > pooled_bytes_max) return ::operator delete(frame);
    free_list& list = lists[class_of(bytes)];
    if (list.size >= kept_max) return ::operator delete(frame);
    ++list.size;
    list.first = new (frame) free_frame{list.first};
}

} // namespace carillon::net
