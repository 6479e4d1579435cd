#include "door/resp_door.hpp"

#include "base/bytes.hpp"
#include "door/state.hpp"
#include "resp/names.hpp"

#include <memory>
#include <utility>

namespace carillon::door {

namespace {

link::server::options link_options(const door_options& how) {
    return {.who = net::owner::resp,
            .kind = metrics::connection_kind::resp,
            .outbox_bytes_max = how.output_bytes_max,
            .close_timeout = how.close_timeout,
            .connections_max = how.connections_max,
            .farewells_max = how.farewells_max,
            .entrance = how.entrance,
            .handshakes_max = how.handshakes_max};
}

resp::command_limits limits_of(const door_options& how) {
    return {.arguments_max = how.arguments_max,
            .bulk_bytes_max = how.query_bytes_max,
            .inline_bytes_max = 64 * 1024,
            .command_bytes_max = how.query_bytes_max};
}

} // namespace

resp_door::resp_door(const link::floor& shard, std::uint32_t shard_number, hub::hub& subscribers,
                     bus::embedded_broker& bus, const door_options& how)
    : link::server{shard, link_options(how)}, options_{how},
      shard_number_{shard_number}, hub_{&subscribers}, bus_{&bus}, parser_{limits_of(how)}, made_{shard.now()} {
    hub_->attach(hub::format::resp2, *this);
    hub_->attach(hub::format::resp3, *this);
    bus_->sharded().attach(hub::format::resp2, sharded_sink_);
    bus_->sharded().attach(hub::format::resp3, sharded_sink_);
    bus_->patterns().attach(*this);
    bus_->set_respondent(*this);
}

link::record* resp_door::make_record() { return records().emplace<door_client>(net::owner::resp); }

void resp_door::refuse(int descriptor) {
    (void)shard().calls.send(descriptor, as_bytes("-ERR max number of clients reached\r\n"));
}

void resp_door::on_open(link::record& r) {
    auto& c = static_cast<door_client&>(r);
    c.number = next_number_++;
    c.opened = c.active = seconds();
    await_login(c);
    if (c.encrypted && c.authenticated) schedule(c, options_.auth_timeout);
}

void resp_door::on_established(link::record& r) {
    if (static_cast<door_client&>(r).authenticated) cancel_deadline(r);
}

// Who does not log in must not keep its place for ever.
void resp_door::await_login(door_client& c) {
    c.authenticated = options_.password.empty();
    if (!c.authenticated) schedule(c, options_.auth_timeout);
}

void resp_door::on_slow(link::record& r) { drop(r, link::ending::by_us); }

void resp_door::on_gone(link::record& r, link::ending) {
    auto& c = static_cast<door_client&>(r);
    unsubscribe_everything(c);
    delete std::exchange(c.extras, nullptr);
    ++counters().connections_closed.resp();
}

void resp_door::on_deadline(net::connection& connection) {
    auto& c = static_cast<door_client&>(connection);
    if (c.gone) return;
    // Otherwise it is leaving, and the peer has not ended its side or not taken its replies.
    if (!c.closing && !c.leaving && !shakes_hands(c)) ++counters().auth_timeouts;
    drop(c, link::ending::by_us);
}

// Redis answers every command before it reads that the peer has ended its side; here an answer may still be on its way
// from the other shards, or wait for room.
bool resp_door::on_end(link::record& r) {
    auto& c = static_cast<door_client&>(r);
    const bool unsent = c.busy != nullptr && !c.busy->outbox.empty();
    if (c.closing) return unsent;
    if (awaits_answers(c)) {
        if (c.deadline_tick == 0) schedule(c, options_.close_timeout);
        c.leaving = true;
        return true;
    }
    if (unsent) leave(c);
    return unsent;
}

bool resp_door::awaits_answers(const door_client& c) { return c.executing || waits_for_shards(c); }

bool resp_door::waits_for_shards(const door_client& c) {
    return c.busy != nullptr && c.busy->kept != nullptr &&
           !static_cast<const unfinished*>(c.busy->kept.get())->waiting.empty();
}

// Its last reply is out, or in the outbox. It hears no more, so it is no receiver any more, though its peer may take a
// while to end.
void resp_door::leave(door_client& c) {
    unsubscribe_everything(c);
    close(c, {}, false);
}

std::uint32_t resp_door::seconds() const {
    return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(shard().now() - made_).count());
}

// --- reading

void resp_door::on_bytes(link::record& r, std::span<std::byte> bytes) {
    auto& c = static_cast<door_client&>(r);
    c.active = seconds();
    // What was published before its commands comes before their replies.
    if (subscribes(c)) hub_->flush();
    begin_burst(c);
    run_commands(c, as_text(bytes));
    end_burst(c);
}

void resp_door::run_commands(door_client& c, std::string_view bytes) {
    if (c.executing) go_on_with_transaction(c);
    if (c.leaving) return; // what comes after its last command is dropped, however long its answers take
    auto* kept = c.busy != nullptr ? static_cast<unfinished*>(c.busy->kept.get()) : nullptr;
    if (kept == nullptr) {
        parser_.reset();
        const std::size_t run = run_commands_in(c, parser_, bytes);
        if (run == bytes.size() || c.gone || c.leaving) return;
        keep_unfinished(c).query.assign(bytes.substr(run));
    } else {
        kept->query.append(bytes);
        if (c.paused) return;
        const std::size_t run = run_commands_in(c, kept->parser, kept->query);
        if (c.gone) return;
        kept->query.erase(0, run);
    }
    if (c.busy == nullptr || c.busy->kept == nullptr) return;
    const auto& left = static_cast<const unfinished&>(*c.busy->kept);
    if (left.empty()) {
        forget_kept(c);
    } else {
        keep_bytes(c, left.query.size());
    }
}

resp_door::unfinished& resp_door::keep_unfinished(door_client& c) {
    if (c.busy == nullptr || c.busy->kept == nullptr) keep(c, std::make_unique<unfinished>(limits_of(options_)), 0);
    return static_cast<unfinished&>(*c.busy->kept);
}

// Runs the whole commands at the front of `bytes`, and says how many bytes they are.
std::size_t resp_door::run_commands_in(door_client& c, resp::command_parser& parser, std::string_view bytes) {
    std::size_t position = 0;
    while (position < bytes.size() && !c.gone && !c.leaving && !c.paused && !c.executing) {
        if (position > 0 && shard().turns.over()) {
            wait_for_turn(c, false);
            break;
        }
        const auto step =
            parser.next(bytes.substr(position), c.authenticated ? resp::login::done : resp::login::missing);
        if (step.what == resp::outcome::need_more) break;
        if (step.what == resp::outcome::failed) {
            error(metrics::resp_error::protocol, "ERR " + std::string{step.error});
            c.leaving = true;
            break;
        }
        if (!step.args.empty() && (must_wait(c, step.args) || must_wait_for_answers(c, step.args))) {
            pause(c);
            break;
        }
        if (!step.args.empty() && must_wait_for_room(c, step.args)) {
            wait_for_turn(c, true);
            break;
        }
        if (!step.args.empty()) run(c, step.args);
        position += step.consumed;
        if (replies_.size() > replies_bytes_max) send_replies();
        if (out_ != &replies_ && out_->size() > replies_bytes_max) pause(c); // they wait for another reply
    }
    return position;
}

// The replies and what has been published go out when the turn ends, together with those of other connections.
void resp_door::end_burst(door_client& c) {
    send_later(c, replies_);
    forget_replies();
    active_ = nullptr;
    out_ = &replies_;
    shard().turns.join();
    if (c.gone) return;
    if (!c.authenticated && c.busy != nullptr && c.busy->outbox.bytes() > stranger_output_bytes_max) {
        ++counters().slow_consumers(metrics::connection_kind::resp);
        return drop(c, link::ending::by_us);
    }
    if (c.leaving && !awaits_answers(c)) {
        leave(c);
    } else {
        settle(c);
    }
}

void resp_door::send_replies() {
    if (replies_.empty()) return;
    CHECK(active_ != nullptr);
    send(*active_, replies_);
    forget_replies();
}

void resp_door::forget_replies() {
    replies_.clear();
    if (replies_.capacity() > 4 * replies_bytes_max) replies_.shrink_to_fit();
}

// --- publications

void resp_door::encode(hub::format encoding, std::string_view channel, const hub::publication& message,
                       std::string& out) {
    resp::append_message(out, channel, message.payload,
                         encoding == hub::format::resp3 ? resp::version::resp3 : resp::version::resp2);
}

void resp_door::encode_pattern(hub::format encoding, std::string_view pattern, std::string_view channel,
                               const hub::publication& message, std::string& out) {
    resp::append_pattern_message(out, pattern, channel, message.payload,
                                 encoding == hub::format::resp3 ? resp::version::resp3 : resp::version::resp2);
}

void resp_door::sharded_sink::encode(hub::format encoding, std::string_view channel, const hub::publication& message,
                                     std::string& out) {
    resp::append_push_header(out, 3, encoding == hub::format::resp3 ? resp::version::resp3 : resp::version::resp2);
    resp::append_bulk(out, "smessage");
    resp::append_bulk(out, channel);
    resp::append_bulk(out, message.payload);
}

void resp_door::deliver(hub::subscriber to, hub::frames& what) {
    auto& c = static_cast<door_client&>(records().at(to.index()));
    if (c.executing) return hold_message(c, what.bytes());
    if (&c == active_) send_replies(); // its confirmation goes first
    send(c, what.bytes(), [&] { return what.share(); });
}

void resp_door::answer_publish(bus::publish_result receivers) {
    if (receivers) {
        resp::append_integer(out(), receivers->receivers);
    } else {
        error(metrics::resp_error::limit, "ERR " + receivers.error().message());
    }
}

std::uint32_t resp_door::next_ticket(const door_client& c) {
    if (c.busy == nullptr || c.busy->kept == nullptr) return 0;
    const auto& kept = static_cast<const unfinished&>(*c.busy->kept);
    return kept.first_ticket + static_cast<std::uint32_t>(kept.waiting.size());
}

// The reply of this PUBLISH, and all replies after it, wait until the shards have counted.
std::uint32_t resp_door::expect_answer(door_client& c) {
    unfinished& kept = keep_unfinished(c);
    kept.waiting.emplace_back();
    kept.waiting.back().mute = out_ == &dropped_;
    if (out_ != &dropped_) out_ = &kept.waiting.back().after;
    if (kept.waiting.size() >= options_.unanswered_max) pause(c);
    return kept.first_ticket + static_cast<std::uint32_t>(kept.waiting.size()) - 1;
}

// A message of a channel may not come before the confirmation of it, nor before the replies that stand in front of
// that; nor may one come into the array of a transaction. Of questions to all shards a connection asks one at a time,
// since the answers may be long.
bool resp_door::must_wait(const door_client& c, resp::arguments args) {
    if (c.busy == nullptr || c.busy->kept == nullptr) return false;
    const auto& waiting = static_cast<const unfinished&>(*c.busy->kept).waiting;
    if (waiting.empty()) return false;
    if (waiting.back().asked != nullptr) return true;
    return resp::equals_ignoring_case(args[0], "SUBSCRIBE") || resp::equals_ignoring_case(args[0], "PSUBSCRIBE") ||
           resp::equals_ignoring_case(args[0], "SSUBSCRIBE") || resp::equals_ignoring_case(args[0], "EXEC");
}

// Where no more publications may be on their way, who has some of them waits for their answers; others are refused.
bool resp_door::must_wait_for_answers(const door_client& c, resp::arguments args) const {
    if (!bus_->full() || !awaits_answers(c)) return false;
    return resp::equals_ignoring_case(args[0], "PUBLISH") || resp::equals_ignoring_case(args[0], "SPUBLISH");
}

// Who publishes waits while too much is on its way to subscribers. Who changes its dialect waits until what was
// published before has been sent, since that is in the old one.
bool resp_door::must_wait_for_room(door_client& c, resp::arguments args) {
    const auto is = [&](std::string_view name) { return resp::equals_ignoring_case(args[0], name); };
    if (bus_->congested()) { return is("PUBLISH") || is("SPUBLISH") || is("EXEC") || is("EVAL"); }
    if (hub_->waiting().empty() || !is("HELLO") || !subscribes(c)) return false;
    std::uint64_t& last = keep_unfinished(c).heard_before_hello;
    if (last == 0) last = hub_->waiting().newest();
    if (hub_->waiting().oldest_waiting() <= last) return true;
    last = 0;
    return false;
}

// Whose commands are run from now on, and where their replies go.
void resp_door::begin_burst(door_client& c) {
    active_ = &c;
    out_ = c.executing ? &c.extras->queued->replies : &replies_;
    if (c.busy == nullptr || c.busy->kept == nullptr) return;
    auto& kept = static_cast<unfinished&>(*c.busy->kept);
    if (!kept.waiting.empty()) out_ = &kept.waiting.back().after;
}

// The door opens on the embedded bus only, which confirms at once.
void resp_door::on_subscribed(bus::ticket) { CHECK(false); }

void resp_door::on_subscribe_failed(bus::ticket, std::string_view, bus::error) { CHECK(false); }

void resp_door::on_unsubscribed(std::string_view, bus::error) { CHECK(false); }

door_client* resp_door::client_of(bus::ticket whose) {
    auto* c = static_cast<door_client*>(find(net::connection_key::unpacked(whose.connection)));
    return c == nullptr || c->busy == nullptr || c->busy->kept == nullptr ? nullptr : c;
}

void resp_door::on_published(bus::ticket whose, bus::publish_result receivers) {
    door_client* const c = client_of(whose);
    if (c == nullptr) return;
    auto& kept = static_cast<unfinished&>(*c->busy->kept);
    const std::uint32_t place = whose.id - kept.first_ticket;
    CHECK(place < kept.waiting.size());
    kept.waiting[place].done = true;
    kept.waiting[place].receivers = receivers;
    answer_waiting(*c);
}

void resp_door::on_answer(bus::ticket whose, const bus::answer& said) {
    door_client* const c = client_of(whose);
    if (c == nullptr) return;
    auto& kept = static_cast<unfinished&>(*c->busy->kept);
    const std::uint32_t place = whose.id - kept.first_ticket;
    CHECK(place < kept.waiting.size() && kept.waiting[place].asked != nullptr);
    survey& all = *kept.waiting[place].asked;
    all.add(said);
    if (--all.missing > 0) return;
    kept.waiting[place].done = true;
    answer_waiting(*c);
}

// There is time again, or room.
void resp_door::on_turn(link::record& r) {
    auto& c = static_cast<door_client&>(r);
    const hold alive{*this, c}; // the commands that waited may end the connection
    c.paused = false;
    go_on(c);
    if (c.paused || c.gone) return;
    pause(c);
    resume(c);
}

void resp_door::go_on(door_client& c) {
    begin_burst(c);
    run_commands(c, {});
    end_burst(c);
}

// Sends the replies that wait no more, and goes on with the commands that waited for them.
void resp_door::answer_waiting(door_client& c) {
    const hold alive{*this, c}; // the commands that waited may end the connection
    auto& kept = static_cast<unfinished&>(*c.busy->kept);
    active_ = &c;
    out_ = c.executing ? &c.extras->queued->replies : &replies_;
    while (!kept.waiting.empty() && kept.waiting.front().done) {
        auto& front = kept.waiting.front();
        if (front.mute) {
            // CLIENT REPLY OFF was in force when it was asked.
        } else if (front.asked != nullptr) {
            append_answer(out(), *front.asked);
        } else {
            answer_publish(front.receivers);
        }
        out() += front.after;
        kept.waiting.pop_front();
        ++kept.first_ticket;
    }
    const bool read_on = c.paused && kept.waiting.size() <= options_.unanswered_max / 2;
    if (read_on) c.paused = false;
    go_on(c);
    if (read_on && !c.paused && !c.gone) {
        pause(c);
        resume(c);
    }
}

} // namespace carillon::door
