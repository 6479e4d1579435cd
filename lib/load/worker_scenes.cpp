#include "load/dialect.hpp"
#include "load/worker.hpp"

#include <algorithm>
#include <cmath>

namespace carillon::load {

void worker::storm(clock::time_point now) {
    begun_ = true;
    for (slot i = 0; i < task_.count; ++i) {
        client& whose = clients_[i];
        if (whose.state != client_state::live) continue;
        close_socket(whose);
        --counts_.live;
        want(i, order_.start); // everybody was due at once, however long it takes
    }
    next_look_ = now;
}

void worker::churn(clock::time_point now) {
    if (now >= order_.end + task_.what.timeout) return; // what is late by then is lost
    const auto has_turn = [this] {
        const client_state state = clients_[cursor_].state;
        return state == client_state::live || state == client_state::absent;
    };
    for (;;) {
        const clock::time_point due = pace_.due(next_event_);
        if (due > now || due >= order_.end) return;
        if (at_rest() == 0) return; // all are under way; it stays due
        while (!has_turn()) cursor_ = (cursor_ + 1) % task_.count;
        if (clients_[cursor_].state == client_state::live) leave(cursor_); // else the server has ended it
        want(cursor_, due);
        cursor_ = (cursor_ + 1) % task_.count;
        ++next_event_;
    }
}

void worker::echo_start(clock::time_point now) {
    begun_ = true;
    for (slot i = 0; i < task_.count; ++i)
        if (clients_[i].state == client_state::live) send_command(i, now);
}

void worker::echo_paced(clock::time_point now) {
    for (;;) {
        const clock::time_point due = pace_.due(next_event_);
        if (due > now || due >= order_.end) return;
        const auto which = static_cast<slot>(next_event_ % task_.count);
        client& whose = clients_[which];
        ++next_event_;
        if (whose.state != client_state::live) continue;
        if (whose.awaits_reply) {
            ++whose.owed;
            ++owed_;
        } else {
            send_command(which, due);
        }
    }
}

bool worker::send_command(slot which, clock::time_point due) {
    client& whose = clients_[which];
    const std::uint32_t number = task_.first + which;
    whose.due = due;
    whose.awaits_reply = true;
    whose.command = std::max(whose.command + 1, first_free_command);
    ++awaited_;
    const std::string_view payload = payload_.write({task_.run, number, whose.command, due});
    if (task_.what.protocol == protocol::plain) return transmit(which, client_frame(ws::opcode::text, payload));
    const std::string command = centrifuge_publish(whose.command, task_.what.channel_of(number), payload);
    return transmit(which, client_frame(ws::opcode::text, command));
}

bool worker::take_reply(slot which, clock::time_point now) {
    client& whose = clients_[which];
    if (!whose.awaits_reply) return true; // to none that is known
    whose.awaits_reply = false;
    --awaited_;
    if (whose.due >= order_.measured) {
        ++counts_.round_trips;
        counts_.round_trips_end = now.time_since_epoch().count();
        round_trips_.record(now - whose.due);
    }
    if (order_.what != order::kind::echo) return true;
    if (order_.rate == 0) return now >= order_.end || send_command(which, now);
    if (whose.owed == 0) return true;
    --whose.owed;
    --owed_;
    // Its turns are evenly spaced, so the next one was due a whole round later.
    const double round_s = static_cast<double>(task_.count) / order_.rate;
    return send_command(which, whose.due + std::chrono::nanoseconds{std::llround(round_s * 1e9)});
}

void worker::forget_command(client& whose) noexcept {
    counts_.lost += whose.owed + (whose.awaits_reply ? 1 : 0); // nobody will answer them
    if (whose.awaits_reply) --awaited_;
    owed_ -= whose.owed;
    whose.awaits_reply = false;
    whose.owed = 0;
}

} // namespace carillon::load
