#pragma once

#include "base/check.hpp"
#include "hub/pool.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::hub {

/// How the deliveries to a subscriber are encoded, and so which sink hears of them. Each of those below, and once more
/// with_joins().
enum class format : std::uint8_t {
    websocket_json = 0,
    resp2 = 1,
    resp3 = 2,
    websocket_protobuf = 3,
    sse = 4,             ///< server-sent events with JSON
    stream_json = 5,     ///< the body of an HTTP response, line by line
    stream_protobuf = 6, ///< the same with a length before each message
    uni_websocket = 7,   ///< these three: JSON for clients that only listen
    uni_sse = 8,
    uni_stream = 9,
    deflated_json = 10, ///< the rest: what goes over WebSockets, compressed
    deflated_protobuf = 11,
    deflated_uni = 12,
    narrow_json = 13, ///< for who has little memory to look back
    narrow_protobuf = 14,
    narrow_uni = 15,
};
inline constexpr std::size_t formats = 32;

/// The same for those who hear of it when somebody comes to the channel or leaves it.
constexpr format with_joins(format encoding) noexcept {
    return static_cast<format>(static_cast<unsigned>(encoding) | 16u);
}
constexpr bool hears_joins(format encoding) noexcept { return (static_cast<unsigned>(encoding) & 16u) != 0; }
/// The same without that.
constexpr format without_joins(format encoding) noexcept {
    return static_cast<format>(static_cast<unsigned>(encoding) & 15u);
}

/// A subscriber: its record's index in the shard's slab, its format, and whether it is new, in 32 bits.
struct subscriber {
    static constexpr std::uint32_t index_max = (1u << 26) - 1;

    std::uint32_t packed = none;

    static subscriber make(std::uint32_t index, format encoding) noexcept {
        CHECK(index <= index_max);
        return {static_cast<std::uint32_t>(encoding) << 27 | index};
    }
    std::uint32_t index() const noexcept { return packed & index_max; }
    format encoding() const noexcept { return static_cast<format>(packed >> 27); }
    /// It gets deltas, and has heard nothing yet that one could be of.
    bool is_new() const noexcept { return (packed & new_bit) != 0; }
    subscriber as_new() const noexcept { return {packed | new_bit}; }
    subscriber as_known() const noexcept { return {packed & ~new_bit}; }
    bool operator==(const subscriber&) const = default;

private:
    static constexpr std::uint32_t new_bit = 1u << 26;
};

/// One message on its way to the subscribers of a channel. Views that live as long as the call that takes them.
struct publication {
    std::string_view payload; ///< as it was published, byte for byte
    bool is_json = false;     ///< else it is UTF-8 text
    std::string_view info;    ///< JSON of the ClientInfo of a client that published it; empty: a back end did
    std::string_view tags{};  ///< a JSON object of texts; empty: none
    std::uint64_t offset = 0; ///< in the channel's stream; 0: the channel has none
    std::string_view epoch{}; ///< of the stream
    /// What it is; `payload` of somebody who joins or leaves is ClientInfo as JSON.
    enum class kind : std::uint8_t { message, join, leave } what = kind::message;
    std::string_view patch{}; ///< makes the payload of that of the publication before it (docs/deltas.md); empty: none
    bool for_deltas = false;  ///< it goes to those who get such patches
    std::string_view to{};    ///< the channel, for who hears it by a wildcard; else empty
};

class audience;

/// A part of some bytes.
struct range {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
};

/// Frames on their way to several subscribers: their bytes, and on request the same as a shared copy for those that
/// must queue them. Made once for all.
class frames {
public:
    explicit frames(std::string_view bytes) noexcept : bytes_{bytes} {}
    /// `others`: which of the bytes tell who came and left; all else are messages of the group.
    frames(std::string_view bytes, const audience& whose, std::uint32_t group, std::span<const range> others) noexcept
        : bytes_{bytes}, whose_{&whose}, group_{group}, others_{others} {}

    std::string_view bytes() const noexcept { return bytes_; }
    const std::shared_ptr<const std::string>& share() {
        if (shared_ == nullptr) shared_ = std::make_shared<const std::string>(bytes_);
        return shared_;
    }
    std::span<const range> others() const noexcept { return others_; }
    /// The name of the channel that they are from; empty if that is not known. Valid during the call.
    std::string_view channel() const noexcept;

    /// What a receiver has found out about them, so that it need not for the next that must queue them.
    struct notes {
        std::uint64_t source = 0;
        std::uint32_t kind = 0;
        std::uint8_t counted = 0;
        std::uint8_t flags = 0;
        std::vector<std::uint32_t> ends{}; ///< of each message
    };
    std::optional<notes> noted{};

private:
    std::string_view bytes_;
    const audience* whose_ = nullptr;
    std::uint32_t group_ = 0;
    std::span<const range> others_{};
    std::shared_ptr<const std::string> shared_;
};

/// Who passes frames on to subscribers. Neither call may change who subscribes to what: a subscriber that fails is set
/// aside by its owner, and leaves afterwards.
class receiver {
public:
    virtual void deliver(subscriber to, frames& what) = 0;
    /// A hint, some subscribers ahead of deliver().
    virtual void prefetch(subscriber) noexcept {}

protected:
    ~receiver() = default;
};

} // namespace carillon::hub
