#pragma once

#include "base/result.hpp"
#include "bus/ticket.hpp"
#include "streams/position.hpp"
#include "streams/publication.hpp"
#include "streams/store.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace carillon::bus {

/// What somebody wants to know of a channel's stream.
struct stream_question {
    enum class kind : std::uint8_t {
        place,   ///< where it stands
        recover, ///< what was missed since `since`
        history, ///< a page of what is kept
        forget,  ///< nothing: forget what is kept
    };
    kind about = kind::place;
    bool joins = false;        ///< who asks subscribes when he hears the answer
    bool has_since = false;    ///< of a history
    bool reverse = false;      ///< of a history
    std::int64_t limit = 0;    ///< of a history, as in streams::store::query
    streams::position since{}; ///< without an epoch: of any

    /// A position as somebody outside has it. A text that cannot be an epoch is that of no stream.
    static streams::position position_of(std::uint64_t offset, std::string_view epoch) noexcept {
        return {offset, streams::epoch{streams::epoch::fits(epoch) ? epoch : std::string_view{"?"}}};
    }
};

struct stream_answer {
    streams::position top{};                             ///< where the stream stands
    streams::verdict said = streams::verdict::recovered; ///< of a recovery
    streams::store::query_error why{};                   ///< of a history
    streams::shared_batch publications{};                ///< null: none
};

/// Hears an answer that was not given at once.
class stream_listener {
public:
    virtual void on_stream(ticket whose, std::string_view channel, const result<stream_answer>& said) = 0;

protected:
    ~stream_listener() = default;
};

} // namespace carillon::bus
