#include "link/turn.hpp"

#include "base/check.hpp"
#include "link/server.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace carillon::link {

namespace {
// To look at the clock costs as much as a small command; a look for so many questions is enough.
constexpr unsigned questions_for_a_look = 8;
} // namespace

turn::turn(boost::asio::io_context& context, net::slab& records, const limits& how, clock::time_point (*now)())
    : context_{&context}, records_{&records}, limits_{how}, now_{now} {}

void turn::begin() {
    under_way_ = true;
    renew();
}

void turn::renew() {
    over_ = false;
    asked_ = 0;
    until_ = now_() + limits_.time_max;
    if (deliveries_ != nullptr) deliveries_->renew();
}

bool turn::over() {
    join(); // who asks outside of a turn, as for a connection just accepted, must not hear of the last one
    if (over_ || ++asked_ % questions_for_a_look != 0) return over_;
    over_ = now_() >= until_;
    if (over_) ++counts_.cut_short;
    return over_;
}

void turn::has_toiled() noexcept { asked_ = questions_for_a_look - 1; }

void turn::end() {
    send_put_aside();
    const bool delivered = deliveries_ == nullptr || deliveries_->go_on();
    under_way_ = false;
    // While there is no room, a turn makes some: there is something left to deliver.
    if (!delivered || waiting() > 0) post();
}

void turn::join() {
    if (under_way_ || posted_) return;
    renew();
    post();
}

void turn::post() {
    if (std::exchange(posted_, true)) return;
    boost::asio::post(*context_, [this] {
        posted_ = false;
        begin();
        send_put_aside();
        // First what was published first, so that those who wait for room find some.
        if (deliveries_ != nullptr) (void)deliveries_->go_on();
        serve(in_time_, false);
        serve(for_room_, true);
        end();
    });
}

void turn::wait(server& whose, record& r, bool for_room) {
    if (r.in_line) return;
    r.in_line = true;
    ++counts_.waits;
    (for_room ? for_room_ : in_time_).push_back({&whose, records_->key_of(r)});
    join();
}

// Each of them once: who has to wait again stands behind the others.
void turn::serve(std::deque<place_in_line>& line, bool needs_room) {
    for (std::size_t left = line.size(); left > 0 && !over() && !(needs_room && congested()); --left) {
        const place_in_line next = line.front();
        line.pop_front();
        record* const found = next.by->find(next.whose);
        if (found == nullptr) continue;
        found->in_line = false;
        if (found->closing) {
            next.by->resume(*found); // nobody answers it, but its end must be heard
        } else {
            next.by->on_turn(*found);
        }
    }
}

void turn::put_aside(server& whose, record& r, std::string_view bytes) {
    if (put_aside_.size() + bytes.size() > limits_.put_aside_bytes_max || portions_.size() >= limits_.portions_max) {
        send_put_aside();
        if (bytes.size() > limits_.put_aside_bytes_max) return whose.send(r, bytes);
    }
    join();
    put_aside_.append(bytes);
    if (!portions_.empty() && portions_.back().whose == &r) {
        portions_.back().bytes += bytes.size();
    } else {
        portions_.push_back({&whose, &r, bytes.size()});
    }
    r.put_aside = true;
}

// All of it, whoever asks: what came first goes first, and nobody has to be looked up.
void turn::send_put_aside() {
    if (portions_.empty()) return;
    for (const portion& each : portions_) each.whose->put_aside = false;
    std::string_view left = put_aside_;
    for (const portion& each : portions_) {
        each.by->send(*each.whose, left.substr(0, each.bytes));
        left.remove_prefix(each.bytes);
    }
    portions_.clear();
    put_aside_.clear();
}

} // namespace carillon::link
