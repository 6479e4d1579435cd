#include "base/ablation.hpp"
#include "base/bytes.hpp"
#include "link/server.hpp"

#include <boost/asio/post.hpp>

#include <cerrno>
#include <utility>

namespace carillon::link {

namespace {
constexpr std::size_t no_limit = static_cast<std::size_t>(-1);
} // namespace

// Parks the flush coroutine in the busy state, where the next writable edge finds it.
struct server::writable_awaiter {
    explicit writable_awaiter(busy_state& state) noexcept : busy{state} {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { busy.writer = waiting; }
    void await_resume() const noexcept {}

    busy_state& busy;
};

std::size_t server::send_now(record& r, std::string_view bytes) {
    if (r.put_aside) shard_.turns.send_put_aside(); // it was said earlier
    if (r.gone || r.closing || r.doomed) return bytes.size();
    if (ablation::parked_writers || (r.busy != nullptr && (!r.busy->outbox.empty() || r.busy->cut))) return 0;
    net::io_result result;
    do {
        result = r.encrypted ? send_encrypted(r, bytes) : shard_.calls.send(r.descriptor, as_bytes(bytes));
        ++counters().sends;
    } while (result.error == EINTR); // there is room still, so no edge would come
    if (result.error != 0) {
        if (result.would_block()) {
            ++counters().send_again;
            return 0;
        }
        doom(r, false);
        return bytes.size();
    }
    counters().bytes_sent += static_cast<std::uint64_t>(result.value);
    return static_cast<std::size_t>(result.value);
}

void server::send(record& r, std::string_view bytes) {
    const std::size_t sent = send_now(r, bytes);
    // With what has been sent, so that the outbox knows of a frame that was begun.
    if (sent < bytes.size()) queue(r, std::make_shared<const std::string>(bytes), sent, options_.outbox_bytes_max);
}

// What has been sent in part is finished, whatever the limit: its peer would take the next frame, a Close even, for the
// rest of this one (RFC 6455 §5.4). So the limit may be exceeded by one piece, and then the connection ends.
void server::queue(record& r, net::shared_bytes bytes, std::size_t offset, std::size_t limit) {
    busy_state& state = busy(r);
    const bool stays_whole = offset > 0;
    if (!stays_whole && !state.outbox.fits(bytes->size(), limit)) on_full(r, bytes->size());
    const bool was_empty = state.outbox.empty();
    const std::size_t before = state.outbox.bytes();
    if (state.outbox.push(std::move(bytes), offset, stays_whole ? no_limit : limit) == net::push_result::full) {
        doom(r, true);
        return;
    }
    if (state.outbox.bytes() > limit) doom(r, true);
    count_outbox(r, before, was_empty);
    if (!r.writing) flush(r);
    if constexpr (ablation::parked_writers) {
        boost::asio::post(shard_.context, [this, key = records().key_of(r)] {
            record* found = find(key);
            if (found != nullptr && found->busy != nullptr && found->busy->writer)
                std::exchange(found->busy->writer, nullptr).resume();
        });
    }
}

void server::count_outbox(const record& r, std::size_t before, bool was_empty) {
    const net::outbox& outbox = r.busy->outbox;
    counters().outbox_bytes += static_cast<std::int64_t>(outbox.bytes()) - static_cast<std::int64_t>(before);
    counters().outboxes += static_cast<std::int64_t>(was_empty) - static_cast<std::int64_t>(outbox.empty());
}

// The writer goroutine of the article, alive only while the peer does not take what there is.
net::detached server::flush(record& r) {
    const auto pass = coroutines_.enter();
    r.writing = true;
    shard_.poll.watch_writing(r);
    while (!r.gone && has_unsent(r)) {
        co_await writable_awaiter{*r.busy};
        if (r.gone || !has_unsent(r)) break; // close() may have forgotten what waited
        const bool healthy = write_burst(r);
        if (!healthy) break;
    }
    r.writing = false;
    if (!r.gone && r.closing && !has_unsent(r)) end_sending(r);
    settle(r);
    release_if_unused(r);
}

bool server::has_unsent(record& r) {
    return (r.busy != nullptr && !r.busy->outbox.empty()) || (r.encrypted && stream_of(r).has_unsent());
}

// As a goroutine with a bufio.Writer: there from the first byte to the last (ablation::parked_writers).
net::detached server::park_writer(record& r) {
    const auto pass = coroutines_.enter();
    r.writing = true;
    [[maybe_unused]] const std::vector<std::byte> buffer(4096);
    shard_.poll.watch_writing(r);
    while (!r.gone) {
        co_await writable_awaiter{busy(r)};
        if (r.gone) break;
        if (r.busy->outbox.empty()) continue;
        const bool healthy = write_burst(r);
        if (!healthy) break;
        if (r.closing && r.busy->outbox.empty()) end_sending(r);
    }
    r.writing = false;
    release_if_unused(r);
}

bool server::write_burst(record& r) {
    net::outbox& outbox = r.busy->outbox;
    const std::size_t before = outbox.bytes();
    net::io_result result;
    do {
        result = r.encrypted ? flush_encrypted(r) : outbox.send(shard_.calls, r.descriptor);
        ++counters().sends;
        counters().bytes_sent += static_cast<std::uint64_t>(result.value);
    } while (result.error == EINTR);
    count_outbox(r, before, before == 0);
    if (result.would_block()) ++counters().send_again;
    if (result.error == 0 || result.would_block()) return true;
    doom(r, false);
    return false;
}

} // namespace carillon::link
