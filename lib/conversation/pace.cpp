#include "base/check.hpp"
#include "conversation/host.hpp"

// How much a client may ask for.
namespace carillon::conversation {

// False: it is one command too many, and has been answered.
bool host::has_pace(client& c, const protocol::command& command) {
    if (has_answer(c) || std::holds_alternative<protocol::pong>(command.what)) return true;
    switch (pace_.take(shard_.records.index_of(c), shard_.now())) {
    case command_pace::verdict::go_on: return true;
    case command_pace::verdict::refused:
        if (command.id != 0) fail(command.id, protocol::command_error::too_many_requests);
        return false;
    case command_pace::verdict::ended: disconnect(c, protocol::disconnect::too_many_requests); return false;
    }
    CHECK(false);
}

} // namespace carillon::conversation
