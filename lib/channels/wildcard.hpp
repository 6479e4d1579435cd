#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::channels {

/// Names of subscriptions that stand for many channels, in namespaces that have them:
///
///     wildcard = [ "$" ] namespace ":" *( segment "." ) "*"
///              / [ "$" ] 1*( segment "." ) "*"                without a namespace
///     segment  = any bytes but "." "*" "?" "[" "\"
///
/// It stands for every channel whose name goes on in place of the "*", by at least one byte, further dots included.
/// What is refused in a segment means something in the patterns of a Redis, so that a wildcard is one of these as it
/// stands.

/// More segments, the "*" among them, are none: a publication is looked up once for each that its name has.
inline constexpr std::size_t wildcard_segments_max = 16;

enum class wildcard_form : std::uint8_t {
    none, ///< there is no "*" in it: a channel
    good,
    bad, ///< there is one, and it is no wildcard; no channel either
};
/// Of a name in a namespace that has wildcards. Pure; allocates nothing.
wildcard_form wildcard_form_of(std::string_view name) noexcept;

/// The wildcards that stand for a channel, one after the other, from the shortest on. At most `wildcard_segments_max`.
class wildcards_of {
public:
    /// The name must outlive this.
    explicit wildcards_of(std::string_view channel) noexcept;
    /// Empty: there are no more. Valid until the next call.
    std::string_view next();

private:
    std::string_view channel_;
    std::string made_;
    std::size_t at_ = 0;   // where the next prefix begins to be looked for; npos: there is none
    std::size_t left_ = 0; // so many more
    bool whole_ = false;   // the namespace alone has yet to come
};

/// Whether the wildcard, which is a good one, stands for the channel.
bool stands_for(std::string_view wildcard, std::string_view channel) noexcept;

} // namespace carillon::channels
