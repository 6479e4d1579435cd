#pragma once

#include "base/result.hpp"
#include "bus/ticket.hpp"
#include "presence/registry.hpp"
#include "streams/position.hpp"
#include "streams/publication.hpp"
#include "streams/store.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::bus {

/// What somebody wants to know of a channel's stream, or of who is there.
struct home_question {
    enum class kind : std::uint8_t {
        place,   ///< where it stands
        recover, ///< what was missed since `since`
        history, ///< a page of what is kept
        forget,  ///< nothing: forget what is kept
        count,   ///< how many are there
        list,    ///< who is there
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

/// Who is in a channel: client IDs, and ClientInfo as JSON.
using attendance = std::vector<std::pair<presence::client_id, std::string>>;

struct home_answer {
    streams::position top{};                             ///< where the stream stands
    streams::verdict said = streams::verdict::recovered; ///< of a recovery
    streams::store::query_error why{};                   ///< of a history
    streams::shared_batch publications{};                ///< null: none
    presence::registry::numbers there{};                 ///< of a count or a list
    std::shared_ptr<const attendance> members{};         ///< of a list; null: they are more than are told at once
};

/// Hears an answer that was not given at once.
class home_listener {
public:
    virtual void on_home_answer(ticket whose, std::string_view channel, const result<home_answer>& said) = 0;

protected:
    ~home_listener() = default;
};

} // namespace carillon::bus
