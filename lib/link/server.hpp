#pragma once

#include "link/farewells.hpp"
#include "link/relays.hpp"
#include "link/turn.hpp"
#include "metrics/shard_counters.hpp"
#include "net/netpoll.hpp"
#include "net/outbox.hpp"
#include "net/slab.hpp"
#include "net/system_calls.hpp"
#include "net/timer_wheel.hpp"
#include "peer/admission.hpp"
#include "peer/network.hpp"
#include "tls/stream.hpp"
#include "work/work_pool.hpp"

#include <boost/asio/io_context.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::link {

/// What an owner keeps of a connection while it is in the middle of something: half a message, replies that wait.
struct partial {
    virtual ~partial() = default;
    std::size_t counted_bytes = 0; ///< of it, in the metric carillon_partial_bytes
};

/// What a connection has only while it is busy.
struct busy_state {
    net::outbox outbox;
    std::coroutine_handle<> writer; ///< the flush coroutine, while it waits for room
    std::coroutine_handle<> reader; ///< the receive coroutine, in a build where it is parked between bursts
    std::unique_ptr<partial> kept;
    std::unique_ptr<partial> cut; ///< what the owner must see to first: while it is there, nothing is sent directly
};

/// The record of a connection as this room needs it; an owner's record derives from it.
struct record : net::connection {
    busy_state* busy = nullptr; ///< null while the connection is idle
};

/// The parts of a shard that connections live on; all outlive the servers.
struct floor {
    boost::asio::io_context& context;
    net::slab& records;
    net::netpoll& poll;
    net::timer_wheel& wheel;
    work::work_pool& pool;
    turn& turns;
    metrics::shard_counters& counters;
    const net::system_calls& calls;
    net::timer_wheel::clock::time_point (*now)() = net::timer_wheel::clock::now; ///< for deadlines; a test has its own
};

/// Why a connection has ended, for the owner's counters.
enum class ending : std::uint8_t { by_peer, by_error, by_us };

/// The spine of every connection, whatever it speaks: accepted with a lease, read by a coroutine that is born on
/// readiness and holds a lease, written at once, and by a second coroutine only while the peer does not take it. What
/// the bytes mean is for the class that derives from it. Replies may be put aside until the shard's turn ends, so that
/// a peer with many connections wakes once for all of them. A connection ends in one place (`drop`), and its
/// record is given back when its last coroutine has ended. Thread: the shard's.
class server : public net::event_sink {
public:
    struct options {
        net::owner who = net::owner::websocket;
        metrics::connection_kind kind = metrics::connection_kind::websocket;
        std::size_t outbox_bytes_max = 1024 * 1024;     ///< more waiting makes a slow consumer
        std::chrono::milliseconds close_timeout{5'000}; ///< for the peer to end its side after we ended ours
        std::uint32_t connections_max = 0xffffffff;
        std::size_t farewells_max = 16;            ///< connections over that limit that are closed a while later
        tls::entrance* entrance = nullptr;         ///< for encrypted(): outlives the server
        std::uint32_t handshakes_max = 0xffffffff; ///< of TLS, that have begun here and are not over
        std::size_t relays_max = 256;              ///< encrypted connections whose descriptor was released
        bool proxy_header = false;                 ///< each connection begins with one (peer::proxy_header)
        /// Who may bring the connections of others; with `proxy_header`, none means everybody. Outlives the server.
        const peer::trusted* proxies = nullptr;
        peer::admission* admission = nullptr; ///< who may come in; none: everybody. Outlives the server
    };

    server(const floor& shard, const options& how);
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server();

    /// Takes a descriptor that was just accepted, and reads what is already there with the acceptor's lease.
    void operator()(int descriptor, work::lease& held) { admit(descriptor, held, false); }
    /// The same for a connection on which TLS is spoken.
    class encrypting {
    public:
        explicit encrypting(server& of) noexcept : of_{of} {}
        void operator()(int descriptor, work::lease& held) { of_.admit(descriptor, held, true); }

    private:
        server& of_;
    };

    void on_ready(net::connection& c, net::readiness what) final;

    /// Ends every connection now.
    void drop_all();

    std::uint32_t open() const noexcept { return open_; }
    std::size_t coroutines() const noexcept { return coroutines_.inside(); }

    /// Calls `visit(record&)` for each open connection with an index below `end` from `first` on, in slab order; the
    /// call may end it. Returns where to go on, `net::no_index` when there is nothing further.
    template <class Visit>
    std::uint32_t for_some(std::uint32_t first, std::uint32_t count, Visit&& visit) {
        const std::uint32_t end = std::min(records().used(), first + count);
        for (std::uint32_t index = first; index < end; ++index) {
            net::connection& c = records().at(index);
            if (c.owned_by == options_.who && !c.gone) visit(static_cast<record&>(c));
        }
        return end == records().used() ? net::no_index : end;
    }

protected:
    /// A new record in the slab, or null when it is full.
    virtual record* make_record() = 0;
    /// Called for a connection over the limit: may send a last word; the descriptor is closed when the peer has
    /// had time to read it.
    virtual void refuse(int descriptor) = 0;
    /// Somebody is not let in, whose address it is as far as that is known. May send a last word if `hears`.
    virtual void on_turned_away(int, metrics::connection_refusal, const peer::address&, bool /*hears*/) {}
    /// The record has its descriptor: set the first deadline.
    virtual void on_open(record& r) = 0;
    /// The handshake of TLS is over. Does not end the connection.
    virtual void on_established(record&) {}
    /// Bytes have come. They are the owner's until it returns; 64 more may be read after them. May end the connection.
    virtual void on_bytes(record& r, std::span<std::byte> bytes) = 0;
    /// The same after close(): nothing is answered any more. May drop the connection.
    virtual void on_bytes_after_close(record&, std::span<std::byte>) {}
    /// The peer has ended its direction. True: it still gets something, and the owner sees to an end of that; false:
    /// the connection ends now. Called again for each further look at the socket.
    virtual bool on_end(record&) { return false; }
    /// Something that is not dropped does not fit: drop what may be dropped, by change_outbox(), for so many bytes. May
    /// be called in the middle of a delivery, as all that queues.
    virtual void on_full(record&, std::size_t /*bytes*/) {}
    /// The outbox was full. Called outside of deliveries; ends the connection one way or the other.
    virtual void on_slow(record& r) = 0;
    /// A connection that has waited in line goes on; it is still paused.
    virtual void on_turn(record& r) { resume(r); }
    /// The connection has ended: leave channels, count. The record goes afterwards; `busy` is still there.
    virtual void on_gone(record& r, ending why) = 0;

    /// Pauses the connection and lets it wait in line until a later turn has time for it, and room if it is
    /// `for_room`: then on_turn() is called.
    void wait_for_turn(record& r, bool for_room);

    /// Sends now what the kernel takes, and queues the rest. May be called in the middle of a delivery: a connection
    /// that fails or is too slow is ended afterwards.
    void send(record& r, std::string_view bytes);
    /// The same for frames with several receivers; `share()` gives a shared copy of `bytes` for those who must queue
    /// it.
    template <class Share>
    void send(record& r, std::string_view bytes, Share&& share) {
        send_or(r, bytes, [&](std::size_t sent) { queue_rest(r, share(), sent); });
    }
    /// Sends now what the kernel takes, and calls `rest(so many bytes)` if that is not all: it sees to the others.
    template <class Rest>
    void send_or(record& r, std::string_view bytes, Rest&& rest) {
        const std::size_t sent = send_now(r, bytes);
        if (sent < bytes.size()) rest(sent);
    }
    void queue_rest(record& r, net::shared_bytes bytes, std::size_t sent) {
        queue(r, std::move(bytes), sent, options_.outbox_bytes_max);
    }
    /// Changes what waits for a connection: `change(outbox)`. Keeps the books, and sees to what is there afterwards.
    template <class Change>
    void change_outbox(record& r, Change&& change) {
        busy_state& state = busy(r);
        const std::size_t before = state.outbox.bytes();
        const bool was_empty = state.outbox.empty();
        change(state.outbox);
        count_outbox(r, before, was_empty);
        if (!state.outbox.empty() && !r.writing) flush(r);
    }
    /// It is ended as one that is too slow, when no delivery is under way.
    void end_slow_later(record& r) { doom(r, true); }

    /// Puts a copy of the bytes aside and sends it when the turn ends: earlier if more is sent to this connection, if
    /// it ends, or if too much is put aside. Order is kept. Delivers nothing to others.
    void send_later(record& r, std::string_view bytes) {
        if (!bytes.empty() && !r.gone && !r.closing && !r.doomed) shard_.turns.put_aside(*this, r, bytes);
    }

    /// Sends the last word and then ends our direction; the peer has close_timeout to end its own. Forgets what still
    /// waits when `forget_queued`.
    void close(record& r, std::string_view last_word, bool forget_queued);
    /// Leaves the peer's bytes in the kernel until resume(): back pressure for who sends more than can be answered.
    void pause(record& r);
    void resume(record& r);
    /// Ends the connection now.
    void drop(record& r, ending why);

    /// While it lives the record stays, though its connection may end. For who goes on with a connection outside of
    /// on_bytes(), when an answer has come. Readiness that is told meanwhile is looked at afterwards.
    class hold {
    public:
        hold(server& of, record& r) noexcept : of_{of}, held_{r}, was_receiving_{r.receiving} { r.receiving = true; }
        hold(const hold&) = delete;
        hold& operator=(const hold&) = delete;
        ~hold() {
            if (!was_receiving_) of_.end_hold(held_);
        }

    private:
        server& of_;
        record& held_;
        bool was_receiving_;
    };

    /// Takes the descriptor out of the shard's hands without closing it; the record ends. Of an encrypted connection it
    /// is another, on which the same is said without TLS; -1 when there is none to be had, and the connection has
    /// ended.
    int release_descriptor(record& r);

    /// Whether its handshake of TLS is still under way.
    bool shakes_hands(const record& r) { return r.encrypted && !stream_of(r).established(); }

    // takeover.cpp: connections that go from one process to another
    /// Whether all that there is of it is in its record and in the owner's: nothing half-read, half-written or waiting.
    bool is_at_rest(const record& r) const noexcept;
    /// Another process has the connection, too, and goes on with it: the record ends, and the socket stays open.
    void give_away(record& r);
    /// Called by give_away() instead of on_gone(): nothing has ended.
    virtual void on_given_away(record&) {}
    /// A record for a connection that another process has had; null: there is no room, and the descriptor is the
    /// caller's. It is not looked at before begin().
    record* adopt(int descriptor, const peer::address& whose);
    /// False: the connection cannot be watched, and has ended.
    bool begin(record& r);

    busy_state& busy(record& r);
    /// Keeps something half-received, of `bytes` bytes now; keep_bytes says when that has changed.
    void keep(record& r, std::unique_ptr<partial> what, std::size_t bytes);
    void keep_bytes(record& r, std::size_t bytes);
    /// Forgets what was kept.
    void forget_kept(record& r);
    /// Gives the busy state back if nothing is in it.
    void settle(record& r);

    void schedule(record& r, std::chrono::milliseconds after) { shard_.wheel.schedule(r, shard_.now(), after); }
    void cancel_deadline(record& r) { shard_.wheel.cancel(r); }

    /// Whose connection it is: what a proxy has said of it, or else the other end of its socket.
    peer::address address_of(const record& r) const noexcept;
    /// The same, not known where only the socket would have to be asked.
    peer::address kept_address(const record& r) const noexcept;
    /// Whether a proxy that is trusted has brought it, and has not said yet whose it is.
    bool is_of_proxy(const record& r) const noexcept;
    /// A proxy says whose it is. Not empty: so that it may not come in.
    std::optional<metrics::connection_refusal> learn_address(record& r, const peer::address& whose);

    net::slab& records() noexcept { return shard_.records; }
    metrics::shard_counters& counters() noexcept { return shard_.counters; }
    record* find(net::connection_key key) noexcept;
    const floor& shard() const noexcept { return shard_; }

private:
    friend class turn;

    enum class reading : std::uint8_t { drained, more, ended };
    struct writable_awaiter;
    struct readable_awaiter;
    struct arrival {
        net::io_result result;
        bool more = false; ///< there may be more now
    };

    void admit(int descriptor, work::lease& held, bool encrypted);
    net::detached receive(record& r);
    net::detached flush(record& r);
    net::detached park_writer(record& r);
    reading read_burst(record& r, work::lease& held);
    arrival take(record& r, std::span<std::byte> buffer);
    bool has_unsent(record& r);
    bool write_burst(record& r);
    std::size_t send_now(record& r, std::string_view bytes);
    void queue(record& r, net::shared_bytes bytes, std::size_t offset, std::size_t limit);
    void count_outbox(const record& r, std::size_t before, bool was_empty);
    void doom(record& r, bool slow);
    void end_doomed();
    void end_sending(record& r);
    void leave(record& r);
    void release_if_unused(record& r);
    void end_hold(record& r);

    // addresses.cpp: whose connections these are, and whether they may come in
    struct newcomer {
        peer::address whose{};
        bool counted = false; // by the admission, until it leaves
    };
    static bool needs_addresses(const options& how) noexcept;
    bool is_trusted(const peer::address& whose) const noexcept;
    std::optional<metrics::connection_refusal> judge(int descriptor, newcomer& who);
    std::optional<metrics::connection_refusal> enter(newcomer& who);
    void turn_away(int descriptor, metrics::connection_refusal why, const peer::address& whose, bool encrypted);
    void greet(record& r, const newcomer& who);
    void part(const newcomer& who);
    bool hear_proxy(record& r, std::span<std::byte> buffer, reading& outcome);
    void expel(record& r, metrics::connection_refusal why);

    // encryption.cpp: what is different where TLS is spoken
    tls::stream& stream_of(const record& r);
    std::unique_ptr<tls::stream> begin_handshake();
    void count_handshake(metrics::tls_handshake what);
    void encrypt(record& r, std::unique_ptr<tls::stream> with);
    arrival take_encrypted(record& r, std::span<std::byte> buffer);
    net::io_result send_encrypted(record& r, std::string_view bytes);
    net::io_result flush_encrypted(record& r);
    bool finish_encrypted(record& r);
    std::unique_ptr<tls::stream> end_encryption(record& r);
    void part_encrypted(record& r, ending why);
    int relay(record& r, int descriptor);

    struct sentence {
        net::connection_key key;
        bool slow;
    };

    floor shard_;
    options options_;
    net::gate coroutines_;
    farewells refused_;
    relays relays_;
    std::deque<std::unique_ptr<tls::stream>> streams_; // by the record's place, up to the last that had one
    std::deque<sentence> doomed_;                      // at most one for each connection
    std::uint32_t open_ = 0;
    std::uint32_t handshakes_ = 0;         // under way
    bool keeps_addresses_;                 // else a socket is asked when somebody wants to know
    std::vector<peer::address> addresses_; // if they are kept, by the record's place, up to the last there was
};

} // namespace carillon::link
