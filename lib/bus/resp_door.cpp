#include "bus/resp_door.hpp"

#include "base/bytes.hpp"
#include "resp/names.hpp"

#include <memory>
#include <utility>

namespace carillon::bus {

namespace {

constexpr std::size_t replies_bytes_max = 64 * 1024; // beyond this they are sent before the next command is run

link::server::options link_options(const door_options& how) {
    return {.who = net::owner::resp,
            .kind = metrics::connection_kind::resp,
            .outbox_bytes_max = how.output_bytes_max,
            .close_timeout = how.close_timeout,
            .connections_max = how.connections_max};
}

resp::command_limits limits_of(const door_options& how) {
    return {.arguments_max = how.arguments_max,
            .bulk_bytes_max = how.query_bytes_max,
            .inline_bytes_max = 64 * 1024,
            .command_bytes_max = how.query_bytes_max};
}

} // namespace

// What a connection keeps while a command has come in part, or while a PUBLISH waits for the other shards.
struct resp_door::unfinished final : link::partial {
    // A PUBLISH without its reply yet, and the replies of the commands after it.
    struct unanswered {
        bool done = false;
        publish_result receivers{std::uint32_t{0}};
        std::string after;
    };

    explicit unfinished(const resp::command_limits& limits) : parser{limits} {}
    bool empty() const noexcept { return query.empty() && waiting.empty(); }

    std::string query; // from the first byte of a command that is not complete or not run
    resp::command_parser parser;
    std::deque<unanswered> waiting;
    std::uint32_t first_ticket = 0; // the one of waiting.front()
};

resp_door::resp_door(const link::floor& shard, std::uint32_t shard_number, hub::hub& subscribers, broker& bus,
                     const door_options& how)
    : link::server{shard, link_options(how)}, options_{how}, shard_number_{shard_number}, hub_{&subscribers},
      bus_{&bus}, parser_{limits_of(how)} {
    hub_->attach(hub::format::resp2, *this);
    hub_->attach(hub::format::resp3, *this);
}

link::record* resp_door::make_record() { return records().emplace<door_client>(net::owner::resp); }

void resp_door::refuse(int descriptor) {
    (void)shard().calls.send(descriptor, as_bytes("-ERR max number of clients reached\r\n"));
}

void resp_door::on_open(link::record& r) {
    auto& c = static_cast<door_client&>(r);
    // The shard's number in the upper bits keeps the ids of shards apart.
    c.id = std::uint64_t{shard_number_} << 40 | next_id_++;
    c.authenticated = options_.password.empty();
}

void resp_door::on_slow(link::record& r) { drop(r, link::ending::by_us); }

void resp_door::on_gone(link::record& r, link::ending) {
    auto& c = static_cast<door_client&>(r);
    hub_->unsubscribe_all(c.channels, [this](std::string_view channel) { bus_->unsubscribe(channel); });
    ++counters().connections_closed.resp();
}

void resp_door::on_deadline(net::connection& connection) {
    auto& c = static_cast<door_client&>(connection);
    if (!c.gone) drop(c, link::ending::by_us); // closing, and the peer has not ended its side
}

// --- reading

void resp_door::on_bytes(link::record& r, std::span<std::byte> bytes) {
    auto& c = static_cast<door_client&>(r);
    begin_turn(c);
    run_commands(c, as_text(bytes));
    end_turn(c);
}

void resp_door::run_commands(door_client& c, std::string_view bytes) {
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
    while (position < bytes.size() && !c.gone && !c.leaving && !c.paused) {
        const auto step = parser.next(bytes.substr(position));
        if (step.what == resp::outcome::need_more) break;
        if (step.what == resp::outcome::failed) {
            error(metrics::resp_error::protocol, "ERR " + std::string{step.error});
            c.leaving = true;
            break;
        }
        if (!step.args.empty() && must_wait(c, step.args)) {
            pause(c);
            break;
        }
        if (!step.args.empty()) run(c, step.args);
        position += step.consumed;
        if (replies_.size() > replies_bytes_max) flush_replies();
    }
    return position;
}

void resp_door::end_turn(door_client& c) {
    flush_replies();
    active_ = nullptr;
    out_ = &replies_;
    hub_->flush();
    if (c.gone) return;
    const bool waits =
        c.busy != nullptr && c.busy->kept != nullptr && !static_cast<unfinished*>(c.busy->kept.get())->waiting.empty();
    if (c.leaving && !waits) {
        // It hears no more, so it is no receiver any more, though its peer may take a while to end.
        hub_->unsubscribe_all(c.channels, [this](std::string_view channel) { bus_->unsubscribe(channel); });
        close(c, {}, false);
    } else {
        settle(c);
    }
}

void resp_door::flush_replies() {
    if (replies_.empty()) return;
    CHECK(active_ != nullptr);
    send(*active_, replies_);
    replies_.clear();
    if (replies_.capacity() > 4 * replies_bytes_max) replies_.shrink_to_fit();
}

// --- publications

void resp_door::encode(hub::format encoding, std::string_view channel, const hub::publication& message,
                       std::string& out) {
    resp::append_message(out, channel, message.payload,
                         encoding == hub::format::resp3 ? resp::version::resp3 : resp::version::resp2);
}

void resp_door::deliver(hub::subscriber to, hub::frames& what) {
    auto& c = static_cast<door_client&>(records().at(to.index()));
    if (&c == active_) flush_replies(); // its confirmation goes first
    send(c, what.bytes(), [&] { return what.share(); });
}

void resp_door::answer_publish(publish_result receivers) {
    if (receivers) {
        resp::append_integer(out(), *receivers);
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
    out_ = &kept.waiting.back().after;
    if (kept.waiting.size() >= options_.unanswered_max) pause(c);
    return kept.first_ticket + static_cast<std::uint32_t>(kept.waiting.size()) - 1;
}

// A message of a channel may not come before the confirmation of it, nor before the replies that stand in front of
// that.
bool resp_door::must_wait(const door_client& c, resp::arguments args) {
    if (c.busy == nullptr || c.busy->kept == nullptr) return false;
    if (static_cast<const unfinished&>(*c.busy->kept).waiting.empty()) return false;
    return resp::equals_ignoring_case(args[0], "SUBSCRIBE");
}

// Whose commands are run from now on, and where their replies go.
void resp_door::begin_turn(door_client& c) {
    active_ = &c;
    out_ = &replies_;
    if (c.busy == nullptr || c.busy->kept == nullptr) return;
    auto& kept = static_cast<unfinished&>(*c.busy->kept);
    if (!kept.waiting.empty()) out_ = &kept.waiting.back().after;
}

// The door opens on the embedded bus only, which confirms at once.
void resp_door::on_subscribed(ticket) { CHECK(false); }

void resp_door::on_subscribe_failed(ticket, std::string_view) { CHECK(false); }

void resp_door::on_published(ticket whose, publish_result receivers) {
    auto* c = static_cast<door_client*>(find(net::connection_key::unpacked(whose.connection)));
    if (c == nullptr || c->busy == nullptr || c->busy->kept == nullptr) return;
    auto& kept = static_cast<unfinished&>(*c->busy->kept);
    const std::uint32_t place = whose.id - kept.first_ticket;
    CHECK(place < kept.waiting.size());
    kept.waiting[place].done = true;
    kept.waiting[place].receivers = receivers;
    active_ = c;
    out_ = &replies_;
    while (!kept.waiting.empty() && kept.waiting.front().done) {
        answer_publish(kept.waiting.front().receivers);
        replies_ += kept.waiting.front().after;
        kept.waiting.pop_front();
        ++kept.first_ticket;
    }
    const bool read_on = c->paused && kept.waiting.size() <= options_.unanswered_max / 2;
    if (read_on) c->paused = false;
    begin_turn(*c);
    run_commands(*c, {});
    end_turn(*c);
    if (read_on && !c->paused && !c->gone) {
        pause(*c);
        resume(*c);
    }
}

} // namespace carillon::bus
