#include "door/transaction.hpp"

#include "door/state.hpp"

#include <fmt/format.h>

#include <memory>

namespace carillon::door {

using metrics::resp_error;

// --- between MULTI and EXEC

void resp_door::run_multi(door_client& c, resp::arguments) {
    if (transaction_of(c) != nullptr) return error(resp_error::not_allowed, "ERR MULTI calls can not be nested");
    extras_of(c).queued = std::make_shared<transaction>();
    resp::append_simple(out(), "OK");
}

void resp_door::run_discard(door_client& c, resp::arguments) {
    if (transaction_of(c) == nullptr) return error(resp_error::not_allowed, "ERR DISCARD without MULTI");
    c.extras->queued.reset();
    resp::append_simple(out(), "OK");
}

// There are no keys that could change.
void resp_door::run_watch(door_client& c, resp::arguments) {
    if (transaction_of(c) != nullptr) return error(resp_error::not_allowed, "ERR WATCH inside MULTI is not allowed");
    resp::append_simple(out(), "OK");
}

void resp_door::run_unwatch(door_client&, resp::arguments) { resp::append_simple(out(), "OK"); }

void resp_door::queue_command(door_client& c, resp::arguments args) {
    transaction& queued = *transaction_of(c);
    std::size_t bytes = 0;
    for (const std::string_view each : args) bytes += each.size() + sizeof(std::string);
    if (queued.commands.size() >= options_.transaction_commands_max) {
        return refuse_command(
            c, resp_error::limit,
            fmt::format("ERR more than {} commands in a transaction", options_.transaction_commands_max));
    }
    if (queued.bytes + bytes > options_.query_bytes_max) {
        return refuse_command(c, resp_error::limit,
                              fmt::format("ERR transaction is longer than {} bytes", options_.query_bytes_max));
    }
    if (!queued.refused) {
        queued.bytes += bytes;
        queued.commands.emplace_back(args.begin(), args.end());
    }
    resp::append_simple(out(), "QUEUED");
}

// A command that is not even begun: the transaction that it belongs to is not carried out either.
void resp_door::refuse_command(door_client& c, resp_error kind, std::string_view text, const commands::entry* refused) {
    if (refused != nullptr && refused->does == commands::action::exec) {
        if (c.extras != nullptr) c.extras->queued.reset();
        if (text.starts_with("ERR ")) text.remove_prefix(4);
        return error(kind, fmt::format("EXECABORT Transaction discarded because of: {}", text));
    }
    if (transaction* const queued = transaction_of(c); queued != nullptr) {
        queued->refused = true;
        queued->commands = {};
        queued->bytes = 0;
    }
    error(kind, text);
}

// --- EXEC

void resp_door::run_exec(door_client& c, resp::arguments) {
    transaction* const queued = transaction_of(c);
    if (queued == nullptr) return error(resp_error::not_allowed, "ERR EXEC without MULTI");
    if (queued->refused) {
        c.extras->queued.reset();
        return error(resp_error::not_allowed, "EXECABORT Transaction discarded because of previous errors.");
    }
    queued->mute = out_ == &dropped_;
    if (!queued->mute) resp::append_array_header(queued->replies, queued->commands.size());
    c.executing = true;
    go_on_with_transaction(c);
}

// Carries out what may be carried out now: until the turn's time is over, or there is no room for more publications.
// The replies of earlier commands are out, since EXEC waits for them; those of this one are complete when nothing waits
// for other shards any more.
void resp_door::go_on_with_transaction(door_client& c) {
    const auto queued = c.extras->queued; // also when the connection ends on the way
    std::vector<std::string_view> args;
    bool begun = false;
    while (queued->next < queued->commands.size() && !c.gone && !c.paused) {
        const auto& words = queued->commands[queued->next];
        args.assign(words.begin(), words.end());
        if (must_wait(c, args)) return pause(c);
        if (begun && shard().turns.over()) return wait_for_turn(c, false);
        if (must_wait_for_room(c, args)) return wait_for_turn(c, true);
        begun = true;
        ++queued->next;
        begin_burst(c);
        const commands::entry& command = *commands::find(resp::arguments{args});
        if (queued->mute && !command.is_confirmed_by_pushes()) out_ = &dropped_;
        perform(c, command.does, args);
        dropped_.clear();
        if (queued->replies.size() > options_.output_bytes_max) queued->is_too_long = true;
        if (queued->is_too_long) break;
    }
    if (c.gone || queued->is_too_long) out_ = &replies_; // what it led to goes with the transaction
    if (c.gone) return;
    if (queued->is_too_long) {
        ++counters().slow_consumers(metrics::connection_kind::resp);
        return drop(c, link::ending::by_us);
    }
    if (queued->next < queued->commands.size() || waits_for_shards(c)) return pause(c);
    c.executing = false;
    c.extras->queued.reset();
    begin_burst(c);
    replies_ += queued->replies;
    if (queued->messages.empty()) return;
    send_replies();
    send(c, queued->messages);
}

// A message in the middle of an array would be taken for a part of it.
void resp_door::hold_message(door_client& c, std::string_view bytes) {
    transaction& queued = *transaction_of(c);
    if (queued.messages.size() + bytes.size() > options_.output_bytes_max) queued.is_too_long = true;
    if (!queued.is_too_long) queued.messages += bytes;
}

} // namespace carillon::door
