#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace carillon::streams {

/// What is published, as views into somebody else's bytes.
struct draft {
    std::string_view payload;
    bool is_json = false;
    std::string_view info{}; ///< ClientInfo of the client that published it, as JSON; empty: a back end did
    std::string_view tags{}; ///< a JSON object of texts; empty: none
};

/// A publication that a stream keeps: one block of memory that never changes. Its offset follows from its place.
/// Any thread may hold and read one.
class publication {
public:
    static boost::intrusive_ptr<const publication> make(const draft& what);
    publication(const publication&) = delete;
    publication& operator=(const publication&) = delete;

    std::string_view payload() const noexcept { return {bytes(), payload_bytes_}; }
    std::string_view info() const noexcept { return {bytes() + payload_bytes_, info_bytes_}; }
    std::string_view tags() const noexcept { return {bytes() + payload_bytes_ + info_bytes_, tags_bytes_}; }
    bool is_json() const noexcept { return is_json_ != 0; }
    draft view() const noexcept { return {payload(), is_json(), info(), tags()}; }

    /// All that was published: payload, info and tags.
    std::size_t size() const noexcept { return std::size_t{payload_bytes_} + info_bytes_ + tags_bytes_; }
    /// What one costs beside its size(): its block's head, the allocator's, and its place in a ring.
    static constexpr std::size_t overhead_bytes = 48;

    static constexpr std::size_t part_bytes_max = (std::size_t{1} << 31) - 1; ///< of each of the three

private:
    explicit publication(const draft& what) noexcept;
    ~publication() = default;

    const char* bytes() const noexcept { return reinterpret_cast<const char*>(this + 1); }

    friend void intrusive_ptr_add_ref(const publication* of) noexcept {
        of->references_.fetch_add(1, std::memory_order_relaxed);
    }
    friend void intrusive_ptr_release(const publication* of) noexcept;

    mutable std::atomic<std::uint32_t> references_{0};
    std::uint32_t payload_bytes_;
    std::uint32_t info_bytes_;
    std::uint32_t tags_bytes_ : 31;
    std::uint32_t is_json_ : 1;
};
static_assert(sizeof(publication) == 16);

using publication_ptr = boost::intrusive_ptr<const publication>;

/// Publications of one stream that follow each other.
struct batch {
    std::uint64_t first = 0; ///< offset of the first
    bool reverse = false;    ///< each of the others has the offset before, not after
    std::vector<publication_ptr> publications{};

    std::uint64_t offset_of(std::size_t index) const noexcept { return reverse ? first - index : first + index; }
};

/// The same for all who ask the same.
using shared_batch = std::shared_ptr<const batch>;

} // namespace carillon::streams
