#pragma once

#include "base/result.hpp"
#include "protocol/filter_node.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which publications a subscriber wants, by their tags.
namespace carillon::filters {

// What more would not be a wish of somebody who looks at a screen. It bounds what a filter keeps, and how long it takes
// to look at a publication.
inline constexpr std::size_t depth_max = 8;
inline constexpr std::size_t items_max = 64; ///< nodes, and texts of `vals`
inline constexpr std::size_t bytes_max = 2048;

/// Why something is no filter.
enum class error : std::uint8_t {
    too_large = 1, ///< It has too many parts, or its texts are too long.
    too_deep,      ///< Its nodes nest too deep.
    unknown_op,    ///< It joins nodes in a way that is not known.
    unknown_cmp,   ///< It compares in a way that is not known.
    bad_operands,  ///< It lacks what is compared or joined, or has more than that.
};

const boost::system::error_category& filters_category() noexcept;
inline error_code make_error_code(error why) noexcept { return {static_cast<int>(why), filters_category()}; }

/// The tags of one publication, taken apart once for all filters.
class tags {
public:
    /// A JSON object; what in it is no text is no tag. Empty: there are none.
    explicit tags(std::string_view json);
    /// Null: there is no such tag.
    const std::string* find(std::string_view key) const noexcept;

private:
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept;
    };
    boost::unordered_flat_map<std::string, std::string, hash, std::equal_to<>> all_;
};

/// A filter (protocol §3.1): never changes, and is shared by all who have the same.
class filter {
public:
    static result<std::shared_ptr<const filter>> make(const protocol::filter_node& said);
    /// What both let through.
    static std::shared_ptr<const filter> both(const filter& one, const filter& other);

    /// Whether it lets a publication with these tags through.
    bool holds(const tags& of) const noexcept { return holds(0, of); }
    /// Two that say the same have the same.
    const std::string& text() const noexcept { return text_; }

private:
    enum class kind : std::uint8_t { all_of, any_of, none_of, eq, neq, in, nin, ex, nex, sw, ew, ct, lt, lte, gt, gte };
    // In front of those inside of it.
    struct node {
        kind what{};
        std::size_t end = 0; // of those
        std::string key{};
        std::vector<std::string> values{};
    };

    error_code add(const protocol::filter_node& said, std::size_t depth);
    static error_code check_operands(const protocol::filter_node& said, kind what) noexcept;
    bool holds(std::size_t at, const tags& of) const noexcept;
    static bool compares(const node& how, const tags& of) noexcept;

    std::vector<node> nodes_;
    std::string text_;
};

/// Which of two decimal numbers of any length is larger: negative, 0 or positive as a - b is. Empty: one is none.
std::optional<int> compare_numbers(std::string_view a, std::string_view b) noexcept;

} // namespace carillon::filters

template <>
struct boost::system::is_error_code_enum<carillon::filters::error> : std::true_type {};
