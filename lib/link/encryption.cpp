#include "base/bytes.hpp"
#include "link/server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace carillon::link {

namespace {

// What one TLS record takes (RFC 8446 §5.1). Small pieces of an outbox share one.
constexpr std::size_t record_bytes = 16 * 1024;

// A descriptor, as a stream wants it.
class socket_wire final : public tls::wire {
public:
    socket_wire(const net::system_calls& calls, int descriptor) noexcept : calls_{calls}, descriptor_{descriptor} {}

    long read(std::span<std::byte> into) override { return said(calls_.receive(descriptor_, into)); }
    long write(std::span<const std::byte> bytes) override { return said(calls_.send(descriptor_, bytes)); }

private:
    static long said(net::io_result result) noexcept {
        if (result.error == 0) return result.value;
        if (result.error == EINTR) return -EINTR;
        return result.would_block() ? -EAGAIN : -result.error;
    }

    const net::system_calls& calls_;
    int descriptor_;
};

// Copies what follows the first `from` bytes of the pieces; returns how much.
std::size_t gather(std::span<const iovec> pieces, std::size_t from, std::span<std::byte> into) {
    std::size_t size = 0;
    for (const iovec& each : pieces) {
        if (from >= each.iov_len) {
            from -= each.iov_len;
            continue;
        }
        const std::size_t part = std::min(each.iov_len - from, into.size() - size);
        std::memcpy(into.data() + size, static_cast<const std::byte*>(each.iov_base) + from, part);
        size += part;
        from = 0;
        if (size == into.size()) break;
    }
    return size;
}

} // namespace

tls::stream& server::stream_of(const record& r) { return *streams_[records().index_of(r)]; }

// Null: there are as many handshakes as allowed, or there is no memory.
std::unique_ptr<tls::stream> server::begin_handshake() {
    CHECK(options_.entrance != nullptr);
    std::unique_ptr<tls::stream> made;
    if (handshakes_ < options_.handshakes_max) made = tls::stream::accept(options_.entrance->now());
    if (made == nullptr) count_handshake(metrics::tls_handshake::refused);
    return made;
}

void server::count_handshake(metrics::tls_handshake what) {
    switch (options_.kind) {
    case metrics::connection_kind::websocket: ++counters().tls_handshakes(what); return;
    case metrics::connection_kind::resp: ++counters().bus_tls_handshakes(what); return;
    }
    CHECK(false);
}

void server::encrypt(record& r, std::unique_ptr<tls::stream> with) {
    const std::uint32_t index = records().index_of(r);
    if (index >= streams_.size()) streams_.resize(index + 1);
    streams_[index] = std::move(with);
    r.encrypted = true;
    ++counters().tls_connections;
    ++counters().tls_handshakes_in_flight;
    ++handshakes_;
}

server::arrival server::take_encrypted(record& r, std::span<std::byte> buffer) {
    tls::stream& stream = stream_of(r);
    const bool shook_hands = !stream.established();
    socket_wire wire{shard_.calls, r.descriptor};
    const tls::stream::received got = stream.receive(wire, buffer);
    if (shook_hands) {
        shard_.turns.has_toiled();
        if (stream.established()) {
            using metrics::tls_handshake;
            --counters().tls_handshakes_in_flight;
            --handshakes_;
            count_handshake(stream.resumed() ? tls_handshake::resumed : tls_handshake::full);
            on_established(r);
        }
    }
    // Messages of the protocol itself, which the socket does not take now.
    if (stream.has_unsent() && !r.writing) {
        busy(r);
        flush(r);
    }
    return {{static_cast<long>(got.bytes), got.error}, got.more || (r.read_to_end && got.bytes > 0)};
}

// As the system call. What is said before the handshake is over is for nobody.
net::io_result server::send_encrypted(record& r, std::string_view bytes) {
    tls::stream& stream = stream_of(r);
    if (!stream.established()) return {static_cast<long>(bytes.size()), 0};
    socket_wire wire{shard_.calls, r.descriptor};
    const tls::stream::sent done = stream.send(wire, as_bytes(bytes));
    if (stream.has_unsent() && !r.writing) {
        busy(r);
        flush(r);
    }
    return {static_cast<long>(done.bytes), done.error};
}

// As outbox::send(). The rest of a record that was begun goes first: it may be all that there is.
net::io_result server::flush_encrypted(record& r) {
    tls::stream& stream = stream_of(r);
    socket_wire wire{shard_.calls, r.descriptor};
    if (const int why = stream.flush(wire)) return {0, why};
    // All of them, record by record: less would say that the socket takes no more, and no edge would come.
    return r.busy->outbox.send([&](std::span<const iovec> pieces) -> net::io_result {
        std::array<std::byte, record_bytes> gathered;
        std::size_t taken = 0;
        while (!stream.has_unsent()) {
            const std::size_t size = gather(pieces, taken, gathered);
            if (size == 0) break;
            const tls::stream::sent done = stream.send(wire, std::span{gathered}.first(size));
            if (done.error != 0 && taken == 0) return {0, done.error};
            taken += done.bytes;
            if (done.bytes < size) break;
        }
        if (taken == 0) return {0, EAGAIN};
        return {static_cast<long>(taken), 0};
    });
}

// False: something is unsent yet, and a flush is under way.
bool server::finish_encrypted(record& r) {
    tls::stream& stream = stream_of(r);
    socket_wire wire{shard_.calls, r.descriptor};
    stream.finish(wire);
    if (!stream.has_unsent()) return true;
    if (!r.writing) {
        busy(r);
        flush(r);
    }
    return false;
}

std::unique_ptr<tls::stream> server::end_encryption(record& r) {
    --counters().tls_connections;
    return std::move(streams_[records().index_of(r)]);
}

// Before its descriptor closes. That nothing follows may be said only where all has been sent: the peer shall see that
// it has lost something.
void server::part_encrypted(record& r, ending why) {
    const bool lost_something = has_unsent(r);
    const std::unique_ptr<tls::stream> stream = end_encryption(r);
    if (!stream->established()) {
        using metrics::tls_handshake;
        --counters().tls_handshakes_in_flight;
        --handshakes_;
        count_handshake(why == ending::by_error  ? tls_handshake::failed
                        : why == ending::by_peer ? tls_handshake::abandoned
                                                 : tls_handshake::cut);
    } else if (why != ending::by_error && !lost_something) {
        socket_wire wire{shard_.calls, r.descriptor};
        stream->finish(wire);
    }
}

int server::relay(record& r, int descriptor) {
    std::unique_ptr<tls::stream> stream = end_encryption(r);
    const int end = relays_.take(descriptor, std::move(stream));
    // A flush may wait for the room that the relay waits for now.
    if (r.busy != nullptr && r.busy->writer) std::exchange(r.busy->writer, nullptr).resume();
    return end;
}

} // namespace carillon::link
