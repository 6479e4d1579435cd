#include "link/server.hpp"

#include "base/ablation.hpp"
#include "base/bytes.hpp"

#include <boost/asio/post.hpp>

#include <cerrno>
#include <utility>

namespace carillon::link {

namespace {
// Connections that failed or were too slow, before other events get their turn.
constexpr std::size_t ended_per_turn = 256;
constexpr std::size_t no_limit = static_cast<std::size_t>(-1);
} // namespace

// Parks the receive coroutine in the busy state until the next readable edge (ablation::parked_readers).
struct server::readable_awaiter {
    explicit readable_awaiter(busy_state& state) noexcept : busy{state} {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { busy.reader = waiting; }
    void await_resume() const noexcept {}

    busy_state& busy;
};

server::server(const floor& shard, const options& how)
    : shard_{shard}, options_{how}, refused_{shard.context, shard.calls, shard.counters, how.farewells_max},
      relays_{shard.context, shard.counters, how.relays_max}, keeps_addresses_{needs_addresses(how)} {
    shard_.poll.attach(how.who, *this);
}

server::~server() { CHECK(open_ == 0); }

record* server::find(net::connection_key key) noexcept {
    net::connection* found = shard_.records.find(key);
    if (found == nullptr || found->owned_by != options_.who || found->gone) return nullptr;
    return static_cast<record*>(found);
}

// --- accepting

void server::admit(int descriptor, work::lease& held, bool encrypted) {
    newcomer who;
    if (const auto why = judge(descriptor, who)) return turn_away(descriptor, *why, who.whose, encrypted);
    std::unique_ptr<tls::stream> stream;
    if (encrypted && (stream = begin_handshake()) == nullptr) {
        part(who);
        return refused_.take(descriptor);
    }
    record* r = open_ < options_.connections_max ? make_record() : nullptr;
    if (r == nullptr) {
        ++counters().accept_errors(metrics::accept_error::connection_limit);
        part(who);
        if (!encrypted) refuse(descriptor); // in the middle of a handshake nothing can be said
        refused_.take(descriptor);
        return;
    }
    r->descriptor = descriptor;
    greet(*r, who);
    if (encrypted) encrypt(*r, std::move(stream));
    ++open_;
    ++counters().connections_accepted(options_.kind);
    ++counters().connections_open(options_.kind);
    // As if its receive coroutine ran: the record must outlive what on_bytes may do to it.
    r->receiving = true;
    on_open(*r);
    // What has come already is read before the netpoll hears of the connection; for the rest there will be an edge.
    // A handshake is work for hundreds of other things, and waits for its turn.
    const reading outcome = encrypted && shard_.turns.over() ? reading::more : read_burst(*r, held);
    if (!r->gone && !shard_.poll.watch(*r)) drop(*r, ending::by_error);
    if (r->writing) shard_.poll.watch_writing(*r);
    r->receiving = false;
    if (ablation::parked_writers && !r->gone) park_writer(*r);
    if (!r->gone && (outcome == reading::more || ablation::parked_readers)) {
        receive(*r);
        return;
    }
    release_if_unused(*r);
}

// --- reading

void server::on_ready(net::connection& c, net::readiness what) {
    auto& r = static_cast<record&>(c);
    if (r.gone) return;
    if (what.hung_up || what.urgent) r.read_to_end = true;
    if (what.writable && r.busy != nullptr && r.busy->writer) {
        const net::connection_key key = records().key_of(r);
        std::exchange(r.busy->writer, nullptr).resume();
        if (find(key) == nullptr) return;
    }
    if (!what.readable || r.paused) return;
    if (ablation::parked_readers && r.busy != nullptr && r.busy->reader) {
        std::exchange(r.busy->reader, nullptr).resume();
    } else if (r.receiving) {
        r.ready_again = true;
    } else {
        receive(r);
    }
}

// The reader goroutine of the article, alive only while there is something to read.
net::detached server::receive(record& r) {
    const auto pass = coroutines_.enter();
    r.receiving = true;
    work::lease held = co_await shard_.pool.acquire();
    while (held && !r.gone && !r.paused) {
        shard_.turns.join();
        if (shard_.turns.over()) {
            wait_for_turn(r, false);
            break;
        }
        r.ready_again = false;
        const reading outcome = read_burst(r, held);
        if (outcome == reading::ended) break;
        if (outcome == reading::drained && !r.ready_again) {
            if constexpr (ablation::parked_readers) {
                co_await readable_awaiter{busy(r)};
                continue;
            }
            break;
        }
        // One buffer is its share of a turn.
        if (shard_.pool.waiting() > 0) {
            // Who keeps its socket full must not keep its lease, too: to the end of the line.
            held = {};
            work::lease next = co_await shard_.pool.acquire();
            held = std::move(next);
        } else {
            co_await shard_.pool.yield(held);
        }
    }
    r.receiving = false;
    if (!held && !r.gone) drop(r, ending::by_us); // the pool has closed
    release_if_unused(r);
}

server::reading server::read_burst(record& r, work::lease& held) {
    const std::span<std::byte> buffer = held.buffer();
    if (auto outcome = reading::drained; r.unannounced && !hear_proxy(r, buffer, outcome)) return outcome;
    const auto [result, more] = r.encrypted ? take_encrypted(r, buffer) : take(r, buffer);
    if (result.would_block()) return more ? reading::more : reading::drained;
    if (result.error != 0) {
        drop(r, ending::by_error);
        return reading::ended;
    }
    if (result.value == 0) {
        if (r.put_aside) shard_.turns.send_put_aside(); // so that the owner knows what is unsent
        if (on_end(r)) return reading::drained;
        if (!r.gone) drop(r, ending::by_peer);
        return reading::ended;
    }
    const auto count = static_cast<std::size_t>(result.value);
    counters().bytes_received += count;
    if (r.closing) {
        on_bytes_after_close(r, buffer.first(count));
    } else {
        on_bytes(r, buffer.first(count));
    }
    if (r.gone) return reading::ended;
    if (r.paused) return reading::drained;
    return more ? reading::more : reading::drained;
}

server::arrival server::take(record& r, std::span<std::byte> buffer) {
    const net::io_result result = shard_.calls.receive(r.descriptor, buffer);
    if (result.error != 0) return {result, result.error == EINTR};
    // A short read has emptied the socket, and the next bytes make an edge of their own; but the end of the stream, if
    // it has been announced, must be read out.
    return {result, static_cast<std::size_t>(result.value) == buffer.size() || r.read_to_end};
}

void server::pause(record& r) { r.paused = true; }

void server::wait_for_turn(record& r, bool for_room) {
    pause(r);
    shard_.turns.wait(*this, r, for_room);
}

void server::resume(record& r) {
    if (!r.paused || r.gone) return;
    r.paused = false;
    // Edges that came meanwhile were not heard, so look.
    r.ready_again = true;
    if (!r.receiving) receive(r);
}

// --- ending

void server::doom(record& r, bool slow) {
    if (r.doomed) return;
    r.doomed = true;
    if (doomed_.empty()) boost::asio::post(shard_.context, [this] { end_doomed(); });
    doomed_.push_back({records().key_of(r), slow});
}

void server::end_doomed() {
    for (std::size_t i = 0; i < ended_per_turn && !doomed_.empty(); ++i) {
        const sentence each = doomed_.front();
        doomed_.pop_front();
        record* r = find(each.key);
        if (r == nullptr) continue;
        r->doomed = false;
        if (each.slow) {
            ++counters().slow_consumers(options_.kind);
            on_slow(*r);
        } else {
            drop(*r, ending::by_error);
        }
    }
    if (!doomed_.empty()) boost::asio::post(shard_.context, [this] { end_doomed(); });
}

void server::close(record& r, std::string_view last_word, bool forget_queued) {
    if (r.gone || r.closing) return;
    if (r.put_aside) shard_.turns.send_put_aside();
    if (r.busy != nullptr && !r.busy->outbox.empty() && forget_queued) {
        const std::size_t before = r.busy->outbox.bytes();
        r.busy->outbox.forget_unsent();
        count_outbox(r, before, false);
    }
    r.doomed = false;
    if (!last_word.empty()) {
        const std::size_t sent = send_now(r, last_word);
        // The last word is small, and goes even when the outbox is full.
        if (sent < last_word.size()) queue(r, std::make_shared<const std::string>(last_word), sent, no_limit);
    }
    if (r.gone) return;
    r.closing = true;
    schedule(r, options_.close_timeout);
    if (r.busy == nullptr || r.busy->outbox.empty()) end_sending(r);
    // Nobody answers its bytes any more, but the peer's end must be heard.
    if (r.paused) {
        boost::asio::post(shard_.context, [this, key = records().key_of(r)] {
            if (record* found = find(key); found != nullptr) resume(*found);
        });
    }
}

void server::end_sending(record& r) {
    if (r.encrypted && !finish_encrypted(r)) return; // the flush that this has begun comes here again
    shard_.calls.shutdown_sending(r.descriptor);
}

void server::leave(record& r) {
    --open_;
    --counters().connections_open(options_.kind);
    shard_.wheel.cancel(r);
    if (r.counted) part({addresses_[records().index_of(r)], true});
    r.counted = false;
    r.gone = true;
}

void server::drop(record& r, ending why) {
    if (r.gone) return;
    if (r.put_aside) shard_.turns.send_put_aside();
    leave(r);
    on_gone(r, why);
    if (r.encrypted) part_encrypted(r, why);
    // Closing takes the descriptor out of the epoll set, too: no other descriptor shares its open file.
    shard_.calls.close(std::exchange(r.descriptor, -1));
    if (r.busy != nullptr) {
        counters().outbox_bytes -= static_cast<std::int64_t>(r.busy->outbox.bytes());
        if (!r.busy->outbox.empty()) --counters().outboxes;
        r.busy->outbox = {};
        // They see that the connection is gone, and the last of them releases the record.
        const auto writer = std::exchange(r.busy->writer, nullptr);
        const auto reader = std::exchange(r.busy->reader, nullptr);
        if (writer) writer.resume();
        if (reader) reader.resume();
        if (writer || reader) return;
    }
    release_if_unused(r);
}

void server::drop_all() {
    refused_.close_all();
    relays_.end_all();
    for_some(0, records().used(), [this](record& r) { drop(r, ending::by_us); });
}

int server::release_descriptor(record& r) {
    CHECK(!r.put_aside && (r.busy == nullptr || r.busy->outbox.empty()));
    shard_.poll.forget(r);
    leave(r);
    const int descriptor = std::exchange(r.descriptor, -1);
    return r.encrypted ? relay(r, descriptor) : descriptor;
}

busy_state& server::busy(record& r) {
    if (r.busy == nullptr) r.busy = new busy_state;
    return *r.busy;
}

void server::keep(record& r, std::unique_ptr<partial> what, std::size_t bytes) {
    forget_kept(r);
    busy(r).kept = std::move(what);
    keep_bytes(r, bytes);
}

void server::keep_bytes(record& r, std::size_t bytes) {
    CHECK(r.busy != nullptr && r.busy->kept != nullptr);
    std::size_t& counted = r.busy->kept->counted_bytes;
    counters().partial_bytes += static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(counted);
    counted = bytes;
}

void server::forget_kept(record& r) {
    if (r.busy == nullptr || r.busy->kept == nullptr) return;
    keep_bytes(r, 0);
    r.busy->kept.reset();
}

void server::settle(record& r) {
    if (r.busy == nullptr || r.writing || r.busy->reader || r.busy->kept != nullptr || r.busy->cut != nullptr ||
        !r.busy->outbox.empty())
        return;
    delete std::exchange(r.busy, nullptr);
}

void server::end_hold(record& r) {
    r.receiving = false;
    if (!r.gone && !r.paused && r.ready_again) {
        receive(r);
    } else {
        release_if_unused(r);
    }
}

void server::release_if_unused(record& r) {
    if (!r.gone || r.receiving || r.writing) return;
    forget_kept(r);
    delete std::exchange(r.busy, nullptr);
    shard_.records.release(r);
}

} // namespace carillon::link
