#include "outward/target.hpp"

#include "base/check.hpp"
#include "outward/error.hpp"
#include "outward/message.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

namespace carillon::outward {

namespace asio = boost::asio;

namespace {

using metrics::outward_outcome;

outward_outcome outcome_of(const answer& with) {
    if (with) return with->status >= 200 && with->status < 300 ? outward_outcome::ok : outward_outcome::refused;
    switch (static_cast<error>(with.error().value())) {
    case error::busy: return outward_outcome::busy;
    case error::broken: return outward_outcome::broken;
    case error::timed_out: return outward_outcome::timed_out;
    case error::unreachable: return outward_outcome::unreachable;
    case error::untrusted: return outward_outcome::untrusted;
    case error::lost: return outward_outcome::lost;
    case error::malformed: return outward_outcome::malformed;
    case error::too_big: return outward_outcome::too_big;
    case error::stopped: return outward_outcome::stopped;
    }
    CHECK(false);
}

// A gateway before the application says that there is none; every other status is an answer of its own.
bool says_that_nobody_is_there(unsigned status) noexcept { return status >= 502 && status <= 504; }

void trust(asio::ssl::context& into, const std::string& ca_file) {
    into.set_verify_mode(asio::ssl::verify_peer);
    SSL_CTX_set_min_proto_version(into.native_handle(), TLS1_2_VERSION);
    boost::system::error_code failed;
    if (ca_file.empty()) {
        into.set_default_verify_paths(failed);
    } else {
        into.load_verify_file(ca_file, failed);
    }
    if (failed) throw boost::system::system_error{failed, fmt::format("certificates of {}", ca_file)};
}

} // namespace

struct target::job {
    job(asio::io_context& context, http_message text, completion done)
        : message{std::move(text)}, told{std::move(done)}, deadline{context} {}

    http_message message;
    completion told; // empty: it has ended
    asio::steady_timer deadline;
    clock::time_point begun = clock::now();
    connection* on = nullptr;
    bool is_running = false;

    bool ended() const noexcept { return !told; }
};

target::target(asio::io_context& context, const target_options& how)
    : context_{&context}, options_{how},
      authority_{how.where.authority()}, breaker_{how.failures_max, how.open_for}, sweep_{context} {
    facts_.target = how.name;
    if (!how.where.encrypted) return;
    trust_.emplace(asio::ssl::context::tls_client);
    trust(*trust_, how.ca_file);
}

target::~target() = default;

bool target::admit() noexcept {
    const std::size_t most = options_.connections_max + options_.queue_max;
    if (admitted_.fetch_add(1, std::memory_order_relaxed) < most) return true;
    admitted_.fetch_sub(1, std::memory_order_relaxed);
    return false;
}

void target::ask(request what, completion done) {
    auto of = std::make_shared<job>(*context_, make_message(options_.where.target, authority_, std::move(what)),
                                    std::move(done));
    if (stopped_) return end(*of, error::stopped);
    if (!breaker_.may_ask(clock::now())) return end(*of, error::broken);
    of->deadline.expires_after(options_.timeout);
    of->deadline.async_wait([this, of](const boost::system::error_code& stopped) {
        if (!stopped && !of->ended()) on_late(*of);
    });
    waiting_.push_back(std::move(of));
    start_waiting();
}

void target::start_waiting() {
    while (!waiting_.empty() && (waiting_.front()->ended() || running_.size() < options_.connections_max)) {
        auto next = std::move(waiting_.front());
        waiting_.pop_front();
        if (next->ended()) continue;
        next->is_running = true;
        running_.push_back(next.get());
        asio::co_spawn(*context_, carry_out(std::move(next)), asio::detached);
    }
}

// Whoever asked hears it now, though a look-up may go on.
void target::on_late(job& of) {
    if (of.on != nullptr) of.on->cut();
    const bool waited = !of.is_running;
    breaker_.failed(clock::now());
    end(of, error::timed_out);
    if (waited) start_waiting(); // all have the same patience, so this one is the first that waits
}

void target::end(job& of, answer with) {
    CHECK(!of.ended());
    ++facts_.requests(outcome_of(with));
    facts_.durations.observe(clock::now() - of.begun);
    of.deadline.cancel();
    admitted_.fetch_sub(1, std::memory_order_relaxed);
    std::exchange(of.told, {})(std::move(with));
}

asio::awaitable<void> target::carry_out(std::shared_ptr<job> of) {
    std::unique_ptr<connection> on = take_idle();
    const bool reused = on != nullptr;
    response got;
    error_code failed = co_await attempt(of, on, got);
    if (failed && reused && on->silent() && !of->ended()) {
        on.reset();
        const error_code again = co_await attempt(of, on, got);
        failed = again;
    }
    of->on = nullptr;
    if (!of->ended()) settle(*of, failed, got);
    if (on->lasts()) keep(std::move(on));
    std::erase(running_, of.get());
    start_waiting();
}

asio::awaitable<error_code> target::attempt(std::shared_ptr<job> of, std::unique_ptr<connection>& on, response& into) {
    error_code failed;
    const bool is_new = on == nullptr;
    if (is_new) on = std::make_unique<connection>(*context_, options_.where, trust_ ? &*trust_ : nullptr);
    of->on = on.get();
    if (is_new) {
        const error_code closed = co_await on->open();
        failed = closed;
        if (!failed) ++facts_.connects;
    }
    if (!failed && of->ended()) failed = error::timed_out;
    if (!failed) {
        const error_code lost = co_await on->exchange(of->message, options_.response_bytes_max, into);
        failed = lost;
    }
    co_return failed;
}

void target::settle(job& of, const error_code& failed, response& got) {
    const bool is_answer = !failed && !says_that_nobody_is_there(got.status);
    if (is_answer) {
        breaker_.succeeded();
    } else {
        breaker_.failed(clock::now());
    }
    end(of, failed ? answer{failed} : answer{std::move(got)});
    if (breaker_.is() != breaker::state::open) return;
    for (const auto& each : std::exchange(waiting_, {})) {
        if (!each->ended()) end(*each, error::broken);
    }
}

// --- connections that wait for a request

void target::keep(std::unique_ptr<connection> idle) {
    if (stopped_ || options_.idle_max == std::chrono::milliseconds::zero()) return;
    idle->idle_since = clock::now();
    idle_.push_back(std::move(idle));
    if (!std::exchange(sweeping_, true)) sweep();
}

// The one that was used last is the most likely to be good.
std::unique_ptr<connection> target::take_idle() {
    while (!idle_.empty()) {
        auto last = std::move(idle_.back());
        idle_.pop_back();
        if (!last->is_stale()) return last;
    }
    return nullptr;
}

void target::sweep() {
    const auto now = clock::now();
    while (!idle_.empty() && now - idle_.front()->idle_since >= options_.idle_max) idle_.pop_front();
    sweeping_ = !idle_.empty() && !stopped_;
    if (!sweeping_) return;
    sweep_.expires_at(idle_.front()->idle_since + options_.idle_max);
    sweep_.async_wait([this](const boost::system::error_code& stopped) {
        if (!stopped) sweep();
    });
}

void target::stop() {
    stopped_ = true;
    idle_.clear();
    sweep_.cancel();
    for (job* each : running_) {
        if (each->ended()) continue;
        if (each->on != nullptr) each->on->cut();
        end(*each, error::stopped);
    }
    for (const auto& each : std::exchange(waiting_, {})) {
        if (!each->ended()) end(*each, error::stopped);
    }
}

bool target::looks_up() const noexcept {
    return std::ranges::any_of(running_, [](const job* each) { return each->on != nullptr && each->on->looks_up(); });
}

metrics::outward_facts target::facts() const {
    metrics::outward_facts copy = facts_;
    copy.requests(outward_outcome::busy) += refused_.load(std::memory_order_relaxed);
    copy.connections = idle_.size() + running_.size();
    const auto still = [](const auto& each) { return !each->ended(); };
    copy.in_flight = static_cast<std::uint64_t>(std::ranges::count_if(running_, still));
    copy.waiting = static_cast<std::uint64_t>(std::ranges::count_if(waiting_, still));
    copy.broken = breaker_.is() != breaker::state::closed;
    return copy;
}

} // namespace carillon::outward
