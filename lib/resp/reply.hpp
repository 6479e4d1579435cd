#pragma once

#include "resp/line.hpp"
#include "resp/outcome.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace carillon::resp {

/// Every type of value in RESP2 and RESP3, as Redis and Valkey send them.
enum class type {
    simple_string, ///< + text
    error,         ///< - text
    integer,       ///< : integer
    bulk_string,   ///< $ text
    array,         ///< *
    null,          ///< _, and RESP2's $-1 and *-1
    double_,       ///< , text: decimal or exponent notation, inf, -inf, nan; NOLINT: a keyword
    boolean,       ///< # integer is 1 or 0
    blob_error,    ///< ! text
    verbatim,      ///< = text, without the three bytes of its format and the colon
    big_number,    ///< ( text
    map,           ///< % children are key, value, key, value
    set,           ///< ~
    push,          ///< > only as a whole message, never inside a reply
    attribute,     ///< | as a map; a remark on the value that follows it at the same depth, and no child of its parent
    skipped,       ///< $ of more than text_bytes_max: integer is its length, its bytes have been dropped
};

/// One value of a reply.
struct node {
    type kind{};
    std::uint32_t depth{};    ///< 0 for the reply itself
    std::uint32_t children{}; ///< aggregates: how many values stand directly below (a map of n pairs has 2n)
    std::string_view text{};  ///< what `kind` says, a view into the buffer; empty for other kinds
    std::int64_t integer{};   ///< what `kind` says; 0 for other kinds
};

/// What one reply of a server may cost.
struct reply_limits {
    std::size_t nodes_max = 65536; // values in one reply, counted as soon as a header promises them
    std::size_t depth_max = 16;    // depth of the deepest value; hiredis stops at 9
    std::size_t bytes_max = std::size_t{16} * 1024 * 1024; // all bytes of one reply that are kept, as they are sent
    // A bulk string of more is dropped as it comes, whatever its length, and is no part of bytes_max.
    std::size_t text_bytes_max = std::numeric_limits<std::size_t>::max();
};

/// Reads the replies and pushes that a server sends, in both dialects. Values come as a flat sequence, each before its
/// children. Types of unknown length ("$?", "*?"), which the RESP3 paper has and no server sends, are refused. So is a
/// push inside a reply: Redis before 7.2 writes one when SUBSCRIBE or PUBLISH is queued by MULTI, and then counts the
/// reply wrong (redis/redis issues 12207 and 12326), so that what follows could not be trusted.
///
/// Bytes are looked at once, however many pieces they arrive in. Replies of up to 256 nodes allocate nothing once the
/// parser is warm; memory taken for longer ones is given back by reset(), or when the next reply starts. A count or
/// length alone allocates nothing.
class reply_parser {
public:
    /// What next() found.
    struct step {
        outcome what{};
        /// When complete: the reply, nodes.front() first, or an attribute and then the reply. The texts are views into
        /// the buffer; valid until the buffer changes or the parser is called again.
        std::span<const node> nodes{};
        std::size_t consumed{};   ///< when complete: bytes to drop from the start of the buffer; otherwise 0
        std::size_t drop_at{};    ///< when more is needed: where in the buffer bytes of no use begin
        std::size_t drop_count{}; ///< how many; if any, the caller removes them and calls again at once
        std::size_t needed{};     ///< when more is needed: no buffer smaller than this can complete the reply
        std::string_view error{}; ///< when failed: a static sentence
        error_code code{};        ///< when failed: the same as a value
    };

    explicit reply_parser(reply_limits limits = {});

    /// Reads the reply at the start of `buffer`. After need_more the parser remembers its progress, and the caller
    /// promises to call again with the same bytes, without those to be dropped, followed by more; they may have moved
    /// in memory. After complete the next call starts a new reply; after failed every call fails in the same way until
    /// reset().
    step next(std::string_view buffer);

    /// Forgets the reply that was begun.
    void reset() noexcept;

private:
    /// An aggregate whose children are being read.
    struct frame {
        std::size_t left{};
    };
    /// A value's reading ends in one of the outcomes; for need_more `position` is the buffer size to wait for.
    struct progress {
        outcome what{};
        resp::error why{};
        std::size_t position{};
        std::size_t drop{}; // for need_more: bytes from position_ on
    };

    progress read_value(std::string_view buffer);
    progress read_blob(std::string_view buffer, const line& header, type kind);
    progress skip_blob(std::string_view buffer);
    progress read_aggregate(const line& header, type kind, std::size_t values_per_count);
    progress read_scalar(const line& header, type kind);
    progress add(node value, place where, std::size_t end);
    void close_frames() noexcept;
    step complete(std::string_view buffer);
    step fail(resp::error why);
    void check_invariants() const;

    reply_limits limits_;
    std::size_t position_ = 0; // everything before has been understood
    std::size_t scanned_ = 0;  // everything before has been searched for the end of the current line
    std::size_t promised_ = 1; // values read, and values that headers have promised
    bool skipping_ = false;    // in the middle of a string that is too long: position_ is where its bytes come
    std::uint64_t skipped_length_ = 0;
    std::uint64_t skip_left_ = 0;
    bool finished_ = false; // the next call starts anew
    step failure_;          // what == failed once the stream is lost
    std::vector<frame> frames_;
    std::vector<node> nodes_;
    std::vector<place> places_; // of the nodes' texts
};

} // namespace carillon::resp
